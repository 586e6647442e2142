"""The life of the Debian package (arguments: it, and its next version) in a box that runs Debian's supervisor: it takes its place with
the configuration kept, an upgrade touches nothing that runs, a purge leaves nothing."""

import glob
import http.client
import os
import subprocess
import sys
import threading
import time
import unittest
import xmlrpc.client

import report
from daemon import UnixTransport
from waiting import wait_until

DIRECTORY = "/etc/supervisor"
CONF = f"{DIRECTORY}/supervisord.conf"
SOCKET = "/var/run/supervisor.sock"
LOG = "/var/log/supervisor/counts.log"
MINE = "; mine\n[program:sleeper]\ncommand=/bin/sleep 100000\n"
COUNTS = f"""\
[program:counts]
command=/bin/sh -c 'i=0; while :; do i=$((i+1)); echo line $i; [ $((i %% 200)) = 0 ] && sleep 0.02; done'
stdout_logfile={LOG}
stdout_logfile_maxbytes=0
"""


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=200,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}")
    return done.stdout


def install(deb):
    return run("dpkg", "--force-unsafe-io", "--auto-deconfigure", "--force-confold", "-i", deb)


def show(name, unit="supervisor.service"):
    return run("systemctl", "show", "-P", name, unit).strip()


def rpc():
    return xmlrpc.client.ServerProxy("http://localhost", transport=UnixTransport(SOCKET, 60)).supervisor


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pids():
    return {info["name"]: info["pid"] for info in rpc().getAllProcessInfo()}


def running():
    """The pids, as soon as both programs run."""
    def all_up():
        try:
            return {info["statename"] for info in rpc().getAllProcessInfo()} == {"RUNNING"}
        except (OSError, http.client.HTTPException):
            return False
    wait_until(all_up, "both programs to run", 60)
    found = pids()
    if sorted(found) != ["counts", "sleeper"]:
        raise AssertionError(found)
    return found


class Client(threading.Thread):
    """Asks again and again, each time on a new connection, and remembers what went wrong."""

    def __init__(self):
        super().__init__()
        self.done = threading.Event()
        self.answers, self.problems = 0, []

    def run(self):
        while not self.done.is_set():
            try:
                rpc().getState()
                self.answers += 1
            except (OSError, http.client.HTTPException, xmlrpc.client.Fault) as error:
                self.problems.append(repr(error))
            time.sleep(0.005)

    def end(self):
        self.done.set()
        self.join()
        return self.problems


class Life(unittest.TestCase):
    """One life after the other in one test: each stage is the ground of the next."""

    def test_life(self):
        self.begin_with_the_old_one()
        self.take_its_place()
        self.forget_the_old_one()
        self.upgrade()
        self.remove()
        self.purge()

    def begin_with_the_old_one(self):
        with open(CONF, "a", encoding="utf-8") as file:
            file.write(MINE)
        with open(f"{DIRECTORY}/conf.d/counts.conf", "w", encoding="utf-8") as file:
            file.write(COUNTS)
        self.before = read(CONF)
        # Containers forbid packages to start anything; this box is a host, and forgets that it was.
        if os.path.exists("/usr/sbin/policy-rc.d"):
            os.unlink("/usr/sbin/policy-rc.d")
        # As on a host that uses it: a box starts nothing that its host has enabled.
        run("systemctl", "enable", "--now", "supervisor.service")
        self.old = running()

    def take_its_place(self):
        install(sys.argv[1])
        self.assertIn("supersede", run("dpkg", "-S", "/usr/bin/supervisord"))
        self.assertNotIn("ii", run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "supervisor"))
        self.assertEqual(read(CONF), self.before)
        self.assertEqual((show("ActiveState"), show("UnitFileState"), show("UnitFileState", "supervisor.socket")),
                         ("active", "enabled", "enabled"))
        running()
        for pid in self.old.values():
            self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def forget_the_old_one(self):
        """What Debian's package has left behind (a script for another init) may be purged at any time."""
        now = pids()
        run("dpkg", "--purge", "supervisor")
        # That of 4.3.0 takes /var/log/supervisor along, whoever writes there.
        self.log_went = not os.path.isdir(os.path.dirname(LOG))
        if self.log_went:
            os.mkdir(os.path.dirname(LOG))
            wait_until(lambda: os.path.exists(LOG) and os.stat(LOG).st_size > 0, "the log to be made again")
        self.assertEqual(read(CONF), self.before)
        self.assertEqual((show("ActiveState"), pids()), ("active", now))

    def upgrade(self):
        before, daemon, socket = running(), show("MainPID"), os.stat(SOCKET).st_ino
        client = Client()
        client.start()
        try:
            wait_until(lambda: client.answers > 3, "answers before the upgrade")
            output = install(sys.argv[2])
            asked = client.answers
            wait_until(lambda: client.answers > asked + 3, "answers after the upgrade")
        finally:
            problems = client.end()
        self.assertEqual(problems, [], output)
        self.assertTrue(run("dpkg-query", "-W", "-f", "${Version}", "supersede").endswith("+next"))
        self.assertNotEqual(show("MainPID"), daemon)
        self.assertTrue(os.path.samefile(f"/proc/{show('MainPID')}/exe", "/usr/bin/supervisord"))
        self.assertEqual((show("ActiveState"), show("UnitFileState"), show("UnitFileState", "supervisor.socket")),
                         ("active", "enabled", "enabled"))
        self.assertEqual((pids(), os.stat(SOCKET).st_ino), (before, socket))
        self.check_log()

    def check_log(self):
        """Not a line is missing since the program was started, the oracle's part before it aside."""
        size = os.stat(LOG).st_size
        wait_until(lambda: os.stat(LOG).st_size > size, "more output")
        lines = read(LOG).splitlines()[:-1]
        first = 0 if self.log_went else len(lines) - 1 - lines[::-1].index("line 1")
        self.assertGreater(len(lines) - first, 1000)
        begin = int(lines[first].partition(" ")[2])
        for number, line in enumerate(lines[first:], begin):
            if line != f"line {number}":
                self.fail(f"{line!r} in the place of line {number}")

    def remove(self):
        programs = pids()
        run("dpkg", "-r", "supersede")
        for pid in programs.values():
            self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.assertEqual(read(CONF), self.before)
        self.assertEqual(run("systemctl", "list-units", "--all", "--plain", "--no-legend", "supervisor:*"), "")

    def purge(self):
        run("dpkg", "--purge", "supersede")
        # What the administrator has put there stays.
        self.assertEqual(glob.glob(f"{DIRECTORY}/**", recursive=True),
                         [f"{DIRECTORY}/", f"{DIRECTORY}/conf.d", f"{DIRECTORY}/conf.d/counts.conf"])
        left = [path for pattern in ("/etc/systemd/system/**/supervisor*", "/run/systemd/**/supervisor*", "/run/supervis*",
                                     "/run/supersede*", "/var/log/supervisor*", "/lib/systemd/system/supervisor*",
                                     "/usr/bin/supervisor*", "/usr/libexec/supersede*",
                                     "/var/lib/systemd/deb-systemd-helper-*/**/supervisor*")
                for path in glob.glob(pattern, recursive=True)]
        self.assertEqual(left, [])
        self.assertEqual(run("systemctl", "list-units", "--failed", "--plain", "--no-legend"), "")


if __name__ == "__main__":
    report.main()
