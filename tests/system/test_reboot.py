#!/usr/bin/python3 -B
"""A host with the Debian package installed is booted, and powered off: programs are up without anyone doing anything, and end by
priority, each with its own signal and time, the daemon last. With SUPERSEDE_LONG twice, since the second boot meets the first one's logs.

Runs on the host, which is what boots a box: test_package.py does it; by hand, test_reboot.py PACKAGE.deb.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import report
from waiting import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SANDBOX = os.path.join(os.path.dirname(HERE), "sandbox")
# Says what happens to it: /kept is a directory of the host's.
PROGRAM = """\
[program:{name}]
command=/bin/bash -c 'say() {{ echo "$EPOCHREALTIME {name} $1" >>/kept/order; }}; say up; trap "say {signal}; sleep {slow}; say end; exit 0" {signal}; while :; do sleep 0.05; done'
priority={priority}
stopsignal={signal}
stdout_logfile=/kept/{name}.log
"""
# Event listeners are in the same order. This one does not say READY, so it is sent nothing.
LISTENER = PROGRAM.replace("[program:", "[eventlistener:") + "events=TICK_3600\n"
STUBBORN = """\
[program:stubborn]
command=/bin/bash -c 'echo "$EPOCHREALTIME stubborn up" >>/kept/order; trap "" TERM; while :; do sleep 0.05; done'
priority=20
stopwaitsecs=2
"""


class Reboot(unittest.TestCase):
    package = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="supersede-reboot-")
        self.addCleanup(shutil.rmtree, self.directory)
        for name in ("kept", "log", "conf.d"):
            os.mkdir(os.path.join(self.directory, name))
        with open(f"{self.directory}/conf.d/programs.conf", "w", encoding="utf-8") as file:
            file.write(STUBBORN + LISTENER.format(name="ear", priority=2, signal="HUP", slow=0.1) + "".join(
                PROGRAM.format(name=name, priority=priority, signal=signal, slow=slow)
                for name, priority, signal, slow in (("base", 5, "TERM", 0.1), ("low", 10, "USR1", 0.4),
                                                     ("high", 30, "INT", 0.4), ("twin", 30, "QUIT", 0.3))))

    def order(self):
        return self.lines("kept/order")

    def log(self):
        return self.lines("log/supervisord.log")

    def lines(self, name):
        path = os.path.join(self.directory, name)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    def boot(self):
        binds = {"kept": "/kept", "log": "/var/log/supervisor", "conf.d": "/etc/supervisor/conf.d"}
        arguments = [word for source, target in binds.items()
                     for word in ("--bind", f"{self.directory}/{source}:{target}")]
        box = subprocess.run([SANDBOX, "start", "--owner", str(os.getpid()), *arguments, "--package", self.package or sys.argv[1]],
                             stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        self.box = box
        self.addCleanup(subprocess.run, [SANDBOX, "stop", box], check=False, stderr=subprocess.DEVNULL)

    def once(self):
        if os.path.exists(f"{self.directory}/kept/order"):
            os.remove(f"{self.directory}/kept/order")
        self.boot()
        wait_until(lambda: len(self.order()) == 6, "all programs to be up")
        wait_until(lambda: sum("entered RUNNING" in line for line in self.log()) % 6 == 0
                   and len(self.log()) > 10, "all of them to be RUNNING")
        before = time.time()
        subprocess.run([SANDBOX, "stop", "--poweroff", self.box], check=True, timeout=60)
        self.check(before)

    def check(self, before):
        told = [line.split() for line in self.order()]
        at = {(name, what): float(when) for when, name, what in told}
        # Each has had its own signal, and as long as it wanted.
        for name, signal in (("high", "INT"), ("twin", "QUIT"), ("low", "USR1"), ("base", "TERM"), ("ear", "HUP")):
            self.assertIn((name, signal), at, told)
            self.assertIn((name, "end"), at, told)
        # The two of the same priority together, then one level after the other; stubborn is killed after its two seconds.
        self.assertLess(max(at["high", "INT"], at["twin", "QUIT"]), min(at["high", "end"], at["twin", "end"]))
        self.assertGreater(at["low", "USR1"], max(at["high", "end"], at["twin", "end"]) + 1.9)
        self.assertGreater(at["base", "TERM"], at["low", "end"])
        self.assertGreater(at["ear", "HUP"], at["base", "end"])
        self.assertLess(at["ear", "end"], before + 20)
        log = self.log()
        order = [line.split("stopped: ")[1].split()[0] for line in log if "stopped: " in line][-6:]
        self.assertEqual((set(order[:2]), order[2:]), ({"high", "twin"}, ["stubborn", "low", "base", "ear"]), log[-20:])
        self.assertIn("received SIGTERM indicating exit request", log[-1], log[-20:])

    def test_boot_and_power_off(self):
        self.once()
        if os.environ.get("SUPERSEDE_LONG"):
            self.once()


if __name__ == "__main__":
    report.main()
