"""A program's output into a rotating log file: how fast, and what it costs the daemon, beside `program | cat > file` and
beside the floor: programs that do nothing but bring a pipe into such a file, or nothing but empty it."""

import glob
import os
import statistics
import subprocess
import time

import bench
from waiting import wait_until

ROUNDS = 5
MEGABYTES = 400
# Name of the program and size of its writes.
WRITES = {"lines": 100, "blocks": 4000}
# What tests/bench/floor does: its words, method, bytes of the pipe, microseconds of rest.
FLOORS = {
    "splice, pipe of 1 MiB as ours": ("splice", 1024 * 1024, 1000),
    "splice, pipe of 256 KiB": ("splice", 256 * 1024, 250),
    "splice, pipe of 64 KiB": ("splice", 64 * 1024, 60),
    "read and write, pipe of 64 KiB": ("copy", 64 * 1024, 0),
    "splice to /dev/null, pipe of 1 MiB": ("discard", 1024 * 1024, 1000),
}
PROGRAMS = "".join(f"""\
[program:{name}]
command={bench.tool('spew')} {MEGABYTES} {write}
autostart=false
autorestart=false
startsecs=0
stdout_logfile=%(here)s/{name}.log
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=10
""" for name, write in WRITES.items())


def size(daemon, name):
    total = 0
    for path in glob.glob(daemon.path(f"{name}.log*")):
        try:
            total += os.stat(path).st_size
        except FileNotFoundError:
            pass  # it was renamed between the two looks
    return total


def remove_logs(daemon, name):
    """The oracle does not clear the log of a process that is not running."""
    for path in glob.glob(daemon.path(f"{name}.log*")):
        os.truncate(path, 0)
        if not path.endswith(".log"):
            os.unlink(path)


def is_at_rest(daemon):
    with bench.cpu_used(daemon.process.pid) as used:
        time.sleep(0.3)
    return used[0] <= 1 / bench.TICKS


def measure(daemon, name):
    """(MB/s, CPU seconds of the daemon per GB) of one run."""
    remove_logs(daemon, name)
    cpu = bench.cpu_seconds(daemon.process.pid)
    begin = time.monotonic()
    daemon.rpc.supervisor.startProcess(name)
    wait_until(lambda: size(daemon, name) == MEGABYTES * 1000 * 1000, "all of it in the files", seconds=60, interval=0.005)
    seconds = time.monotonic() - begin
    daemon.wait_state(name, "EXITED")
    # The journal's copy comes behind.
    wait_until(lambda: is_at_rest(daemon), "the daemon to rest", interval=0)
    used = bench.cpu_seconds(daemon.process.pid) - cpu
    remove_logs(daemon, name)
    return MEGABYTES / seconds, used * 1000 / MEGABYTES


def measure_cat(directory, name):
    path = os.path.join(directory, "cat.log")
    begin = time.monotonic()
    subprocess.run(f"{bench.tool('spew')} {MEGABYTES} {WRITES[name]} | cat > {path}", shell=True, check=True)
    seconds = time.monotonic() - begin
    os.unlink(path)
    return MEGABYTES / seconds


def measure_floor(directory, name, method, pipe, rest):
    """(MB/s, CPU seconds per GB) of a program that does this alone."""
    path = "/dev/null" if method == "discard" else os.path.join(directory, "floor.log")
    command = f"{bench.tool('spew')} {MEGABYTES} {WRITES[name]} | {bench.tool('floor')} {method} {pipe} {rest} {path}"
    said = subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE, text=True).stdout
    for made in glob.glob(os.path.join(directory, "floor.log*")):
        os.unlink(made)
    return tuple(map(float, said.split()))


def rows_of(name, daemons):
    speeds, costs, cat = ([], []), ([], []), []
    floors = {words: ([], []) for words in FLOORS}
    for _ in range(ROUNDS):
        for which, daemon in enumerate(daemons):
            speed, cost = measure(daemon, name)
            speeds[which].append(speed)
            costs[which].append(cost)
        cat.append(measure_cat(daemons[0].directory, name))
        for words, (floor_speeds, floor_costs) in floors.items():
            speed, cost = measure_floor(daemons[0].directory, name, *FLOORS[words])
            floor_speeds.append(speed)
            floor_costs.append(cost)
    wanted = min(8 * statistics.median(speeds[1]), statistics.median(cat) / 1.3)
    what = f"writes of {WRITES[name]} bytes"
    yield bench.row(f"{what} into a log rotated at 50 MB", "MB/s", *speeds, better="higher", limit=wanted)
    yield bench.row(f"{what}, beside `program | cat > file`", "MB/s", speeds[0], cat, better="higher")
    yield bench.row(f"{what}, CPU of the daemon, journal copy on", "s/GB", *costs, better="lower", goal=10)
    for words, (floor_speeds, floor_costs) in floors.items():
        yield bench.row(f"{what}, beside the floor ({words})", "MB/s", speeds[0], floor_speeds, better="higher")
        yield bench.row(f"{what}, beside the floor ({words})", "s/GB", costs[0], floor_costs, better="lower")


def rows():
    with bench.both("logs", PROGRAMS) as daemons:
        for name in WRITES:
            yield from rows_of(name, daemons)


if __name__ == "__main__":
    bench.main(rows)
