"""supersede check and status on a host where a legacy supervisord runs as a service, while its programs move."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

import report
from daemon import ORACLE, OURS, Daemon
from waiting import wait_until

PROGRAMS = """\
[program:web]
command=/bin/sleep 1000%(process_num)d
process_name=%(program_name)s_%(process_num)d
numprocs=2
[program:lone]
command=/bin/sleep 2000
[program:stopped]
command=/bin/sleep 3000
autostart=false
[program:fails]
command=/bin/false
startretries=1000
"""
UNITS = pathlib.Path("/etc/systemd/system")


def supersede(*arguments):
    done = subprocess.run([OURS.program("supersede"), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=60, cwd="/")
    return done.returncode, done.stdout, done.stderr


def systemctl(*arguments, check=True):
    return subprocess.run(["systemctl", *arguments], check=check, timeout=60, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


class Status(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.daemon = Daemon(ORACLE, "supervisor")
        self.daemon.configure(PROGRAMS)
        UNITS.joinpath("legacy.service").write_text(
            "[Service]\nType=exec\nExecStart=/usr/bin/python3 /usr/bin/supervisord -n -c " + self.daemon.conf + "\n",
            encoding="utf-8")
        systemctl("daemon-reload")
        systemctl("start", "legacy")
        self.addCleanup(self.clean)
        wait_until(self.is_up, "the legacy daemon")
        for name in ("web:web_0", "web:web_1", "lone"):
            self.daemon.wait_state(name, "RUNNING")

    def is_up(self):
        try:
            return self.daemon.rpc.supervisor.getState()
        except OSError:
            return None

    def clean(self):
        systemctl("stop", "legacy", check=False)
        systemctl("stop", "supervisor.slice", check=False)
        for path in UNITS.iterdir():
            if path.is_file() and path.read_text(encoding="utf-8").startswith(("# Exported from ", "[Service]\nType=exec")):
                path.unlink()
        systemctl("daemon-reload")

    def status(self):
        code, text, complaint = supersede("status", "--json")
        self.assertIn(code, (0, 1), complaint)
        seen = json.loads(text)
        self.assertEqual(seen["configuration"], self.daemon.conf)
        claims = {process["name"]: process["claimed"] for process in seen["processes"]}
        self.assertEqual(code, int("twice" in claims.values()))
        return seen, claims

    def export(self):
        output = pathlib.Path("/tmp/status-units")
        shutil.rmtree(output, ignore_errors=True)
        code, _, complaint = supersede("export", "--output", str(output), self.daemon.conf)
        self.assertEqual(code, 0, complaint)
        # Nothing is overwritten unasked.
        before = {path.name: path.stat().st_ino for path in output.iterdir()}
        code, _, complaint = supersede("export", "--output", str(output), self.daemon.conf)
        self.assertEqual(code, 2)
        self.assertIn("README exists", complaint)
        self.assertEqual(before, {path.name: path.stat().st_ino for path in output.iterdir()})
        self.assertEqual(supersede("export", "--force", "--output", str(output), self.daemon.conf)[0], 0)
        for path in output.iterdir():
            if path.suffix in (".service", ".target", ".slice"):
                shutil.copy2(path, UNITS)
        systemctl("daemon-reload")

    def test_check_finds_the_daemon(self):
        # Somebody looks at a file of that name.
        self.daemon.write("supervisord", "")
        reader = subprocess.Popen(["tail", "-f", self.daemon.path("supervisord")])
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        code, text, complaint = supersede("check", "--json")
        self.assertIn(code, (0, 1), complaint)
        seen = json.loads(text)
        pid = int(systemctl("show", "-P", "MainPID", "legacy"))
        mine = [daemon for daemon in seen["daemons"] if daemon["pid"]]
        self.assertEqual(mine, [{"pid": pid, "unit": "legacy.service", "configuration": self.daemon.conf, "ours": False}])
        self.assertEqual(seen["configuration"], self.daemon.conf)
        self.assertEqual({process["name"]: process["unit"] for process in seen["processes"]}["web:web_1"],
                         "supervisor:web@1.service")
        self.assertEqual(seen["status"], code)
        self.assertIn(f"supervisord runs as pid {pid} in legacy.service with {self.daemon.conf}", supersede("check")[1])
        # Not running any more, the unit tells.
        systemctl("stop", "legacy")
        seen = json.loads(supersede("check", "--json")[1])
        self.assertEqual(seen["configuration"], self.daemon.conf)
        self.assertIn({"pid": None, "unit": "legacy.service", "configuration": self.daemon.conf, "ours": False}, seen["daemons"])

    def test_migration(self):
        seen, claims = self.status()
        self.assertIsNone(seen["problem"])
        running = {"web:web_0": "daemon", "web:web_1": "daemon", "lone": "daemon", "stopped": "nobody"}
        self.assertEqual({name: claims[name] for name in running}, running)
        by_name = {process["name"]: process for process in seen["processes"]}
        self.assertEqual(by_name["lone"]["pid"], self.daemon.pid("lone"))
        self.assertEqual(by_name["lone"]["units"], [])

        self.export()
        systemctl("start", "web@1.service", "stopped.service")
        seen, claims = self.status()
        self.assertEqual((claims["web:web_1"], claims["web:web_0"], claims["stopped"]), ("twice", "daemon", "unit"))
        by_name = {process["name"]: process for process in seen["processes"]}
        unit = by_name["web:web_1"]["units"][0]
        self.assertEqual((unit["name"], unit["exported"], unit["active"]), ("web@1.service", True, "active"))
        self.assertEqual(unit["pid"], int(systemctl("show", "-P", "MainPID", "web@1.service")))
        text = supersede("status", self.daemon.conf)[1]
        self.assertIn("RUNS TWICE", next(line for line in text.splitlines() if line.startswith("web:web_1 ")))
        self.assertEqual(text.count("RUNS TWICE"), 1)

        self.daemon.rpc.supervisor.stopProcess("web:web_1")
        self.assertEqual(self.status()[1]["web:web_1"], "unit")
        systemctl("stop", "legacy")
        seen, claims = self.status()
        self.assertIsNotNone(seen["problem"])
        self.assertEqual((claims["web:web_1"], claims["lone"]), ("unit", "nobody"))

    def test_our_daemon(self):
        systemctl("stop", "legacy")
        subprocess.run([OURS.program("supervisord"), "-c", self.daemon.conf], check=True, cwd="/", timeout=60)
        for name in ("web:web_0", "web:web_1", "lone"):
            self.daemon.wait_state(name, "RUNNING")
        seen, claims = self.status()
        running = {"web:web_0": "same", "web:web_1": "same", "lone": "same", "stopped": "nobody"}
        self.assertEqual({name: claims[name] for name in running}, running)
        # It is restarted all the time: whenever one looks, it is in one place at most.
        self.assertNotEqual(claims["fails"], "twice", seen)
        self.daemon.rpc.supervisor.shutdown()
        wait_until(lambda: not os.path.exists(self.daemon.path("supervisord.pid")), "the end of the daemon")


if __name__ == "__main__":
    report.main()
