"""Questions over XML-RPC, the client, and memory with 500 processes."""

import subprocess

import bench

ROUNDS = 5
COUNT = 500
PROCESSES = f"""\
[program:p]
command=/bin/sleep 86400
process_name=%(program_name)s-%(process_num)03d
numprocs={COUNT}
startsecs=0
"""


def status(daemon):
    """This daemon's client asks this daemon."""
    done = subprocess.run([daemon.role.program("supervisorctl"), "-c", daemon.conf, "status"], check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.count("RUNNING")
    if lines != COUNT:
        raise AssertionError(f"{daemon.name}: {lines} of {COUNT} processes in the output of status")


def rows():
    with bench.both("rpc", PROCESSES) as daemons:
        for daemon in daemons:
            bench.wait_running(daemon, COUNT)
        memory = [[bench.memory(daemon.process.pid)] for daemon in daemons]
        yield bench.row(f"resident memory, {COUNT} processes, at rest", "MB", *memory, goal=4, better="lower")
        states = bench.alternate(daemons, lambda daemon: bench.calls_per_second(daemon, "supervisor.getState"), ROUNDS)
        yield bench.row("getState, keep-alive", "calls/s", *states, goal=20, better="higher")
        infos = bench.alternate(
            daemons, lambda daemon: bench.calls_per_second(daemon, "supervisor.getAllProcessInfo"), ROUNDS)
        yield bench.row(f"getAllProcessInfo, {COUNT} processes", "calls/s", *infos, goal=25, better="higher")
        times = bench.alternate(daemons, lambda daemon: 1000 * bench.timed(status, daemon), 2 * ROUNDS)
        yield bench.row(f"supervisorctl status, {COUNT} processes", "ms", *times, goal=20, better="lower")
        memory = [[bench.memory(daemon.process.pid)] for daemon in daemons]
        yield bench.row(f"resident memory, {COUNT} processes, after the calls", "MB", *memory, goal=4, better="lower")


if __name__ == "__main__":
    bench.main(rows)
