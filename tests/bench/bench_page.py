"""The status page with 500 processes: how long it takes, and what others wait meanwhile."""

import http.client
import threading
import time

import bench

ROUNDS = 10
COUNT = 500
CONFIGURATION = f"""\
[program:p]
command=/bin/sleep 86400
process_name=%(program_name)s-%(process_num)03d
numprocs={COUNT}
startsecs=0
"""
# A reading of the cgroups is fresh for half a second.
STALE_SECONDS = 0.6


def connect(daemon):
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = daemon.rpc("transport").make_connection("localhost").sock
    return connection


def fetch(connection, path="/"):
    connection.request("GET", path)
    answer = connection.getresponse()
    size = len(answer.read())
    if answer.status != 200 or size < 100 * COUNT:
        raise AssertionError(f"{path}: HTTP {answer.status}, {size} bytes")
    return size


def page_time(daemon, pause):
    connection = connect(daemon)
    time.sleep(pause)
    return 1000 * bench.timed(fetch, connection)


def wait_beside_readers(daemon):
    """The longest of 200 getState while two others read the page without a pause."""
    over = threading.Event()

    def read():
        connection = connect(daemon)
        while not over.is_set():
            fetch(connection)
    readers = [threading.Thread(target=read, daemon=True) for _ in range(2)]
    for reader in readers:
        reader.start()
    longest = max(1000 * bench.timed(daemon.rpc.supervisor.getState) for _ in range(200))
    over.set()
    for reader in readers:
        reader.join()
    return longest


def rows():
    with bench.both("page", CONFIGURATION) as daemons:
        for daemon in daemons:
            bench.wait_running(daemon, COUNT)
        cold = bench.alternate(daemons, lambda daemon: page_time(daemon, STALE_SECONDS), ROUNDS)
        yield bench.row(f"status page, {COUNT} processes, figures read anew", "ms", *cold, better="lower")
        warm = bench.alternate(daemons, lambda daemon: page_time(daemon, 0), ROUNDS)
        yield bench.row(f"status page, {COUNT} processes", "ms", *warm, better="lower")
        waits = bench.alternate(daemons, wait_beside_readers, 3)
        yield bench.row("longest getState beside two readers of the page", "ms", *waits, better="lower")


if __name__ == "__main__":
    bench.main(rows)
