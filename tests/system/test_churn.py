"""Many clients at once ask for starts, stops, restarts, signals, removals, re-readings, in random order: nothing may hang, be left behind
or be started twice. The seed is printed; SUPERSEDE_SEED repeats it."""

import http.client
import os
import random
import subprocess
import threading
import time
import unittest
import xmlrpc.client

import report
from daemon import OURS, Daemon
from waiting import wait_until

SEED = int(os.environ.get("SUPERSEDE_SEED") or random.SystemRandom().randrange(1 << 32))
SECONDS = 60 if os.environ.get("SUPERSEDE_LONG") else 12
CLIENTS = 6
RECORDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorder.py")

PROGRAMS = {
    "steady": "command=sleep 1000",
    "quick": "command=sh -c 'sleep 0.05; exit 3'\nstartsecs=0\nautorestart=unexpected",
    "once": "command=sh -c 'exit 0'\nstartsecs=0\nautorestart=false",
    "early": "command=sh -c 'exit 1'\nstartretries=1",
    "missing": "command=/no/such/program\nstartretries=1",
    "border": "command=sleep 1\nautorestart=true",
    "rude": "command=sh -c 'trap \"\" TERM; while :; do sleep 0.2; done'\nstopwaitsecs=1",
    "parent": "command=sh -c 'sleep 1000 & sleep 1000'\nstopasgroup=true",
    "several": "command=sleep 1000\nnumprocs=3\nprocess_name=%(program_name)s_%(process_num)d",
}


LISTENERS = {
    "ears": f"command=/usr/bin/python3 {RECORDER} %(here)s/ears\nevents=EVENT\nbuffer_size=20\nnumprocs=2\n"
            "process_name=%(program_name)s_%(process_num)d\nstartsecs=0",
    "deaf": "command=sh -c 'echo READY; read line; exit 1'\nevents=PROCESS_STATE\nstartsecs=0\nautorestart=true",
}
GROUPS = [*PROGRAMS, *LISTENERS]


def configuration():
    return "\n".join(f"[{kind}:{name}]\n{text}\n" for kind, sections in (("program", PROGRAMS), ("eventlistener", LISTENERS))
                     for name, text in sections.items())


def pick(chance, names):
    rpc = "supervisor."
    return chance.choice([
        (rpc + "startProcess", chance.choice(names), chance.random() < 0.5),
        (rpc + "startProcess", chance.choice(names), chance.random() < 0.5),
        (rpc + "stopProcess", chance.choice(names), chance.random() < 0.5),
        (rpc + "stopProcess", chance.choice(names), chance.random() < 0.5),
        (rpc + "signalProcess", chance.choice(names), chance.choice(["HUP", "TERM", "KILL", "USR1"])),
        (rpc + "startProcessGroup", "several", True),
        (rpc + "stopProcessGroup", "several", True),
        (rpc + "getAllProcessInfo",),
        (rpc + "removeProcessGroup", chance.choice(GROUPS)),
        (rpc + "addProcessGroup", chance.choice(GROUPS)),
        (rpc + "sendRemoteCommEvent", "type", "data"),
        (rpc + "reloadConfig",),
        (rpc + "clearAllProcessLogs",),
        (rpc + "stopAllProcesses", chance.random() < 0.5),
        (rpc + "startAllProcesses", chance.random() < 0.5),
    ])


class Churn(unittest.TestCase):
    def setUp(self):
        print(f"SUPERSEDE_SEED={SEED}", flush=True)
        self.daemon = Daemon(OURS, "churn")
        self.addCleanup(self.daemon.stop)
        self.daemon.configure(configuration(), level="trace")
        self.daemon.start()
        self.trouble = []

    def call(self, method, *arguments):
        try:
            getattr(self.daemon.rpc, method)(*arguments)
        except xmlrpc.client.Fault:
            pass

    def client(self, number, names, end):
        chance = random.Random(SEED * 100 + number)
        while time.monotonic() < end and not self.trouble:
            what = pick(chance, names)
            try:
                self.call(*what)
            except (OSError, xmlrpc.client.Error, http.client.HTTPException) as error:
                self.trouble.append(f"client {number}, {what}: {error!r}")

    def churn(self):
        names = [n if n != "several" else f"several:several_{i}" for n in PROGRAMS for i in range(3 if n == "several" else 1)]
        names += ["ears:ears_0", "ears:ears_1", "deaf"]
        end = time.monotonic() + SECONDS
        threads = [threading.Thread(target=self.client, args=(number, names, end)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS + 60)
            self.assertFalse(thread.is_alive(), "a call was never answered")
        self.assertEqual(self.trouble, [])

    def units(self):
        listed = subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", "churn:*"],
                                stdout=subprocess.PIPE, text=True, check=True)
        return [line.split()[0] for line in listed.stdout.splitlines()]

    def is_started(self):
        """What the last clients asked for without waiting may still be under way."""
        self.call("supervisor.startProcess", "steady", True)
        return self.daemon.state("steady") == "RUNNING"

    def test_churn(self):
        self.churn()
        for name in GROUPS:
            self.call("supervisor.addProcessGroup", name)
        wait_until(self.is_started, "the steady one to be RUNNING")
        # What the daemon says and what is there are the same.
        for info in self.daemon.rpc.supervisor.getAllProcessInfo():
            if info["statename"] == "RUNNING" and info["name"] in ("steady", "rude"):
                with open(f"/proc/{info['pid']}/cmdline", encoding="utf-8") as file:
                    self.assertIn("sleep", file.read())
        self.daemon.stop()
        self.assertEqual(self.daemon.process.returncode, 0)
        wait_until(lambda: not self.units(), "every unit to be gone")
        left = subprocess.run(["pgrep", "-f", "sleep 1000"], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(left.stdout, "")


if __name__ == "__main__":
    report.main()
