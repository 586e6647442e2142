"""What the benches share. Each bench_X.py is a script of this form:

    import bench

    def rows():
        with bench.both("some-name", CONFIGURATION) as daemons:
            ours, oracle = bench.alternate(daemons, measure, rounds=5)      # measure(daemon) returns a number
            yield bench.row("calls", "1/s", ours, oracle, goal=20, better="higher")

    if __name__ == "__main__":
        bench.main(rows)

It runs as root inside a booted box, where both daemons are installed, and prints one JSON object per row.
"""

import contextlib
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

from daemon import Daemon, ORACLE, OURS  # noqa: E402: of the tests
from waiting import wait_until  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def row(name, unit, ours, oracle, *, better, goal=None, limit=None):
    """`ours` and `oracle` are all measured values. `goal`: how many times better ours must be. `limit`: what our median
    must not pass, for things that the oracle cannot do (`oracle` is empty then)."""
    return {"name": name, "unit": unit, "ours": list(ours), "oracle": list(oracle), "goal": goal, "limit": limit,
            "better": better}


def main(rows):
    for one in rows():
        print(json.dumps(one), flush=True)


def tool(name):
    """The path of a program that tests/bench/meson.build makes."""
    return os.path.join(os.environ["SUPERSEDE_BENCH_TOOLS"], name)


def pair(name, text, level="info"):
    """Both daemons, configured, not started."""
    daemons = Daemon(OURS, f"{name}-ours"), Daemon(ORACLE, f"{name}-oracle")
    for daemon in daemons:
        daemon.configure(text, level)
    return daemons


@contextlib.contextmanager
def both(name, text, level="info"):
    """Both daemons running with the same configuration: (ours, the oracle)."""
    daemons = pair(name, text, level)
    try:
        for daemon in daemons:
            daemon.start()
        yield daemons
    finally:
        for daemon in daemons:
            daemon.stop()


def alternate(daemons, measure, rounds):
    """measure(daemon) for one, then for the other, and again, so that what else the machine does meets both. Returns
    the values of the first, and those of the second."""
    values = [[], []]
    for number in range(rounds):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            values[which].append(measure(daemons[which]))
    return values


def timed(function, *arguments):
    """How many seconds a call takes."""
    start = time.monotonic()
    function(*arguments)
    return time.monotonic() - start


def wait_running(daemon, count, seconds=120):
    """Until `count` processes are RUNNING."""
    def running():
        return sum(info["statename"] == "RUNNING" for info in daemon.rpc.supervisor.getAllProcessInfo()) == count
    wait_until(running, f"{daemon.name}: {count} processes RUNNING", seconds, interval=0.2)


# --- what a process uses ---

def cpu_seconds(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid, field="Rss"):
    """MB that a process holds: Rss, Pss, Private_Dirty, ... of smaps_rollup."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":")) / 1024


@contextlib.contextmanager
def cpu_used(pid):
    """A list that holds, after the block, the CPU seconds the process used within it."""
    used = []
    before = cpu_seconds(pid)
    yield used
    used.append(cpu_seconds(pid) - before)


# --- many calls of one kind ---

def request_body(method):
    return f"<?xml version='1.0'?>\n<methodCall><methodName>{method}</methodName><params></params></methodCall>"


def calls_per_second(daemon, method, seconds=2.0, connections=4):
    """How many calls a second the daemon answers over kept connections, asked by a client in C that only sends and
    counts."""
    done = subprocess.run([tool("rpc-load"), daemon.path("socket"), str(seconds), str(connections), request_body(method)],
                          stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)
