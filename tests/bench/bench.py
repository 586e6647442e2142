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
# Ours gives back what starting has needed 5 seconds later; whoever looks at rest waits that long for both.
SETTLING_SECONDS = 6
# Smaller and fewer, to see that everything works: tests/bench/run --quick.
QUICK = "SUPERSEDE_BENCH_QUICK" in os.environ


def scaled(full, quick):
    return quick if QUICK else full


def row(name, unit, ours, oracle, *, better, goal=None, limit=None, curve=None, count=None):
    """`ours` and `oracle` are all measured values. `goal`: how many times better ours must be. `limit`: what our median
    must not pass, for things that the oracle cannot do (`oracle` is empty then). A row with a `curve` is a point of that
    curve of the plot, at `count` programs."""
    return {"name": name, "unit": unit, "ours": list(ours), "oracle": list(oracle), "goal": goal, "limit": limit,
            "better": better, "curve": curve, "count": count}


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


def fleet(count, startsecs=0, autostart=True):
    """The configuration of one program with `count` processes that do nothing."""
    return f"""\
[program:p]
command=/bin/sleep 86400
process_name=%(program_name)s-%(process_num)04d
numprocs={count}
startsecs={startsecs}
autostart={str(autostart).lower()}
"""


def status(daemon, count):
    """The daemon's own client asks it for its processes, all of which run."""
    done = subprocess.run([daemon.role.program("supervisorctl"), "-c", daemon.conf, "status"], check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.count("RUNNING")
    if lines != count:
        raise AssertionError(f"{daemon.name}: {lines} of {count} processes in the output of status")


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


def idle_cost(pids, seconds):
    """For each process of `pids`, which rest side by side: (milliseconds of CPU time, wake-ups) in `seconds`."""
    before = [(cpu_exactly(pid), wakeups(pid)) for pid in pids]
    time.sleep(seconds)
    return [(1000 * (cpu_exactly(pid) - cpu), wakeups(pid) - woken) for pid, (cpu, woken) in zip(pids, before)]


def cpu_exactly(pid):
    """As cpu_seconds(), to the nanosecond, of the threads that there are."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def wakeups(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))


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
