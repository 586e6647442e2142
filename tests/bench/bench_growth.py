"""What becomes of everything as the number of programs grows."""

import time

import bench
from waiting import wait_until

COUNTS = bench.scaled((100, 500, 2000), (5, 20))
ROUNDS = bench.scaled(10, 2)
IDLE_SECONDS = bench.scaled(10, 1)
# The oracle holds three descriptors of each process, of which systemd would give it 1,024.
FILES = "[supervisord]\nminfds=20000\n"


def start(daemon, count):
    """From the command to the last process that is RUNNING; the one asked for is the last to be started."""
    last = f"p:p-{count - 1:04d}"
    begin = time.monotonic()
    daemon.start()
    wait_until(lambda: daemon.state(last) == "RUNNING", f"{daemon.name}: {last} RUNNING", 300, interval=0.05)
    bench.wait_running(daemon, count, 300)
    return time.monotonic() - begin


def stop(daemon):
    seconds = bench.timed(daemon.rpc.supervisor.stopAllProcesses)
    daemon.stop()
    return seconds


def ask_all(daemon):
    return 1000 * bench.timed(daemon.rpc.supervisor.getAllProcessInfo)


def rows_of(count):
    daemons = bench.pair(f"growth-{count}", bench.fleet(count, startsecs=1) + FILES)

    def point(curve, unit, ours, oracle):
        return bench.row(f"{curve}, {count} programs", unit, ours, oracle, better="lower", goal=1, curve=curve, count=count)
    try:
        yield point("supervisord to all RUNNING", "s", *([start(daemon, count)] for daemon in daemons))
        pids = [daemon.process.pid for daemon in daemons]
        time.sleep(bench.SETTLING_SECONDS)
        yield point("resident memory at rest", "MB", *([bench.memory(pid)] for pid in pids))
        idle = bench.idle_cost(pids, IDLE_SECONDS)
        yield point(f"CPU in {IDLE_SECONDS} s of rest", "ms", *([cpu] for cpu, _ in idle))
        yield point("getAllProcessInfo, once", "ms", *bench.alternate(daemons, ask_all, ROUNDS))
        yield point("supervisorctl status", "ms",
                    *bench.alternate(daemons, lambda daemon: 1000 * bench.timed(bench.status, daemon, count), ROUNDS))
        yield point("stop all", "s", *([stop(daemon)] for daemon in daemons))
    finally:
        for daemon in daemons:
            daemon.stop()


def rows():
    for count in COUNTS:
        yield from rows_of(count)


if __name__ == "__main__":
    bench.main(rows)
