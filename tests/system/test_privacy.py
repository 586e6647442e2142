"""No other user of the host can read a program's environment, its command line's spec, or what it prints."""

import os
import subprocess
import unittest

import report
from daemon import OURS, Daemon
from users import add_user
from waiting import wait_until

SECRET = "hush-c0ffee-3141"
HOLDER = add_user("holder", 5201)
NOSY = add_user("nosy", 5202)


def as_nosy(*argv):
    """What another user gets to see by a command, errors included."""
    done = subprocess.run(argv, user=NOSY.pw_uid, group=NOSY.pw_gid, extra_groups=[], cwd="/", check=False, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "SYSTEMD_PAGER": "", "LANG": "C.UTF-8"},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode(errors="replace")


class Privacy(unittest.TestCase):
    """The secret comes in by every way there is: the daemon's own environment, both environment= options."""

    @classmethod
    def setUpClass(cls):
        cls.daemons = []
        cls.inherited = f"{SECRET}-inherited"
        for name, background in (("privacyfront", False), ("privacyback", True)):
            daemon = Daemon(OURS, name)
            daemon.configure(f"""\
[program:asroot]
command=/bin/sh -c 'exec sleep 1000'
environment=PASSWORD="{SECRET}-program"
[program:asuser]
command=/bin/sh -c 'exec sleep 1001'
environment=PASSWORD="{SECRET}-program"
user=holder
""")
            text = daemon.read("supervisord.conf")
            daemon.write("supervisord.conf", text.replace("[supervisord]\n",
                                                          f'[supervisord]\nenvironment=SHARED="{SECRET}-shared"\n'), 0o600)
            environment = dict(os.environ, INHERITED=cls.inherited)
            command = [OURS.program("supervisord"), "-c", daemon.conf]
            if background:
                subprocess.run(command, env=environment, cwd="/", check=True, timeout=30)
            else:
                daemon.process = subprocess.Popen([*command, "-n"], env=environment, cwd="/", stdout=subprocess.DEVNULL)
            wait_until(lambda daemon=daemon: os.path.exists(daemon.path("socket")), "the daemon")
            for program in ("asroot", "asuser"):
                daemon.wait_state(program, "RUNNING")
            cls.daemons.append(daemon)

    @classmethod
    def tearDownClass(cls):
        for daemon in cls.daemons:
            daemon.rpc.supervisor.shutdown()

    def pids(self):
        return [daemon.pid(name) for daemon in self.daemons for name in ("asroot", "asuser")]

    def units(self):
        return as_nosy("systemctl", "list-units", "--all", "--plain", "--no-legend", "privacy*", "supersede*").split("\n")

    def conceals(self, text, *needles):
        """The command showed something, but not the secret."""
        self.assertNotIn(SECRET, text)
        for needle in needles:
            self.assertIn(needle, text)

    def test_programs_have_it(self):
        """Guards the others: there is something to find, for those who may."""
        for pid in self.pids():
            with open(f"/proc/{pid}/environ", encoding="utf-8") as file:
                text = file.read()
            for part in ("program", "shared", "inherited"):
                self.assertIn(f"{SECRET}-{part}", text)
        found = subprocess.run(["grep", "-rl", SECRET, "/run/supersede"], stdout=subprocess.PIPE, text=True, check=True)
        self.assertGreaterEqual(len(found.stdout.split()), 4, found.stdout)

    def test_files(self):
        """Nothing below /run or of systemd's can be read that holds it, and no directory of ours be listed."""
        self.conceals(as_nosy("grep", "-ras", "--devices=skip", SECRET, "/run", "/etc/systemd", "/var/lib/systemd"))
        for directory, names, files in os.walk("/run/supersede"):
            for path in [directory] + [os.path.join(directory, name) for name in names + files]:
                if path != "/run/supersede":
                    self.assertEqual(os.lstat(path).st_mode & 0o077, 0, path)
        self.conceals(as_nosy("find", "/run/supersede"), "Permission denied")

    def test_systemctl(self):
        units = [line.split()[0] for line in self.units() if ":as" in line]
        self.assertEqual(len(units), 4, units)
        for unit in [*units, "privacyback.service"]:
            self.conceals(as_nosy("systemctl", "show", "--all", unit), f"Id={unit}")
            self.conceals(as_nosy("systemctl", "cat", unit), "ExecStart")
            self.conceals(as_nosy("systemctl", "status", "--full", "--no-pager", unit), "active")
        self.conceals(as_nosy("systemctl", "show-environment"), "PATH")

    def test_bus(self):
        units = [line.split()[0] for line in self.units() if ":as" in line] + ["privacyback.service"]
        for unit in units:
            path = as_nosy("busctl", "--json=short", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                           "org.freedesktop.systemd1.Manager", "GetUnit", "s", unit)
            path = path.split('"data":["')[1].split('"')[0]
            for name in ("Environment", "PassEnvironment", "EnvironmentFiles"):
                self.conceals(as_nosy("busctl", "get-property", "org.freedesktop.systemd1", path,
                                      "org.freedesktop.systemd1.Service", name), "a")
            self.conceals(as_nosy("busctl", "introspect", "--full", "org.freedesktop.systemd1", path), "ExecStart")

    def test_processes(self):
        for pid in self.pids():
            self.conceals(as_nosy("cat", f"/proc/{pid}/environ"), "Permission denied")
            self.conceals(as_nosy("cat", f"/proc/{pid}/cmdline"), "sleep")
        self.conceals(as_nosy("ps", "axeww"), "sleep")

    def test_journal(self):
        done = subprocess.run(["journalctl", "--no-pager", "-o", "export"], stdout=subprocess.PIPE, check=True)
        text = done.stdout.decode(errors="replace")
        self.assertIn("privacyback", text)
        self.assertNotIn(SECRET, text)
        self.conceals(as_nosy("journalctl", "--no-pager", "-o", "verbose"))

    def test_socket(self):
        """The server's socket is for its owner only, as is what it tells."""
        for daemon in self.daemons:
            text = as_nosy("/usr/bin/python3", "-c", "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])",
                           daemon.path("socket"))
            self.conceals(text, "PermissionError")


if __name__ == "__main__":
    report.main()
