"""The five commands of docs/migration.md, run as they stand there on a host with Debian's supervisor."""

import pathlib
import subprocess
import unittest

import pages
import report
from waiting import wait_until

CONF = pathlib.Path("/etc/supervisor/supervisord.conf")
PROGRAMS = """
[program:web]
command=/bin/sh -c 'echo web %(process_num)d; exec sleep 1000'
process_name=%(program_name)s_%(process_num)02d
numprocs=2
stdout_logfile=/var/log/supervisor/web_%(process_num)02d.log
[program:lone]
command=/bin/sleep 2000
environment=API_TOKEN="secret"
user=www-data
[program:later]
command=/bin/sleep 3000
autostart=false
"""
UNITS = {"web:web_00": "web@0.service", "web:web_01": "web@1.service", "lone": "lone.service"}


def run(command):
    return subprocess.run(["/bin/bash", "-uc", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=120, cwd="/root")


def commands():
    return [step.command for step in pages.read("migration.md")]


def running(command):
    return subprocess.run(["pgrep", "-fx", command], stdout=subprocess.PIPE, text=True, check=False).stdout.split()


class Page(unittest.TestCase):
    def test_five_commands(self):
        with CONF.open("a", encoding="utf-8") as file:
            file.write(PROGRAMS)
        # As after Debian's own installation, before ours: its unit is the one that runs.
        legacy = pathlib.Path("/etc/systemd/system/supervisor.service")
        legacy.write_text(pathlib.Path("/usr/lib/systemd/system/supervisor.service").read_text(encoding="utf-8"), encoding="utf-8")
        self.assertEqual(run("systemctl daemon-reload && systemctl enable supervisor && systemctl start supervisor").returncode, 0)
        self.wait(lambda: len(running("sleep 1000")) == 2 and running("/bin/sleep 2000"))
        self.assertIn("python3", run("ps -o args= -p $(systemctl show -P MainPID supervisor)").stdout)
        legacy.unlink()

        check, take_over, status, export, leave = commands()
        seen = run(check)
        self.assertIn(seen.returncode, (0, 1), seen.stdout)
        self.assertIn(f"in supervisor.service with {CONF}", seen.stdout)
        self.assertIn(f"looking at {CONF}\n", seen.stdout)
        self.assertIn("On systemd\n", seen.stdout)
        self.assertEqual(len(running("sleep 1000")), 2)

        pids = (running("sleep 1000"), running("/bin/sleep 2000"))
        self.step(take_over)
        self.assertEqual((running("sleep 1000"), running("/bin/sleep 2000")), pids)
        self.assertEqual(run("systemctl is-active 'supervisor:web:0.scope'").stdout, "active\n")

        seen = self.step(status)
        for name in UNITS:
            line = next(line for line in seen.splitlines() if line.startswith(f"{name} "))
            self.assertRegex(line, r"(RUNNING|STARTING) pid \d+ +supervisor:\S+\.scope active$")
        self.step(export)
        self.assertEqual(self.step("systemd-analyze verify --man=no /root/units/*.service"), "")

        self.step(leave)
        for unit in UNITS.values():
            self.wait(lambda name=unit: run(f"systemctl is-active {name}").stdout == "active\n")
        self.assertEqual((len(running("sleep 1000")), len(running("/bin/sleep 2000"))), (2, 1))
        self.assertEqual(run("systemctl is-active supervisor.service").stdout, "inactive\n")
        self.assertEqual(run("systemctl is-enabled supervisor.service").stdout, "disabled\n")
        self.assertEqual(run("systemctl is-enabled web.target lone.service later.service").stdout, "enabled\nenabled\ndisabled\n")
        seen = self.step(f"{status} {CONF}")
        for name, unit in UNITS.items():
            self.assertRegex(next(line for line in seen.splitlines() if line.startswith(f"{name} ")), rf"{unit} active pid \d+$")
        log = pathlib.Path("/var/log/supervisor/web_00.log").read_text(encoding="utf-8")
        self.assertEqual(set(log.splitlines()), {"web 0"})

    def step(self, command):
        done = run(command)
        self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}")
        return done.stdout

    @staticmethod
    def wait(question):
        wait_until(question, "the programs to run")


if __name__ == "__main__":
    report.main()
