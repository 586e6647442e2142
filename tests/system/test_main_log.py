"""The main log of a scripted scenario, line by line, beside the oracle's."""

import os
import re
import signal
import unittest
import xmlrpc.client

import report
from daemon import ORACLE, OURS, Daemon
from together import together
from waiting import wait_until

# One process a program and a program a group, so that the order of lines is decided by priorities, not by chance.
CONFIGURATION = """\
[program:first]
command=/bin/sh -c 'exec sleep 1000'
priority=10

[program:second]
command=/bin/sh -c 'exec sleep 1000'
priority=20
stopsignal=INT

[program:stubborn]
command=/bin/sh -c 'trap "" TERM; touch %(here)s/trapped; while :; do sleep 0.1; done'
priority=30
stopwaitsecs=1
killasgroup=true

; An idle oracle may look so late that it takes one that is dead for started: not within five seconds.
[program:fails]
command=/bin/sh -c 'exit 3'
priority=40
startsecs=5
autostart=false
startretries=1

[program:missing]
command=/no/such/program
autostart=false
startretries=0

[program:absent]
command=no-such-program
priority=60
startretries=1

[program:expected]
command=/bin/sh -c 'sleep 1.5; exit 7'
autostart=false
exitcodes=7
stdout_logfile=NONE

[program:unexpected]
command=/bin/sh -c 'sleep 1.5; exit 8'
autostart=false
autorestart=false

[program:at-once]
command=/bin/sh -c 'exec sleep 1000'
autostart=false
startsecs=0

[program:prey]
command=/bin/sh -c 'exec sleep 1000'
autostart=false
autorestart=false

[group:pair]
programs=left,right
priority=50

[program:left]
command=/bin/sh -c 'exec sleep 1000'
priority=1
autostart=false

[program:right]
command=/bin/sh -c 'exec sleep 1000'
priority=2
autostart=false

[include]
files=extra/*.conf nothing/*.conf
"""
EXTRA = """\
[program:extra]
command=/bin/sh -c 'exec sleep 1000'
priority=5
"""
# Lines that are not compared, and why.
HIDDEN = (
    r"DEBG .*fd \d+ (closed|added)",  # dispatchers of its poll
    r"DEBG .*(PInputDispatcher|POutputDispatcher|PDispatcher)",
    r"DEBG received SIGCHLD indicating a child quit",  # programs are PID 1's children here
    r"DEBG fd \d+ closed, stopped monitoring",
    # Told by a clock: whoever stopped before it struck is not waited for. EXPECTED_WAITS must be there all the same.
    r"INFO waiting for \S+ to stop", r"INFO waiting for .* to die",
)
ABSENT = re.compile("absent|no-such-program")
EXPECTED_WAITS = ("INFO waiting for stubborn to stop\n", "INFO waiting for extra, first to die\n",
                  "INFO waiting for extra, late, first, second, stubborn to die\n")


class Scenario:
    def __init__(self, role, level, arguments=()):
        self.daemon = Daemon(role, f"mainlog{role.name}{level}")
        self.daemon.configure(CONFIGURATION, level=level)
        os.mkdir(self.daemon.path("extra"))
        self.daemon.write("extra/extra.conf", EXTRA)
        self.arguments = arguments

    def wait_line(self, pattern, count=1):
        wait_until(lambda: len(re.findall(pattern, self.daemon.read("main.log"))) >= count, f"{count} × {pattern}")

    def run(self):
        daemon = self.daemon
        daemon.start(*self.arguments)
        try:
            self.start_all()
            self.ends()
            self.reopen()
            self.reload()
        finally:
            daemon.stop()
        return self.lines()

    def start_all(self):
        self.wait_line("success: (first|second|stubborn|extra) entered", 4)
        self.wait_line("gave up: absent")
        wait_until(lambda: os.path.exists(self.daemon.path("trapped")), "the trap")

    def start(self, name):
        try:
            self.daemon.rpc.supervisor.startProcess(name, False)
        except xmlrpc.client.Fault:
            pass  # it may be dead before the answer is made; which fault that is, is another test's business

    def ends(self):
        daemon = self.daemon
        for name, pattern in (("at-once", "success: at-once"), ("fails", "gave up: fails"),
                              ("expected", "exited: expected"), ("unexpected", "exited: unexpected"),
                              ("prey", "success: prey")):
            self.start(name)
            self.wait_line(pattern)
        self.start("missing")
        wait_until(lambda: daemon.state("missing") in ("FATAL", "STOPPED"), "missing to fail")
        os.kill(daemon.pid("prey"), signal.SIGKILL)
        self.wait_line("exited: prey")
        daemon.rpc.supervisor.stopProcess("second")
        daemon.rpc.supervisor.stopProcess("stubborn")
        for name in ("pair:left", "pair:right"):
            daemon.rpc.supervisor.startProcess(name)
        daemon.rpc.supervisor.stopProcessGroup("pair")
        daemon.rpc.supervisor.signalProcess("first", "CONT")

    def reopen(self):
        os.rename(self.daemon.path("main.log"), self.daemon.path("main.log.old"))
        self.daemon.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: os.path.exists(self.daemon.path("main.log")), "the new log")
        self.daemon.rpc.supervisor.stopProcess("at-once")

    def reload(self):
        """By SIGHUP, with a configuration that has changed."""
        self.daemon.write("extra/extra.conf", EXTRA + "\n[program:late]\ncommand=/bin/sleep 1000\npriority=6\n")
        os.remove(self.daemon.path("trapped"))
        self.daemon.process.send_signal(signal.SIGHUP)
        self.wait_line("success: late entered")
        self.wait_line("success: (first|second|stubborn|extra) entered", 4)
        self.wait_line("gave up: absent")
        wait_until(lambda: os.path.exists(self.daemon.path("trapped")), "the trap")

    def lines(self):
        text = self.daemon.read("main.log.old") + "-- reopened\n" + self.daemon.read("main.log")
        for wait in EXPECTED_WAITS:
            if not re.search(wait, text):
                raise AssertionError(f"{self.daemon.name}: no line {wait}")
        return masked(self.daemon, text)


def masked(daemon, text):
    text = daemon.normal(text)
    text = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "", text, flags=re.MULTILINE)
    text = re.sub(r"'([^']*)' \(\d+\)", r"'\1' (N)", text)
    text = re.sub(r"\(pid \d+\)", "(pid N)", text)
    text = re.sub(r"pid N\b", "pid N", text)
    hidden = re.compile("|".join(HIDDEN))
    return [line for line in text.splitlines() if not hidden.match(line)]


def settle_order(lines):
    """Programs that are started together, or stopped together as members of a group, get their pids and succeed or end within the same moment: neighbouring lines of these
    kinds in the order of the alphabet."""
    settled = []
    run = []
    for line in [*lines, ""]:
        kind = re.match(r"INFO (success|spawned|spawnerr):? |WARN (stopped: )(?=left|right)", line)
        if kind and (not run or run[0].split()[1] == line.split()[1]):
            run.append(line)
            continue
        settled += sorted(run)
        run = [line] if kind else []
        settled += [] if kind else [line]
    return settled[:-1]


class MainLog(unittest.TestCase):
    maxDiff = None

    def compare(self, level, *arguments):
        oracle, ours = together(*(Scenario(role, level, arguments).run for role in (ORACLE, OURS)))
        self.assertGreater(len(oracle), 50)
        self.assertGreater(len(list(filter(ABSENT.search, oracle))), 5)
        # Its second try and the others' success are due at the same time: told apart.
        for told in (lambda line: not ABSENT.search(line), ABSENT.search):
            self.assertEqual(*("\n".join(settle_order(filter(told, lines))) for lines in (oracle, ours)))

    def test_info(self):
        self.compare("info")

    def test_debug(self):
        self.compare("debug")

    def test_warn(self):
        seen = []
        for role in (ORACLE, OURS):
            daemon = Daemon(role, f"mainlogwarn{role.name}")
            daemon.configure("[program:x]\ncommand=/bin/sleep 1000\n", level="warn")
            daemon.start()
            # A signal that comes between the oracle's fork and the program is lost: its own handler takes it.
            daemon.wait_state("x", "RUNNING")
            daemon.stop()
            seen.append(masked(daemon, daemon.read("main.log")))
            self.assertIn("WARN received SIGTERM indicating exit request", seen[-1])
        self.assertEqual(*seen)


if __name__ == "__main__":
    report.main()
