"""Options systemd.PROPERTY=value reach the unit and the program; what is wrong with them is told before anything starts."""

import os
import pty
import re
import signal
import subprocess
import unittest

import report
from daemon import OURS, Daemon, unit_of
from waiting import wait_until

SHOW = "/bin/sh -c 'env >%(here)s/%(program_name)s.env; grep Cap /proc/self/status >%(here)s/%(program_name)s.caps; ulimit -n >%(here)s/%(program_name)s.files; exec sleep 1000'"
# Names that systemd itself only keeps for old files: another one has taken their place, or nothing has.
ABANDONED = set("""BindTo PropagateReloadTo PropagateReloadFrom RequiresOverridable RequisiteOverridable OnFailureIsolate
    StartLimitInterval ReadWriteDirectories ReadOnlyDirectories InaccessibleDirectories CPUShares StartupCPUShares MemoryLimit
    BlockIOAccounting BlockIOWeight StartupBlockIOWeight BlockIODeviceWeight BlockIOReadBandwidth BlockIOWriteBandwidth""".split())


def names_of_systemd():
    """What the running systemd takes in [Unit] and [Service]."""
    done = subprocess.run(["/lib/systemd/systemd", "--dump-configuration-items"], check=True, text=True, stdout=subprocess.PIPE)
    sections = re.findall(r"^\[(\w+)\]\n((?:\w+=.*\n)*)", done.stdout, re.MULTILINE)
    return {name for section, lines in sections if section in ("Unit", "Service") for name in re.findall(r"^(\w+)=", lines, re.MULTILINE)}


def properties(unit, *names):
    done = subprocess.run(["systemctl", "show", unit, *(f"-p{name}" for name in names)], check=True, text=True,
                          stdout=subprocess.PIPE)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


class Settings(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(OURS, f"set{self.id().rpartition('_')[2]}")
        self.addCleanup(self.daemon.stop)

    def dropin(self, program):
        return f"/run/systemd/system/{self.daemon.name}:{program}.service.d"

    def environment(self, program):
        wait_until(lambda: os.path.exists(self.daemon.path(f"{program}.files")), f"{program} to look around")
        return dict(line.split("=", 1) for line in self.daemon.read(f"{program}.env").splitlines() if "=" in line)

    def test_they_reach_the_unit_and_the_program(self):
        self.daemon.write("file.env", 'FROM_FILE="a b"\nBOTH=file\n')
        self.daemon.configure(f"""\
[program:app]
command={SHOW}
environment=OWN=1,BOTH=own
systemd.MemoryMax=512M
systemd.CPUQuota=50%%
systemd.After=nosuch.service
systemd.EnvironmentFile=%(here)s/file.env
systemd.Environment=SET=%(program_name)s
systemd.ProtectSystem=strict
systemd.ReadWritePaths=%(here)s
systemd.RuntimeDirectory=app
systemd.LimitNOFILE=777
systemd.ExecStartPre=/bin/sh -c 'echo pre >>%(here)s/steps'
    /bin/sh -c 'echo second \\
      >>%(here)s/steps'
systemd.ExecStopPost=/bin/sh -c 'echo post >>%(here)s/steps'
[program:user]
command={SHOW}
user=nobody
umask=000
systemd.AmbientCapabilities=CAP_NET_BIND_SERVICE
[program:plain]
command={SHOW}
""")
        os.chmod(self.daemon.directory, 0o777)
        self.daemon.start()
        pid = self.daemon.wait_state("app", "RUNNING")["pid"]
        unit = unit_of(pid)
        shown = properties(unit, "MemoryMax", "CPUQuotaPerSecUSec", "After", "ProtectSystem", "DropInPaths", "MainPID")
        self.assertEqual((shown["MemoryMax"], shown["CPUQuotaPerSecUSec"], shown["ProtectSystem"], shown["MainPID"]),
                         (str(512 << 20), "500ms", "strict", str(pid)))
        self.assertIn("nosuch.service", shown["After"].split())
        self.assertEqual(shown["DropInPaths"], f"{self.dropin('app')}/50-supersede.conf")
        app, plain = self.environment("app"), self.environment("plain")
        self.assertEqual({name: app.get(name) for name in ("OWN", "FROM_FILE", "BOTH", "SET", "RUNTIME_DIRECTORY")},
                         {"OWN": "1", "FROM_FILE": "a b", "BOTH": "file", "SET": "app", "RUNTIME_DIRECTORY": "/run/app"})
        # Nothing else has come in by this way.
        self.assertEqual(set(app) - set(plain), {"OWN", "FROM_FILE", "BOTH", "SET", "RUNTIME_DIRECTORY"})
        self.assertEqual(self.daemon.read("app.files"), "777\n")
        self.environment("user")
        self.assertIn("CapEff:\t0000000000000400", self.daemon.read("user.caps"))
        self.assertEqual(self.daemon.info("user")["statename"], "RUNNING")
        self.assertEqual(self.daemon.read("steps"), "pre\nsecond\n")
        self.daemon.rpc.supervisor.stopProcess("app")
        # The process has ended, then systemd runs that.
        wait_until(lambda: self.daemon.read("steps") == "pre\nsecond\npost\n", "ExecStopPost=")
        self.daemon.stop()
        self.assertFalse(os.path.exists(self.dropin("app")))

    def test_an_update_sees_a_change(self):
        text = "[program:app]\ncommand=/bin/sleep 1000\n"
        self.daemon.configure(text)
        self.daemon.start()
        unit = unit_of(self.daemon.wait_state("app", "RUNNING")["pid"])
        for value in ("100M", "200M", None, "300M"):
            self.daemon.configure(text + (f"systemd.MemoryMax={value}\n" if value else ""))
            self.assertEqual(self.daemon.control("update").text, "app: stopped\napp: updated process group\n")
            self.daemon.wait_state("app", "RUNNING")
            expected = str(int(value[:-1]) << 20) if value else "infinity"
            self.assertEqual(properties(unit, "MemoryMax")["MemoryMax"], expected)
            self.assertEqual(os.path.exists(self.dropin("app")), bool(value))
        self.assertEqual(self.daemon.control("update").text, "")
        # A wrong value is told, and nothing changes.
        pid = self.daemon.pid("app")
        self.daemon.configure(text + "systemd.MemoryMax=lots\n")
        answer = self.daemon.control("update").text
        self.assertIn("MemoryMax=lots: Invalid memory limit 'lots'", answer)
        self.assertEqual(self.daemon.pid("app"), pid)

    def test_a_sandbox_does_not_keep_the_gate_from_counting(self):
        self.daemon.configure("""\
[program:never]
command=/bin/false
startretries=1
systemd.ProtectSystem=strict
systemd.PrivateDevices=yes
[program:missing]
command=/nosuch/program
startretries=1
systemd.ProtectSystem=strict
[program:before]
command=/bin/sleep 1000
startretries=1
systemd.ExecStartPre=/bin/false
[program:file]
command=/bin/sleep 1000
startretries=1
systemd.EnvironmentFile=/nosuch/file
""")
        self.daemon.start()
        for program in ("never", "missing", "before", "file"):
            self.daemon.wait_state(program, "FATAL")
        self.assertIn("can't find command", self.daemon.info("missing")["spawnerr"])

    def test_event_listeners(self):
        """Their scopes take what is about the unit and its resources; the rest is for services alone."""
        section = "[eventlistener:ear]\ncommand=/bin/sleep 1000\nevents=TICK_3600\nsystemd.MemoryMax=100M\n"
        self.daemon.configure(section + "systemd.After=nosuch.service\n")
        self.daemon.start()
        unit = unit_of(self.daemon.wait_state("ear", "RUNNING")["pid"])
        self.assertTrue(unit.endswith(".scope"), unit)
        shown = properties(unit, "MemoryMax", "After")
        self.assertEqual(shown["MemoryMax"], str(100 << 20))
        self.assertIn("nosuch.service", shown["After"].split())
        self.daemon.stop()
        self.assertFalse(os.path.exists(f"/run/systemd/system/{unit}.d"))
        self.daemon.configure(section + "systemd.Nice=5\n")
        done = subprocess.run([OURS.program("supervisord"), "-n", "-c", self.daemon.conf], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        self.assertEqual(done.returncode, 2)
        self.assertIn("Nice= cannot be set here: an event listener is a child of supervisord in a scope", done.stdout)
        self.assertIn("line: 21)", done.stdout)

    def test_what_a_killed_daemon_left_is_removed(self):
        self.daemon.configure("[program:app]\ncommand=/bin/sleep 1000\nsystemd.Nice=3\n")
        self.daemon.start()
        self.daemon.wait_state("app", "RUNNING")
        self.assertTrue(os.path.exists(self.dropin("app")))
        self.daemon.kill()
        self.daemon.configure("[program:other]\ncommand=/bin/sleep 1000\n")
        self.daemon.start()
        self.assertFalse(os.path.exists(self.dropin("app")))

    def test_dropins_of_the_administrator(self):
        self.daemon.configure(f"[program:app]\ncommand={SHOW}\nsystemd.MemoryMax=100M\n")
        self.daemon.start()
        pid = self.daemon.wait_state("app", "RUNNING")["pid"]
        unit = unit_of(pid)
        # The file comes last: newer ones of systemctl put the line before it where the cursor is to be.
        self.daemon.write("editor", "#!/bin/sh\nfor file; do :; done\n"
                          "printf '[Service]\\nMemoryMax=150M\\nEnvironment=EDITED=1\\n' >$file\n", 0o755)
        os.environ["SYSTEMD_EDITOR"] = self.daemon.path("editor")
        # It insists on a terminal.
        self.assertEqual(pty.spawn(["systemctl", "edit", unit]), 0)
        self.addCleanup(subprocess.run, ["systemctl", "revert", unit], check=False)
        self.assertTrue(os.path.exists(f"/etc/systemd/system/{unit}.d/override.conf"))
        self.assertEqual(properties(unit, "MemoryMax")["MemoryMax"], str(150 << 20))
        self.assertEqual(self.daemon.pid("app"), pid)
        os.remove(self.daemon.path("app.files"))
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.environment("app").get("EDITED"), "1")
        # Also after a stop and a start, which make the unit anew.
        self.daemon.wait_state("app", "RUNNING")
        self.daemon.rpc.supervisor.stopProcess("app")
        os.remove(self.daemon.path("app.files"))
        self.daemon.rpc.supervisor.startProcess("app")
        self.assertEqual(self.environment("app").get("EDITED"), "1")
        self.assertEqual(properties(unit, "MemoryMax")["MemoryMax"], str(150 << 20))

    def is_known(self, name):
        # The backslash is complained of before systemd is asked, which would take longer.
        with open(self.daemon.conf, "w", encoding="ascii") as file:
            file.write(f"[supervisord]\n[program:x]\ncommand=/bin/true\nsystemd.{name}=x\\\n")
        done = subprocess.run([OURS.program("supersede"), "check", self.daemon.conf], check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.assertIn("error: ", done.stdout)
        return f"systemd has no property '{name.lower()}'" not in done.stdout

    def test_the_properties_of_this_systemd_are_known(self):
        names = names_of_systemd()
        self.assertGreater(len(names), 300)
        self.assertFalse(self.is_known("NoSuchProperty"))
        self.assertEqual({name for name in names if not self.is_known(name)}, names & ABANDONED)

    def test_wrong_ones_keep_the_daemon_from_starting(self):
        for setting, words in (("MemroyMax=1G", "did you mean 'MemoryMax'?"), ("Nice=lots", "Nice=lots: "),
                               ("KillMode=none", "stopasgroup= and killasgroup= decide")):
            self.daemon.configure(f"[program:app]\ncommand=/bin/sleep 1000\nsystemd.{setting}\n")
            done = subprocess.run([OURS.program("supervisord"), "-n", "-c", self.daemon.conf], check=False, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stdout)
            self.assertIn("line: 19)", done.stdout)


if __name__ == "__main__":
    report.main()
