#!/usr/bin/python3 -B
"""No call of the bridge waits for systemd: with the box's PID 1 frozen it answers as ever.

Runs on the host, since only from there PID 1 of a box can be stopped. The part that runs inside is `probe.py`.
"""

import json
import os
import signal
import subprocess
import sys
import unittest

import report

HERE = os.path.dirname(os.path.abspath(__file__))
SANDBOX = os.path.join(os.path.dirname(HERE), "sandbox")
FROZEN_SECONDS = 2
LIMIT = 0.050
# A busy machine may delay one answer; a bridge that waits for systemd is late in every round.
ROUNDS = 3


class Blocking(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install = ["--install", sys.argv[1]] if len(sys.argv) > 1 else []
        top = os.path.dirname(os.path.dirname(HERE))
        cls.box = subprocess.run([SANDBOX, "start", "--owner", str(os.getpid()), "--overlay", top, *install],
                                 stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        cls.addClassCleanup(lambda: subprocess.run([SANDBOX, "stop", cls.box], check=True))
        with open(f"/run/supersede-sandbox/{cls.box}/box.json", encoding="utf-8") as file:
            cls.init = json.load(file)["init"]
        stand_in = f"SUPERSEDE_STAND_IN={os.environ.get('SUPERSEDE_STAND_IN', '')}"
        cls.probe = subprocess.Popen([SANDBOX, "exec", "--setenv", stand_in, cls.box, "--", "/usr/bin/python3", "-B",
                                      os.path.join(HERE, "probe.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.end_probe)
        cls.ask("")

    @classmethod
    def end_probe(cls):
        cls.probe.stdin.close()
        cls.probe.wait(60)
        cls.probe.stdout.close()

    @classmethod
    def ask(cls, request):
        """One line to the probe, one line of JSON back; an empty request only reads."""
        if request:
            cls.probe.stdin.write(request + "\n")
            cls.probe.stdin.flush()
        line = cls.probe.stdout.readline()
        if not line:
            raise AssertionError(f"the probe ended with status {cls.probe.wait(60)}")
        return json.loads(line)

    def frozen(self, request):
        os.kill(self.init, signal.SIGSTOP)
        try:
            return self.ask(request)
        finally:
            os.kill(self.init, signal.SIGCONT)

    def best_round(self, request):
        """The slowest answer of the best round, in seconds."""
        slowest = []
        for _ in range(ROUNDS):
            slowest.append(self.frozen(f"{request} {FROZEN_SECONDS}")["slowest"])
            self.ask("settle")
            if slowest[-1] < LIMIT:
                break
        return min(slowest)

    def test_questions_are_answered(self):
        self.assertLess(self.best_round("questions"), LIMIT)

    def test_questions_are_answered_during_starts_and_stops(self):
        self.assertLess(self.best_round("actions"), LIMIT)

    def test_what_was_asked_while_frozen_is_done_afterwards(self):
        self.frozen(f"actions {FROZEN_SECONDS}")
        states = self.ask("settle")["states"]
        self.assertEqual(states, {"stays": "RUNNING", "starts": "RUNNING", "stops": "STOPPED"})

    def test_systemd_was_really_frozen(self):
        """Guards the others: a plain call to systemd gets no answer meanwhile."""
        self.assertFalse(self.frozen("systemctl")["answered"])
        self.assertTrue(self.ask("systemctl")["answered"])


if __name__ == "__main__":
    report.main()
