"""A pool of listeners and many events: they are held until all events wait, then let go, so that what is measured is the pool."""

import glob
import os
import time

from waiting import wait_until

LISTENERS = 5
BATCH = 500

# Notes the serial of every event in a file of its own; at an event of type "hold" it waits until the named file is there.
LISTENER = """\
import os, sys, time
from supervisor import childutils
directory = sys.argv[1]
out = os.open(os.path.join(directory, os.environ["SUPERVISOR_PROCESS_NAME"] + ".serials"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    kind, _, data = payload.partition("\\n")
    if kind == "type:hold":
        open(os.path.join(directory, os.environ["SUPERVISOR_PROCESS_NAME"] + ".held"), "w").close()
        while not os.path.exists(os.path.join(directory, data)):
            time.sleep(0.002)
    else:
        os.write(out, (headers["serial"] + " " + data + "\\n").encode())
    childutils.listener.ok(sys.stdout)
"""


def configuration(daemon_directory_has):
    return ("[eventlistener:pool]\n"
            f"command=/usr/bin/python3 {daemon_directory_has} %(here)s\n"
            "process_name=%(program_name)s_%(process_num)d\n"
            f"numprocs={LISTENERS}\nevents=REMOTE_COMMUNICATION\nbuffer_size=100000\nstartsecs=0\n")


def configure(daemon):
    daemon.configure(configuration(daemon.write("noting.py", LISTENER)))


def send(daemon, kind, data):
    """Many at once."""
    for begin in range(0, len(data), BATCH):
        results = daemon.rpc.system.multicall([{"methodName": "supervisor.sendRemoteCommEvent", "params": [kind, one]}
                                               for one in data[begin:begin + BATCH]])
        assert results == [True] * len(results), results[:3]


def files(daemon, suffix):
    return sorted(glob.glob(daemon.path("*" + suffix)))


def noted(daemon):
    """What each listener has noted: lists of (serial, data)."""
    notes = []
    for path in files(daemon, ".serials"):
        with open(path, encoding="ascii") as file:
            notes.append([tuple(map(int, line.split())) for line in file if line.endswith("\n")])
    return notes


def clear(daemon):
    for path in files(daemon, ".serials"):
        os.truncate(path, 0)
    for path in files(daemon, ".held"):
        os.unlink(path)


def size(daemon):
    return sum(os.stat(path).st_size for path in files(daemon, ".serials"))


def run(daemon, count, name):
    """Sends so many events through the pool; returns the seconds they took once they were let go. `name` is new each time."""
    clear(daemon)
    send(daemon, "hold", [name] * LISTENERS)
    wait_until(lambda: len(files(daemon, ".held")) == LISTENERS, "all listeners to be held", seconds=60)
    send(daemon, "number", [f"{number:06}" for number in range(count)])
    begin = time.monotonic()
    daemon.write(name, "")
    last = 0

    def done():
        nonlocal last
        now = size(daemon)
        # Only when it does not grow any more are the lines counted.
        last, before = now, last
        return now >= count * 8 and now == before and sum(map(len, noted(daemon))) >= count
    wait_until(done, "all events to be noted", seconds=120, interval=0.01)
    return time.monotonic() - begin


def check(daemon, count):
    """Each event once, and each listener in order. Returns how many each has had."""
    notes = noted(daemon)
    together = sorted(note for one in notes for note in one)
    assert [data for _, data in together] == list(range(count)), "an event was lost, doubled or out of order"
    serials = [serial for serial, _ in together]
    assert serials == list(range(serials[0], serials[0] + count)), "serial numbers have gaps"
    for one in notes:
        assert one == sorted(one), "a listener had an older event after a newer one"
    return [len(one) for one in notes]
