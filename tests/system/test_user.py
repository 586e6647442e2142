"""An unprivileged user's supervisord: its programs run under that user's own systemd."""

import os
import pwd
import signal
import subprocess
import unittest

import report
from daemon import OURS, Daemon, unit_of
from stories import program
from waiting import wait_until

NAME = "joe"


class UserDaemon(Daemon):
    """Started by and for a user who stays logged in by lingering."""

    def __init__(self, name, user):
        super().__init__(OURS, name)
        self.user = user
        os.chown(self.directory, user.pw_uid, user.pw_gid)

    def as_user(self, *words):
        return ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--init-groups", "env",
                f"HOME={self.user.pw_dir}", f"XDG_RUNTIME_DIR=/run/user/{self.user.pw_uid}", *words]

    def start(self, *arguments):
        with open(self.path("output"), "ab") as output:
            self.process = subprocess.Popen(self.as_user(self.role.program("supervisord"), "-n", "-c", self.conf, *arguments),
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/")
        wait_until(self.answers, f"{self.name} to answer")
        return self


def make_user():
    subprocess.run(["useradd", "--create-home", NAME], check=True)
    user = pwd.getpwnam(NAME)
    subprocess.run(["loginctl", "enable-linger", NAME], check=True)
    wait_until(lambda: os.path.exists(f"/run/user/{user.pw_uid}/systemd/private"), "the user's systemd")
    return user


class User(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.user = make_user()

    def setUp(self):
        self.daemon = UserDaemon("unprivileged", self.user)
        self.addCleanup(self.daemon.stop)

    def test_programs_are_units_of_the_user(self):
        self.daemon.configure(program("mine") + "[program:early]\ncommand=/bin/false\nstartretries=1\n"
                              "[program:says]\ncommand=/bin/sh -c 'echo said; exec sleep 1000'\nstdout_logfile=%(here)s/says.log\n")
        self.daemon.start()
        self.daemon.wait_state("mine", "RUNNING")
        self.daemon.wait_state("early", "FATAL")
        pid = self.daemon.pid("mine")
        self.assertEqual(os.stat(f"/proc/{pid}").st_uid, self.user.pw_uid)
        self.assertEqual(unit_of(pid), "unprivileged:mine.service")
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            self.assertIn(f"user@{self.user.pw_uid}.service", file.read())
        wait_until(lambda: self.daemon.read("says.log") == "said\n", "the log")
        self.assertEqual(self.daemon.control("restart", "mine").text, "mine: stopped\nmine: started\n")

    def test_survives_and_ends_like_any_other(self):
        self.daemon.configure(program("mine"))
        self.daemon.start()
        self.daemon.wait_state("mine", "RUNNING")
        pid = self.daemon.pid("mine")
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.daemon.wait_state("mine", "RUNNING")["pid"], pid)
        self.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(20), 0)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.assertEqual(os.listdir(f"/run/user/{self.user.pw_uid}/supersede"), [])

    def test_loses_nothing_when_it_is_killed(self):
        """As a service of the user's systemd, which keeps the FIFOs."""
        self.daemon.configure("[program:talker]\nautorestart=false\nstdout_logfile=%(here)s/talker.log\n"
                              "command=/bin/sh -c 'echo first; while [ ! -e %(here)s/go ]; do sleep 0.02; done; echo last; exit 3'\n")
        subprocess.run(self.daemon.as_user(OURS.program("supervisord"), "-c", self.daemon.conf), stdin=subprocess.DEVNULL,
                       check=True, timeout=30, cwd="/")
        self.addCleanup(self.shut_down)
        talker = self.daemon.wait_state("talker", "RUNNING")["pid"]
        pid = self.daemon.rpc.supervisor.getPID()
        os.kill(pid, signal.SIGSTOP)
        self.daemon.write("go", "")
        wait_until(lambda: not os.path.exists(f"/proc/{talker}"), "the program to end")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.daemon.wait_state("talker", "EXITED")["exitstatus"], 3)
        self.assertEqual(self.daemon.read("talker.log"), "first\nlast\n")
        self.assertNotEqual(self.daemon.rpc.supervisor.getPID(), pid)
        wait_until(lambda: subprocess.run(["journalctl", "-q", "-o", "cat", "SUPERVISOR_PROCESS=talker"], stdout=subprocess.PIPE,
                                          check=True, text=True).stdout == "first\nlast\n", "each line once in the journal", 10)

    def shut_down(self):
        self.daemon.control("shutdown")
        wait_until(lambda: not os.path.exists(self.daemon.path("supervisord.pid")), "the daemon to end")

    def test_without_a_session_it_says_so(self):
        self.daemon.configure(program("mine"))
        done = subprocess.run(self.daemon.as_user("XDG_RUNTIME_DIR=/nowhere", OURS.program("supervisord"), "-n", "-c", self.daemon.conf),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              cwd="/", timeout=20)
        self.assertEqual(done.returncode, 2)
        self.assertIn("systemd user session", done.stdout)


if __name__ == "__main__":
    report.main()
