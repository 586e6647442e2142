"""Questions over XML-RPC, the client, and memory with 500 processes."""

import time

import bench

ROUNDS = bench.scaled(5, 1)
COUNT = bench.scaled(500, 20)


def rows():
    with bench.both("rpc", bench.fleet(COUNT)) as daemons:
        for daemon in daemons:
            bench.wait_running(daemon, COUNT)
        time.sleep(bench.SETTLING_SECONDS)
        memory = [[bench.memory(daemon.process.pid)] for daemon in daemons]
        yield bench.row(f"resident memory, {COUNT} processes, at rest", "MB", *memory, goal=4, better="lower")
        states = bench.alternate(daemons, lambda daemon: bench.calls_per_second(daemon, "supervisor.getState"), ROUNDS)
        yield bench.row("getState, keep-alive", "calls/s", *states, goal=20, better="higher")
        infos = bench.alternate(
            daemons, lambda daemon: bench.calls_per_second(daemon, "supervisor.getAllProcessInfo"), ROUNDS)
        yield bench.row(f"getAllProcessInfo, {COUNT} processes", "calls/s", *infos, goal=25, better="higher")
        times = bench.alternate(daemons, lambda daemon: 1000 * bench.timed(bench.status, daemon, COUNT), 4 * ROUNDS)
        yield bench.row(f"supervisorctl status, {COUNT} processes", "ms", *times, goal=20, better="lower")
        memory = [[bench.memory(daemon.process.pid)] for daemon in daemons]
        yield bench.row(f"resident memory, {COUNT} processes, after the calls", "MB", *memory, goal=4, better="lower")


if __name__ == "__main__":
    bench.main(rows)
