"""user= of [supervisord] and -u: whose the daemon's files are, and what the daemon may do with them."""

import os
import re
import subprocess
import unittest

import report
from daemon import ORACLE, OURS, Daemon
from together import together
from users import add_user, describe
from waiting import wait_until

KEEPER = add_user("keeper", 5001, members_of=(5101,))
OTHER = add_user("other", 5002)
PROGRAMS = """\
[program:auto]
command=/bin/sh -c 'echo out; echo err >&2; exec sleep 1000'
[program:paths]
command=/bin/sh -c 'echo out; echo err >&2; exec sleep 1000'
stdout_logfile=%(here)s/paths.out
stderr_logfile=%(here)s/paths.err
[program:rotates]
command=/bin/sh -c 'for i in 1 2 3; do echo 0123456789; sleep 0.2; done; exec sleep 1000'
stdout_logfile=%(here)s/rotates.out
stdout_logfile_maxbytes=10
stdout_logfile_backups=2
redirect_stderr=true
[program:shared]
command=/bin/sh -c 'echo out; exec sleep 1000'
stdout_logfile=%(here)s/shared/out
redirect_stderr=true
[program:denied]
command=/bin/sh -c 'echo out; exec sleep 1000'
stdout_logfile=%(here)s/denied/out
redirect_stderr=true
startretries=0
[program:linked]
command=/bin/sh -c 'echo out; exec sleep 1000'
stdout_logfile=%(here)s/linked.out
redirect_stderr=true
startretries=0
[program:own]
command=/bin/sh -c 'id -u; exec sleep 1000'
stdout_logfile=%(here)s/own.out
redirect_stderr=true
user=keeper
; Keeps the oracle's loop turning: SIGCHLD does not wake it.
[program:turns]
command=/bin/sh -c 'while :; do echo; sleep 0.05; done'
stdout_logfile=NONE
stderr_logfile=NONE
priority=1
"""
SECRET = "/root/secret"


def daemon_of(role, name, settings):
    daemon = Daemon(role, f"{role.name}-{name}")
    daemon.configure(PROGRAMS)
    text = daemon.read("supervisord.conf").replace("[supervisord]\n", f"[supervisord]\n{settings}")
    daemon.write("supervisord.conf", text)
    os.chmod(daemon.directory, 0o755)
    os.chown(daemon.directory, KEEPER.pw_uid, KEEPER.pw_gid)
    # Only by its group may the user write into one, and not at all into the other.
    for directory, mode in (("shared", 0o770), ("denied", 0o700)):
        os.mkdir(daemon.path(directory))
        os.chmod(daemon.path(directory), mode)
    os.chown(daemon.path("shared"), 0, 5101)
    os.symlink(SECRET, daemon.path("linked.out"))
    return daemon


def masked(daemon, name):
    """AUTO logs end in letters of chance."""
    return re.sub(r"-[^-]{6,8}\.log", "-X.log", name.replace(daemon.name, "NAME"))


def files_of(daemon):
    found = {}
    for directory, _, names in os.walk(daemon.directory):
        for name in names:
            path = os.path.join(directory, name)
            found[masked(daemon, os.path.relpath(path, daemon.directory))] = describe(path)
    del found["output"]
    return found


def settle(daemon):
    for name in ("auto", "paths", "rotates", "shared", "own"):
        daemon.wait_state(name, "RUNNING")
    wait_until(lambda: os.path.exists(daemon.path("rotates.out.2")), "two rotations")
    wait_until(lambda: daemon.read("own.out"), "output")
    return {"files": files_of(daemon), "own": daemon.read("own.out")}


def in_the_foreground(role, name, settings, *arguments):
    daemon = daemon_of(role, name, settings)
    daemon.start(*arguments)
    try:
        seen = settle(daemon)
        daemon.rpc.supervisor.clearLog()
        daemon.rpc.supervisor.clearAllProcessLogs()
        os.rename(daemon.path("paths.out"), daemon.path("paths.moved"))
        daemon.process.send_signal(subprocess.signal.SIGUSR2)
        wait_until(lambda: os.path.exists(daemon.path("paths.out")), "reopening")
        seen["cleared"] = files_of(daemon)
    finally:
        daemon.stop()
    seen["stopped"] = files_of(daemon)
    return seen


def in_the_background(role, name, settings, *arguments):
    daemon = daemon_of(role, name, settings)
    with open(daemon.path("output"), "wb") as output:
        subprocess.run([role.program("supervisord"), "-c", daemon.conf, *arguments], stdin=subprocess.DEVNULL,
                       stdout=output, stderr=output, cwd="/", check=True, timeout=30)

    def answers():
        try:
            return daemon.rpc.supervisor.getState()
        except OSError:
            return None
    wait_until(answers, "the daemon to answer")
    try:
        seen = settle(daemon)
    finally:
        daemon.rpc.supervisor.shutdown()
        wait_until(lambda: not os.path.exists(daemon.path("supervisord.pid")), "the end of the daemon")
    seen["stopped"] = files_of(daemon)
    return seen


class User(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        with open(SECRET, "w", encoding="utf-8") as file:
            file.write("secret\n")

    def compare(self, run, *arguments):
        oracle, ours = together(lambda: run(ORACLE, *arguments), lambda: run(OURS, *arguments))
        self.assertEqual(oracle, ours)
        return ours

    def check_secret(self):
        with open(SECRET, encoding="utf-8") as file:
            self.assertEqual(file.read(), "secret\n")

    def test_option(self):
        seen = self.compare(in_the_foreground, "option", "user=keeper\n")
        self.assertEqual(seen["files"]["main.log"], "5001:5001 100644")
        self.assertEqual(seen["own"], "5001\n")
        self.check_secret()

    def test_command_line(self):
        self.compare(in_the_foreground, "line", "", "-u", "5001")

    def test_background(self):
        seen = self.compare(in_the_background, "background", "user=keeper\numask=027\n")
        self.check_secret()
        self.assertEqual(seen["files"]["socket"], "5001:5001 140700")

    def test_root(self):
        seen = self.compare(in_the_foreground, "root", "user=root\n")
        self.assertEqual(seen["files"]["main.log"], "0:0 100644")

    def test_without(self):
        self.compare(in_the_foreground, "without", "")


class Refusal(unittest.TestCase):
    def refuse(self, role, name, user, *arguments, settings=""):
        daemon = Daemon(role, f"{role.name}-{name}")
        daemon.configure("[program:x]\ncommand=/bin/sleep 1000\n")
        daemon.write("supervisord.conf", daemon.read("supervisord.conf").replace("[supervisord]\n",
                                                                                "[supervisord]\n" + settings))
        os.chmod(daemon.directory, 0o777)
        done = subprocess.run([role.program("supervisord"), "-n", "-c", daemon.conf, *arguments], user=user, group=user,
                              extra_groups=[], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=20, cwd="/")
        return done.returncode, daemon.normal(done.stdout)

    def compare(self, name, *arguments, **settings):
        oracle, ours = (self.refuse(role, name, *arguments, **settings) for role in (ORACLE, OURS))
        # What limit there is the oracle does not tell, it names the one that was wanted.
        told = [(status, text.split(" The current environment")[0]) for status, text in (oracle, ours)]
        self.assertEqual(*told)
        self.assertEqual(ours[0], 2, ours[1])
        return ours[1]

    def test_somebody_else(self):
        self.assertIn("Can't drop privilege as nonroot user", self.compare("else", 5002, "-u", "keeper"))

    def test_root(self):
        self.assertIn("Can't drop privilege as nonroot user", self.compare("root", 5002, settings="user=root\n"))

    def test_unknown(self):
        self.compare("unknown", 0, "-u", "nosuchuser")
        self.compare("unknownid", 0, "-u", "64321")

    def test_limits(self):
        """What cannot be had: without privileges, and with those that are given up."""
        for name, user, settings in (("fds", 5002, ""), ("dropped", 0, "user=keeper\n")):
            text = self.compare(name, user, "-a", "3000000", settings=settings)
            self.assertIn("3000000", text)
            self.assertIn("minfds", text)
        # (minprocs would need a hard limit that is none of the box.)


if __name__ == "__main__":
    report.main()
