"""Events through a pool of five listeners that are written with the oracle's childutils."""

import itertools

import bench
import pool_load
from daemon import ORACLE, OURS, Daemon

EVENTS = 10000
ROUNDS = 3
names = itertools.count()


def measure(daemon):
    seconds = pool_load.run(daemon, EVENTS, f"go{next(names)}")
    pool_load.check(daemon, EVENTS)
    return EVENTS / seconds


def rows():
    daemons = [Daemon(OURS, "events-ours"), Daemon(ORACLE, "events-oracle")]
    try:
        for daemon in daemons:
            pool_load.configure(daemon)
            daemon.start()
            bench.wait_running(daemon, pool_load.LISTENERS)
        ours, oracle = bench.alternate(daemons, measure, rounds=ROUNDS)
        yield bench.row("events through a pool of 5 listeners", "1/s", ours, oracle, better="higher", goal=1)
    finally:
        for daemon in daemons:
            daemon.stop()


if __name__ == "__main__":
    bench.main(rows)
