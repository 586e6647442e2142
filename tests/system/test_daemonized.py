"""supervisord without -n: a service of systemd. And the odd moments: systemd executing itself anew, starts and stops that meet a
restart of systemd's own."""

import os
import signal
import socket
import subprocess
import unittest

import report
from daemon import OURS, Daemon
from stories import program
from waiting import wait_until


def systemctl(*words):
    return subprocess.run(["systemctl", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout


class Service(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(OURS, f"service-{self._testMethodName.rpartition('_')[2]}")
        self.addCleanup(self.end)

    def end(self):
        self.run_program("supervisorctl", "-c", self.daemon.conf, "shutdown")
        wait_until(lambda: not os.path.exists(self.daemon.path("socket")), "the daemon to end")

    def run_program(self, name, *arguments, **more):
        """With pipes: it must not leave them open in the daemon."""
        return subprocess.run([OURS.program(name), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=30, cwd="/", **more)

    def daemonize(self):
        done = self.run_program("supervisord", "-c", self.daemon.conf)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def state(self, name):
        try:
            return self.daemon.state(name)
        except OSError:
            return None

    def test_returns_when_it_is_ready(self):
        self.daemon.configure(program("one"))
        self.daemonize()
        self.assertIn(self.daemon.state("one"), ("STARTING", "RUNNING"))
        pid = self.daemon.rpc.supervisor.getPID()
        self.assertIn("active", systemctl("is-active", f"{self.daemon.name}.service"))
        self.assertEqual(self.daemon.read("supervisord.pid"), f"{pid}\n")

    def test_restarts_in_place(self):
        self.daemon.configure(program("one"))
        self.daemonize()
        self.daemon.wait_state("one", "RUNNING")
        pid, child = self.daemon.rpc.supervisor.getPID(), self.daemon.pid("one")
        self.daemon.configure(program("two"))
        self.assertEqual(self.run_program("supervisorctl", "-c", self.daemon.conf, "reload").stdout, "Restarted supervisord\n")
        wait_until(lambda: self.state("two") == "RUNNING" if self.known("two") else None, "the new program")
        self.assertEqual(self.daemon.rpc.supervisor.getPID(), pid)
        self.assertFalse(os.path.exists(f"/proc/{child}"))

    def known(self, name):
        try:
            return name in [info["name"] for info in self.daemon.rpc.supervisor.getAllProcessInfo()]
        except Exception:  # pylint: disable=broad-except  -- shutting down, or not there yet
            return False

    def test_is_restarted_when_killed(self):
        self.daemon.configure(program("one"))
        self.daemonize()
        self.daemon.wait_state("one", "RUNNING")
        pid, child = self.daemon.rpc.supervisor.getPID(), self.daemon.pid("one")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.state("one") == "RUNNING", "the new daemon")
        self.assertNotEqual(self.daemon.rpc.supervisor.getPID(), pid)
        self.assertEqual(self.daemon.pid("one"), child)

    def test_fails_and_works_later(self):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        self.daemon.configure(program("one") + f"[inet_http_server]\nport=127.0.0.1:{port}\n")
        for _ in range(3):
            done = self.run_program("supervisord", "-c", self.daemon.conf)
            self.assertEqual(done.returncode, 2)
            self.assertIn("Another program is already listening on a port", done.stdout)
        taken.close()
        self.daemonize()
        self.daemon.wait_state("one", "RUNNING")


class OddMoments(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(OURS, f"odd-{self._testMethodName.rpartition('_')[2]}")
        self.addCleanup(self.daemon.stop)

    def test_start_before_the_restart(self):
        self.daemon.configure("[program:a]\ncommand=/bin/sleep 1000\nstartsecs=0\nautorestart=true\n")
        self.daemon.start()
        for _ in range(3):
            pid = self.daemon.wait_state("a", "RUNNING")["pid"]
            os.kill(pid, signal.SIGKILL)
            self.daemon.wait_state("a", "EXITED")
            self.assertEqual(self.daemon.control("start", "a").text, "a: started\n")
            self.assertEqual(self.daemon.state("a"), "RUNNING")
            self.assertEqual(self.daemon.control("stop", "a").text, "a: stopped\n")
            self.assertEqual(self.daemon.control("start", "a").text, "a: started\n")

    def test_stop_while_systemd_executes_itself_anew(self):
        self.daemon.configure(program("a") + program("b"))
        self.daemon.start()
        for _ in range(3):
            for name in ("a", "b"):
                self.daemon.wait_state(name, "RUNNING")
            pids = [self.daemon.pid(name) for name in ("a", "b")]
            systemctl("daemon-reexec")
            self.assertEqual(self.daemon.control("stop", "a").text, "a: stopped\n")
            systemctl("daemon-reexec")
            self.daemon.rpc.supervisor.stopProcess("b")
            wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "both to be gone", 5)
            systemctl("daemon-reexec")
            self.assertEqual(self.daemon.control("start", "a").text, "a: started\n")
            self.assertEqual(self.daemon.control("start", "b").text, "b: started\n")

    def test_group_comes_back_over_its_own_remains(self):
        # The children take a second to go: the unit is still on its way out when its group is added again.
        child = "trap \"\" TERM; sleep 1000"
        text = f"[program:a]\ncommand=/bin/sh -c '({child}) & exec sleep 1000'\nstopwaitsecs=1\nstopasgroup=true\nautostart=false\n"
        self.daemon.configure(text)
        self.daemon.start()
        self.assertEqual(self.daemon.control("start", "a").text, "a: started\n")
        self.daemon.rpc.supervisor.stopProcess("a")
        self.daemon.rpc.supervisor.removeProcessGroup("a")
        self.daemon.rpc.supervisor.addProcessGroup("a")
        self.assertEqual(self.daemon.state("a"), "STOPPED")
        self.assertEqual(self.daemon.control("start", "a").text, "a: started\n")
        self.assertNotIn("exited", self.daemon.read("main.log"))


if __name__ == "__main__":
    report.main()
