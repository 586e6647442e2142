"""Every event of a scripted scenario, recorded by a listener under the oracle and under our daemon, side by side: the same
events with the same payloads in the same order. Between two steps a remote event is sent as a mark; what happens in one step
is compared process by process, because two processes are in no order to each other."""

import json
import os
import re
import unittest
import xmlrpc.client

import report
from daemon import ORACLE, OURS, Daemon
from together import together
from waiting import wait_until

RECORDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorder.py")

TALKER = """\
import sys, time
for line in sys.stdin:
    word = line.strip()
    if word == "comm":
        sys.stdout.write("<!--XSUPERVISOR:BEGIN-->told\\nin two lines<!--XSUPERVISOR:END-->" + "." * 40 + "\\n")
    elif word == "error":
        sys.stderr.write("to stderr: \\u00e4\\n")
    else:
        sys.stdout.write("said " + word + ", in more bytes than the oracle holds back\\n")
    sys.stdout.flush()
    sys.stderr.flush()
"""

CONFIGURATION = """\
[eventlistener:recorder]
command=/usr/bin/python3 {recorder} %(here)s/all
events=EVENT
buffer_size=1000

[eventlistener:states]
command=/usr/bin/python3 {recorder} %(here)s/states
events=PROCESS_STATE_FATAL,PROCESS_STATE,SUPERVISOR_STATE_CHANGE_RUNNING
buffer_size=1000
priority=5

[program:steady]
command=sleep 1000

; Keeps the oracle's loop turning: SIGCHLD does not wake it.
[program:turns]
command=sh -c 'while :; do echo; sleep 0.05; done'
stdout_logfile=NONE

[program:early]
command=sh -c 'exit 7'
startretries=1
autostart=false

[program:missing]
command=/no/such/program
startretries=1

[program:crashes]
command=sh -c 'sleep 1.5; exit 3'
autorestart=false
autostart=false

[program:expected]
command=sh -c 'sleep 1.5; exit 2'
exitcodes=2
autostart=false

[program:again]
command=sh -c 'echo run >>%(here)s/again; test $(wc -l <%(here)s/again) -gt 1 && exec sleep 1000; sleep 1.5; kill -KILL $$'
autostart=false

[program:backs]
command=sh -c 'exit 1'
startretries=20
autostart=false

[program:talker]
command=/usr/bin/python3 -u {talker}
autostart=false
stdout_events_enabled=true
stderr_events_enabled=true
stdout_capture_maxbytes=1KB

[group:pair]
programs=left,right
priority=100

[program:left]
command=sleep 1000
autostart=false
[program:right]
command=sleep 1000
autostart=false

[program:slow]
command=sh -c 'trap "sleep 1; exit 0" TERM; while :; do sleep 0.1; done'
stopasgroup=false
priority=2000
"""


def namespec(event):
    found = re.match(r"processname:(\S+) groupname:(\S+)", event["payload"])
    return f"{found[2]}:{found[1]}" if found else None


def normal(event):
    """An event without what differs from run to run: pids, the time of a tick."""
    payload = re.sub(r"\bpid:[1-9]\d*", "pid:N", event["payload"])
    if event["headers"]["eventname"].startswith("TICK"):
        payload = re.sub(r"\d+", "T", payload)
    return event["headers"]["eventname"] + " " + payload


class Story:
    def __init__(self, role):
        self.daemon = Daemon(role, f"events{role.name.replace('-', '')}")
        talker = self.daemon.write("talker.py", TALKER)
        self.daemon.configure(CONFIGURATION.format(recorder=RECORDER, talker=talker))
        self.marks = 0

    def recorded(self, name="all"):
        try:
            lines = self.daemon.read(name).splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def saw(self, text, count=1):
        """Waits for so many events whose normal form holds the text."""
        wait_until(lambda: sum(text in normal(event) for event in self.recorded()) >= count,
                   f"{self.daemon.name}: {count} of {text!r}", seconds=30)

    def mark(self):
        self.marks += 1
        self.daemon.rpc.supervisor.sendRemoteCommEvent("mark", str(self.marks))
        self.saw(f"REMOTE_COMMUNICATION type:mark\n{self.marks}")

    def step(self, method, *arguments, until=(), count=1):
        try:
            getattr(self.daemon.rpc.supervisor, method)(*arguments)
        except xmlrpc.client.Fault:
            pass  # whether the first try has failed when the answer is made is luck
        for text in until:
            self.saw(text, count)
        self.mark()

    def tell(self):
        self.daemon.start()
        try:
            self.act()
        finally:
            self.daemon.stop()
        return self

    def act(self):
        up = [f"RUNNING processname:{name} groupname:{name} " for name in ("steady", "slow", "states", "recorder")]
        up.append("FATAL processname:missing")
        self.step("getState", until=up)
        self.step("startProcess", "early", False, until=["FATAL processname:early"])
        self.step("startProcess", "crashes", False, until=["EXITED processname:crashes"])
        self.step("startProcess", "expected", False, until=["EXITED processname:expected"])
        self.step("startProcess", "again", False, until=["RUNNING processname:again"], count=2)
        self.step("stopProcess", "steady", until=["STOPPED processname:steady"])
        self.step("startProcess", "steady", until=["RUNNING processname:steady"], count=2)
        self.step("startProcess", "backs", False, until=["BACKOFF processname:backs"], count=2)
        self.step("stopProcess", "backs", until=["STOPPED processname:backs"])
        self.step("startProcess", "backs", False, until=["BACKOFF processname:backs"], count=3)
        self.step("stopProcess", "backs", until=["STOPPED processname:backs"], count=2)
        self.step("startProcessGroup", "pair", until=["RUNNING processname:left", "RUNNING processname:right"])
        self.step("stopProcessGroup", "pair", until=["STOPPED processname:left", "STOPPED processname:right"])
        self.step("removeProcessGroup", "pair", until=["PROCESS_GROUP_REMOVED groupname:pair"])
        self.step("addProcessGroup", "pair", until=["PROCESS_GROUP_ADDED groupname:pair"], count=2)
        self.step("sendRemoteCommEvent", "a type", "\u00e4\nand more", until=["and more"])
        self.step("startProcess", "talker", until=["RUNNING processname:talker"])
        for word, wanted in (("one", "said one"), ("two", "said two"), ("comm", "PROCESS_COMMUNICATION_STDOUT"),
                             ("error", "PROCESS_LOG_STDERR")):
            self.step("sendProcessStdin", "talker", word + "\n", until=[wanted])
        self.saw("TICK_5")

    def segments(self, name="all"):
        """For each step: process (or None) → its events in order. Ticks come when they come."""
        found = [{}]
        for event in self.recorded(name):
            text = normal(event)
            if text.startswith("REMOTE_COMMUNICATION type:mark"):
                found.append({})
            elif not text.startswith("TICK"):
                found[-1].setdefault(namespec(event), []).append(text)
        return found


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        roles = [Story(ORACLE), Story(OURS)]
        cls.oracle, cls.ours = together(*[story.tell for story in roles])

    def test_every_step_has_the_same_events(self):
        oracle, ours = self.oracle.segments(), self.ours.segments()
        self.assertEqual(len(oracle), len(ours))
        self.assertGreater(len(oracle), 20)
        for number, (first, second) in enumerate(zip(oracle[:-1], ours[:-1])):
            with self.subTest(step=number):
                self.assertEqual(first, second)

    def test_shutdown(self):
        def told(story):
            last = story.segments()[-1]
            return last[None], last["slow:slow"]
        self.assertEqual(told(self.oracle), told(self.ours))
        self.assertEqual(told(self.ours)[0], ["SUPERVISOR_STATE_CHANGE_STOPPING "])

    def test_a_pool_of_some_types(self):
        """Asking twice for the same (PROCESS_STATE and PROCESS_STATE_FATAL) gives it twice, under one number."""
        for story in (self.oracle, self.ours):
            fatal = [event["headers"]["serial"] for event in story.recorded("states")
                     if event["headers"]["eventname"] == "PROCESS_STATE_FATAL"]
            self.assertEqual(len(fatal), 2 * len(set(fatal)))

        def told(story):
            """Until the first mark of the other one nothing is in common to cut at: process by process."""
            sequences = {}
            for event in story.recorded("states"):
                sequences.setdefault(namespec(event), []).append(normal(event))
            return {name: sequence for name, sequence in sequences.items() if name in
                    ("early:early", "crashes:crashes", "expected:expected", "pair:left", "pair:right", "states:states")}
        self.assertEqual(told(self.oracle), told(self.ours))

    def test_numbers(self):
        for story in (self.oracle, self.ours):
            events = story.recorded()
            self.assertEqual([int(event["headers"]["serial"]) for event in events], list(range(len(events))))
            self.assertEqual([int(event["headers"]["poolserial"]) for event in events], list(range(len(events))))
            for event in events:
                self.assertEqual(list(event["headers"]),
                                 ["ver", "server", "serial", "pool", "poolserial", "eventname", "len"])
                self.assertEqual(event["headers"]["server"], story.daemon.name)
                self.assertEqual(int(event["headers"]["len"]), len(event["payload"]))

    def test_ticks(self):
        for story in (self.oracle, self.ours):
            ticks = [int(event["payload"].removeprefix("when:")) for event in story.recorded()
                     if event["headers"]["eventname"] == "TICK_5"]
            self.assertGreater(len(ticks), 1)
            self.assertEqual([tick % 5 for tick in ticks], [0] * len(ticks))


if __name__ == "__main__":
    report.main()
