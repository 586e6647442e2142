"""Both clients against both daemons: the same commands, in the same order, must print the same and end the same."""

import os
import re
import unittest

import report
from daemon import ORACLE, OURS, STAND_IN, Daemon, Output
from stories import program
from together import together
from waiting import wait_until

SECOND = STAND_IN if os.environ.get("SUPERSEDE_STAND_IN") else OURS
# On a busy machine the oracle may be late by itself. What differs every time is a difference.
TRIES = 3
# (the client's role, the daemon's role); everything is compared with the first.
PAIRS = ((ORACLE, ORACLE), (ORACLE, SECOND), (SECOND, ORACLE), (SECOND, SECOND))

CONFIGURATION = (program("alpha") + program("beta", autostart="false")
                 + "[program:fails]\ncommand=/bin/false\nautostart=false\nstartretries=0\nstartsecs=2\n"
                 "[program:ends]\ncommand=/bin/sh -c 'echo the end'\nstartsecs=0\nautorestart=false\n"
                 "stdout_logfile=%(here)s/ends.log\n"
                 "[program:missing]\ncommand=/does/not/exist\nautostart=false\n"
                 "[program:talker]\ncommand=/bin/sh -c 'seq 1 400; echo trouble >&2; exec sleep 1000'\n"
                 "stdout_logfile=%(here)s/talker.log\nstderr_logfile=%(here)s/talker.err\n"
                 "[program:many]\ncommand=/bin/sleep 1000\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)d\n"
                 + program("one") + program("two") + "[group:pair]\nprograms=one,two\n")
CHANGED = CONFIGURATION.replace(program("beta", autostart="false"), program("gamma") + program("delta", autostart="false"))

# Each line is split at blanks; "!" marks a change of the configuration file; "~" an answer without order.
COMMANDS = """
    status
    status alpha
    status alpha beta
    status nobody
    status alpha nobody
    status pair:*
    status pair:
    status pair:one
    status pair:nobody
    status nogroup:*
    status many:*
    status all
    version
    pid alpha
    pid beta
    pid nobody
    start
    start alpha
    start beta
    start beta nobody
    start fails
    start missing
    start nobody
    start pair:one
    ~start pair:*
    start nogroup:*
    stop
    stop beta
    stop beta
    stop nobody
    stop fails missing
    ~stop pair:*
    ~stop many:
    stop pair:nobody
    status
    restart
    restart alpha
    restart beta
    restart nobody
    restart missing
    ~restart pair:*
    signal
    signal HUP
    signal CONT alpha
    signal SIGCONT alpha beta
    signal 18 alpha
    signal NOSUCH alpha
    signal CONT nobody
    signal CONT fails
    ~signal CONT pair:*
    ~signal CONT many:*
    tail
    tail ends
    tail -40 talker
    tail talker
    tail talker stderr
    tail talker nochannel
    tail nobody
    tail beta extra arguments here
    avail
    reread
    !
    reread
    avail
    add
    add gamma
    add gamma
    add nobody
    remove
    remove alpha
    stop alpha
    remove alpha
    remove alpha
    remove nobody
    update nobody
    update alpha
    ~update
    update all
    status
    ~start all
    ~stop all
    status
    help
    help status
    help start
    help stop
    help restart
    help signal
    help pid
    help version
    help reread
    help update
    help add
    help remove
    help avail
    help reload
    help shutdown
    help tail
    help help
    help exit
    help quit
    help nosuchcommand
    nosuchcommand
    reload extra
    shutdown extra
    version extra
    reread extra
    avail extra
"""


def parse(text):
    """(label, arguments, unordered); arguments None: change the file. Labels are unique: they number what repeats."""
    used = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        unordered = line.startswith("~")
        words = None if line == "!" else line.lstrip("~").split()
        label = "change the file" if words is None else " ".join(words)
        used[label] = used.get(label, 0) + 1
        yield (f"{label} #{used[label]}" if used[label] > 1 else label), words, unordered


PARSED = list(parse(COMMANDS))
INTERACTIVE = "status alpha\nnosuchcommand\nhelp pid\n\nstop alpha; status alpha\nversion\nexit\n"


def comparable(daemon, output, unordered=False):
    # The two versions differ by contract (4.3.0 here, Debian has 4.2.5).
    text = re.sub(r"\b\d+\.\d+\.\d+\b", "VERSION", output.text)
    text = re.sub(r"^\d+$", "NUMBER", text, flags=re.MULTILINE)
    # Help: the forms of a command are the contract, what is said about them (behind a tab) is everybody's own.
    text = re.sub(r"\nBeyond Supervisor:\n.*", "", text, flags=re.DOTALL)
    text = re.sub(r"\t+.*", "\tHELP", re.sub(r"^Note: .*", "Note: HELP", text, flags=re.MULTILINE))
    if not unordered:
        return Output(output.status, text)
    # Of several errors the last one in order of arrival gives the status.
    return Output(min(output.status, 1), "\n".join(sorted(text.splitlines())))


def is_settled(daemon):
    return not any(info["statename"] in ("STARTING", "BACKOFF", "STOPPING")
                   for info in daemon.rpc.supervisor.getAllProcessInfo())


def run_all(client, role, name):
    daemon = Daemon(role, name)
    daemon.configure(CONFIGURATION)
    seen = {}
    try:
        daemon.start()
        for name in ("alpha", "pair:one", "pair:two", "many:many_0", "many:many_1", "talker"):
            daemon.wait_state(name, "RUNNING")
        daemon.wait_state("ends", "EXITED")
        for label, words, unordered in PARSED:
            if words is None:
                daemon.configure(CHANGED)
                continue
            if words[0] == "status":
                # What is asked for and goes on in the background is over at different moments.
                wait_until(lambda: is_settled(daemon), f"{daemon.name} to settle")
            seen[label] = comparable(daemon, daemon.control(*words, client=client), unordered)
        # Read as a dialogue from standard input, which is no terminal here.
        seen["interactive"] = comparable(daemon, daemon.control(client=client, stdin=INTERACTIVE))
        seen["reload"] = comparable(daemon, daemon.control("reload", client=client))
        daemon.wait_state("gamma", "RUNNING")
        seen["shutdown"] = comparable(daemon, daemon.control("shutdown", client=client))
        daemon.process.wait(30)
        seen["status after shutdown"] = comparable(daemon, daemon.control("status", client=client))
    finally:
        daemon.stop()
    return seen


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for attempt in range(TRIES):
            cls.seen = together(*[lambda pair=pair, number=number: run_all(*pair, f"clients{attempt}x{number}")
                                  for number, pair in enumerate(PAIRS)])
            differing = [label for label in cls.seen[0] if any(seen[label] != cls.seen[0][label] for seen in cls.seen[1:])]
            if not differing:
                return
            print(f"again: {differing}", flush=True)

    def compare(self, label):
        expected = self.seen[0][label]
        for (client, daemon), seen in zip(PAIRS[1:], self.seen[1:]):
            with self.subTest(client=client.name, daemon=daemon.name):
                self.assertEqual((seen[label].status, seen[label].text), (expected.status, expected.text))

    def test_the_oracle_says_something(self):
        """Guards the comparison: empty answers from everybody would be equal too."""
        self.assertIn("RUNNING", self.seen[0]["status"].text)
        self.assertIn("alpha: stopped", self.seen[0]["stop alpha"].text)
        self.assertGreater(len({output.text for output in self.seen[0].values()}), 40)


def name_test(label):
    return "test_" + re.sub(r"\W+", "_", label.replace("*", "all").replace("-", "minus")).strip("_")


for _label in [label for label, words, _ in PARSED if words] + ["interactive", "reload", "shutdown", "status after shutdown"]:
    assert not hasattr(Clients, name_test(_label)), _label
    setattr(Clients, name_test(_label), lambda self, label=_label: self.compare(label))

if __name__ == "__main__":
    report.main()
