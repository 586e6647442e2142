"""A hundred thousand calls and five thousand restarts: the daemon's memory, descriptors and files stay what they were.

Sizes are looked at after each fiftieth of the work. The first quarter is the warm-up; the largest of the last quarter may be
over the largest of the second by 5 % or 512 kB. Whatever is there once, at rest, must be there in the same number at the end.
"""

import http.client
import os
import re
import unittest

import report
from daemon import OURS, Daemon, UnixTransport
from together import together
from waiting import wait_until

CALLS = 100_000
RESTARTS = 5_000
CONNECTIONS = 4
STEPS = 50
ALLOWED_PART, ALLOWED_BYTES = 0.05, 512 << 10

CONFIGURATION = "".join(f"[program:turn{number}]\ncommand=/bin/sleep 1000\nstartsecs=0\nautostart=false\n"
                        for number in range(CONNECTIONS)) + """\
[program:steady]
command=/bin/cat
stdout_logfile=%(here)s/steady.log

[program:crashing]
command=/bin/sh -c 'echo here; exit 3'
startsecs=0
autorestart=true
numprocs=10
process_name=%(program_name)s_%(process_num)d

[program:missing]
command=/no/such/program
autostart=false
"""


def call(method, *strings):
    parameters = "".join(f"<param><value>{value}</value></param>" for value in strings)
    return f"<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{parameters}</params></methodCall>"


def text(value):
    return f"<string>{value}</string>"


def number(value):
    return f"<int>{value}</int>"


def multicall(*methods):
    values = "".join(f"<value><struct><member><name>methodName</name><value>{text(method)}</value></member>"
                     "<member><name>params</name><value><array><data></data></array></value></member></struct></value>"
                     for method in methods)
    return call("system.multicall", f"<array><data>{values}</data></array>")


# A question, and what must be in the answer.
MIX = (
    (call("supervisor.getState"), "RUNNING"),
    (call("supervisor.getProcessInfo", text("steady")), "steady"),
    (call("supervisor.getProcessInfo", text("nobody")), "BAD_NAME"),
    (call("supervisor.getAllProcessInfo"), "crashing_9"),
    (call("supervisor.readProcessStdoutLog", text("crashing:crashing_0"), number(0), number(100)), "methodResponse"),
    (call("supervisor.tailProcessStdoutLog", text("steady"), number(0), number(100)), "methodResponse"),
    (call("supervisor.startProcess", text("steady")), "ALREADY_STARTED"),
    (call("supervisor.stopProcess", text("missing")), "NOT_RUNNING"),
    (call("supervisor.startProcess", text("missing")), "NO_FILE"),
    (call("supervisor.sendProcessStdin", text("steady"), text("said\n")), "boolean"),
    (call("supervisor.sendRemoteCommEvent", text("kind"), text("data")), "boolean"),
    (call("supervisor.getAllConfigInfo"), "crashing_9"),
    (call("supervisor.noSuchMethod"), "UNKNOWN_METHOD"),
    (call("supervisor.getState", text("one too many")), "INCORRECT_PARAMETERS"),
    (call("system.methodHelp", text("supervisor.getState")), "methodResponse"),
    (multicall("supervisor.getPID", "supervisor.getIdentification", "supervisor.nothing"), "UNKNOWN_METHOD"),
)


class Client:
    """One kept connection."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.connection = None

    def ask(self, body, expected):
        if self.connection is None:
            self.connection = UnixTransport(self.daemon.path("socket"), 60).make_connection("")
        self.connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
        response = self.connection.getresponse()
        answer = response.read().decode()
        if response.status != http.client.OK or expected not in answer:
            raise AssertionError(f"{body}\nwas answered {response.status}: {answer}")
        if response.will_close:
            self.connection.close()
            self.connection = None


def ask_all(client, count, offset):
    for index in range(count):
        client.ask(*MIX[(offset + index) % len(MIX)])


def turn(client, name, count):
    for _ in range(count):
        client.ask(call("supervisor.startProcess", text(name)), "boolean")
        client.ask(call("supervisor.stopProcess", text(name)), "boolean")


def private_dirty(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Private_Dirty:\s+(\d+) kB", file.read(), re.MULTILINE)[1]) << 10


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def runtime_files(name):
    """Without what the crashing programs' launchers hold for a moment."""
    return sorted(os.path.join(directory, file) for directory, _, files in os.walk(f"/run/supersede/{name}") for file in files)


class Endurance(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(OURS, "endurance")
        self.daemon.configure(CONFIGURATION, level="warn")
        self.addCleanup(self.daemon.stop)
        self.daemon.start()
        self.daemon.wait_state("steady", "RUNNING")
        self.pid = self.daemon.process.pid
        self.clients = [Client(self.daemon) for _ in range(CONNECTIONS)]

    def store_size(self):
        return max((os.path.getsize(file) for file in runtime_files(self.daemon.name) if os.path.basename(file) == "state"), default=0)

    def work_through(self, job):
        """Does the work in steps; returns the sizes of memory and of the store after each."""
        sizes = []
        for step in range(STEPS):
            together(*(lambda index=index, client=client: job(step, index, client) for index, client in enumerate(self.clients)))
            sizes.append((private_dirty(self.pid), self.store_size()))
        return sizes

    def assert_flat(self, sizes, what):
        quarter = STEPS // 4
        before = max(memory for memory, _ in sizes[quarter:2 * quarter])
        after = max(memory for memory, _ in sizes[-quarter:])
        print(f"{what}: {before >> 10} kB in the second quarter, {after >> 10} kB in the last; "
              f"the store {max(size for _, size in sizes) >> 10} kB at most", flush=True)
        self.assertLessEqual(after - before, max(ALLOWED_BYTES, int(before * ALLOWED_PART)), [memory >> 10 for memory, _ in sizes])
        self.assertLess(max(size for _, size in sizes), 16 << 20, "the state file")

    def assert_nothing_left(self, files, open_descriptors):
        """Programs that crash once a second open and close things: the same number must come back."""
        wait_until(lambda: runtime_files(self.daemon.name) == files, f"the same files as before: {files}")
        wait_until(lambda: descriptors(self.pid) == open_descriptors, f"{open_descriptors} descriptors")

    def run_flat(self, job, warm_up, what):
        together(*(lambda index=index, client=client: warm_up(index, client) for index, client in enumerate(self.clients)))
        files, open_descriptors = runtime_files(self.daemon.name), descriptors(self.pid)
        self.assert_flat(self.work_through(job), what)
        self.assert_nothing_left(files, open_descriptors)

    def test_calls(self):
        share = CALLS // STEPS // CONNECTIONS
        self.run_flat(lambda step, index, client: ask_all(client, share, index + step * share),
                      lambda index, client: ask_all(client, 2 * len(MIX), index), f"{CALLS} calls")

    def test_restarts(self):
        share = RESTARTS // STEPS // CONNECTIONS
        self.run_flat(lambda step, index, client: turn(client, f"turn{index}", share),
                      lambda index, client: turn(client, f"turn{index}", 10), f"{RESTARTS} restarts")


if __name__ == "__main__":
    report.main()
