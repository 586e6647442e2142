"""Options of [supervisord] and of its command line, beside the oracle."""

import os
import re
import signal
import stat
import subprocess
import unittest
import xmlrpc.client

import report
from daemon import ORACLE, OURS, Daemon
from together import together
from waiting import wait_until

SLEEPER = "[program:x]\ncommand=/bin/sh -c 'echo out; echo err >&2; exec sleep 1000'\n"
# Talks when everybody knows that it runs.
TALKER = ("[program:x]\ncommand=/bin/sh -c 'sleep 0.5; echo out; sleep 0.2; echo err >&2; exec sleep 1000'\n"
          "stderr_logfile=NONE\n")
AUTO_LEFT = "web-stdout---{name}-abc123.log"


def make(role, name, programs=SLEEPER, settings="", level="info"):
    """A daemon whose [supervisord] has `settings` besides, or instead, of what the harness writes."""
    daemon = Daemon(role, f"{role.name}{name}")
    daemon.configure(programs, level=level)
    text = daemon.read("supervisord.conf")
    for line in settings.splitlines():
        text = re.sub(rf"^{line.partition('=')[0]}=.*\n", "", text, flags=re.MULTILINE)
    daemon.write("supervisord.conf", text.replace("[supervisord]\n", f"[supervisord]\n{settings}"))
    return daemon


def masked_names(daemon, directory):
    names = [name.replace(daemon.name, "NAME") for name in os.listdir(directory)]
    return sorted(re.sub(r"-\w{6,8}\.log", "-X.log", name) for name in names)


def log_lines(daemon, text):
    text = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "", daemon.normal(text), flags=re.MULTILINE)
    # Medusa greets at level error or critical, for no reason to be seen.
    return [line for line in text.splitlines()
            if not re.match(r"INFO waiting for|.*Medusa \(V1\.12\) started|\t(Hostname|Port):|DEBG (fd|received SIGCHLD)", line)]


def run(daemon, *arguments, look=lambda daemon: None):
    """Starts, waits for x, looks, stops; what was seen, the output and the main log."""
    daemon.start(*arguments)
    try:
        daemon.wait_state("x", "RUNNING")
        seen = look(daemon)
    finally:
        daemon.stop()
    return seen, log_lines(daemon, daemon.read("output"))


class Options(unittest.TestCase):
    maxDiff = None

    def beside(self, story):
        oracle, ours = together(lambda: story(ORACLE), lambda: story(OURS))
        self.assertEqual(oracle, ours)
        return ours

    def test_silent(self):
        for name, settings, arguments in (("silent", "silent=true\n", ()), ("silentline", "", ("-s",))):
            _, output = self.beside(lambda role: run(make(role, name, settings=settings), *arguments))
            self.assertEqual(output, [])

    def test_not_silent(self):
        _, output = self.beside(lambda role: run(make(role, "loud")))
        self.assertIn("WARN received SIGTERM indicating exit request", output)

    def test_loglevel(self):
        for level in ("critical", "error", "debug"):
            self.beside(lambda role: run(make(role, f"level{level}", TALKER), "-e", level)[1])

    def test_childlogdir(self):
        def story(role):
            daemon = make(role, "dir")
            os.mkdir(daemon.path("logs"))
            daemon.write("logs/" + AUTO_LEFT.format(name=daemon.name), "left\n")
            daemon.write("logs/" + AUTO_LEFT.format(name=daemon.name) + ".1", "left\n")
            daemon.write("logs/" + AUTO_LEFT.format(name="elsewhere"), "another's\n")
            daemon.write("logs/kept.log", "mine\n")
            return run(daemon, "-q", daemon.path("logs"), look=lambda d: masked_names(d, d.path("logs")))[0]
        self.assertEqual(self.beside(story), ["kept.log", "web-stdout---elsewhere-X.log", "x-stderr---NAME-X.log",
                                              "x-stdout---NAME-X.log"])

    def test_nocleanup(self):
        def story(role, *arguments, settings=""):
            daemon = make(role, f"keep{len(arguments)}", settings=settings)
            daemon.write(AUTO_LEFT.format(name=daemon.name), "left\n")
            return run(daemon, *arguments, look=lambda d: masked_names(d, d.directory))[0]
        for variant in ({"settings": "nocleanup=true\n"}, {}):
            seen = self.beside(lambda role: story(role, *([] if variant else ["-k"]), **variant))
            self.assertIn("web-stdout---NAME-X.log", seen)

    def test_strip_ansi(self):
        programs = ("[program:x]\ncommand=/bin/sh -c \"printf 'a\\033[31mred\\033[0mb\\\\n'; exec sleep 1000\"\n"
                    "stdout_logfile=%(here)s/x.out\n")

        def story(role, *arguments):
            daemon = make(role, f"strip{len(arguments)}", programs)
            return run(daemon, *arguments, look=lambda d: wait_until(lambda: d.read("x.out"), "output"))[0]
        self.assertEqual(self.beside(lambda role: story(role, "-t")), "aredb\n")
        self.assertEqual(self.beside(story), "a\033[31mred\033[0mb\n")

    def test_signals_that_end(self):
        def story(role, name):
            daemon = make(role, f"ends{name.lower()}")
            daemon.start()
            daemon.wait_state("x", "RUNNING")
            daemon.process.send_signal(getattr(signal, name))
            status = daemon.process.wait(20)
            return status, log_lines(daemon, daemon.read("main.log")), sorted(os.listdir(daemon.directory))[-4:]
        for name in ("SIGQUIT", "SIGINT", "SIGTERM"):
            status, lines, _ = self.beside(lambda role: without_auto(story(role, name)))
            self.assertEqual(status, 0)
            self.assertIn(f"WARN received {name} indicating exit request", lines)

    def test_pidfile(self):
        def story(role):
            daemon = make(role, "pid")
            own = daemon.path("other.pid")

            def look(_):
                with open(own, encoding="utf-8") as file:
                    return file.read() == f"{daemon.process.pid}\n"
            return run(daemon, "-j", own, look=look)[0], os.path.exists(own)
        self.assertEqual(self.beside(story), (True, False))

    def test_pidfile_that_cannot_be_written(self):
        def story(role):
            daemon = make(role, "badpid")
            os.mkdir(daemon.path("taken"))
            return run(daemon, "-j", daemon.path("taken"))[1]
        self.assertIn("CRIT could not write pidfile DIR/taken", self.beside(story))

    def test_umask(self):
        programs = "[program:x]\ncommand=/bin/sh -c 'umask; exec sleep 1000'\nstdout_logfile=%(here)s/x.out\n"

        def story(role, settings, *arguments):
            daemon = make(role, f"umask{len(arguments)}", programs, settings)
            seen = run(daemon, *arguments, look=lambda d: wait_until(lambda: d.read("x.out"), "output"))[0]
            return seen, oct(os.stat(daemon.path("main.log")).st_mode)
        self.beside(lambda role: story(role, "umask=077\n"))
        self.beside(lambda role: story(role, "", "-m", "027"))

    def test_reopening(self):
        """SIGUSR2 after logrotate has moved everything."""
        def look(daemon):
            moved = ("main.log", "x.out", "x.err")
            wait_until(lambda: daemon.read("x.out") and daemon.read("x.err"), "output")
            for name in moved:
                os.rename(daemon.path(name), daemon.path(name + ".1"))
            daemon.process.send_signal(signal.SIGUSR2)
            wait_until(lambda: all(os.path.exists(daemon.path(name)) for name in moved), "new logs")
            daemon.rpc.supervisor.stopProcess("x")
            daemon.rpc.supervisor.startProcess("x")
            wait_until(lambda: daemon.read("x.out") and daemon.read("x.err"), "new output")
            return {name: daemon.read(name) for name in ("x.out", "x.err", "x.out.1", "x.err.1")}
        programs = SLEEPER + "stdout_logfile=%(here)s/x.out\nstderr_logfile=%(here)s/x.err\n"

        def story(role):
            daemon = make(role, "reopen", programs)
            seen, output = run(daemon, look=look)
            return seen, output, *(log_lines(daemon, daemon.read(name)) for name in ("main.log.1", "main.log"))
        self.beside(story)

    def test_rotation(self):
        def look(daemon):
            for _ in range(6):
                daemon.rpc.supervisor.stopProcess("x")
                daemon.rpc.supervisor.startProcess("x")
        programs = SLEEPER + "startsecs=0\nautorestart=false\n"

        def story(role):
            daemon = make(role, "rotate", programs)
            # Rotated by what is written, so lengths must be alike: pids of the same number of digits are.
            run(daemon, "-y", "300", "-z", "3", look=look)
            names = sorted(name for name in os.listdir(daemon.directory) if name.startswith("main.log"))
            return names, [os.path.getsize(daemon.path(name)) >= 300 for name in names[1:]]
        names, full = self.beside(story)
        self.assertEqual(names, ["main.log", "main.log.1", "main.log.2", "main.log.3"])
        self.assertTrue(all(full))


class Special(unittest.TestCase):
    maxDiff = None

    def test_null(self):
        """/dev/null is a popular log. Whatever is asked, it stays what it is. (The oracle removes it.)"""
        before = os.stat("/dev/null")
        programs = SLEEPER + "stdout_logfile=/dev/null\nstderr_logfile=/dev/null\nstdout_logfile_maxbytes=1\n"
        daemon = make(OURS, "null", programs, "logfile=/dev/null\nlogfile_maxbytes=1\n")

        def look(_):
            supervisor = daemon.rpc.supervisor
            supervisor.clearLog()
            supervisor.clearProcessLogs("x")
            supervisor.clearAllProcessLogs()
            daemon.process.send_signal(signal.SIGUSR2)
            wait_until(lambda: "supervisord logreopen" in daemon.read("output"), "reopening")
            supervisor.stopProcess("x")
            supervisor.startProcess("x")
            return supervisor.tailProcessStdoutLog("x", 0, 100)[0]
        seen, _ = run(daemon, look=look)
        after = os.stat("/dev/null")
        self.assertEqual(seen, "")
        self.assertTrue(stat.S_ISCHR(after.st_mode))
        self.assertEqual((before.st_ino, before.st_rdev, before.st_mode, before.st_uid),
                         (after.st_ino, after.st_rdev, after.st_mode, after.st_uid))

    def test_stdout(self):
        """As containers do it: everything twice, since stdout is the log and its echo."""
        def story(role):
            daemon = make(role, "stdout", settings="logfile=/dev/stdout\nlogfile_maxbytes=0\n")
            daemon.process = subprocess.Popen([role.program("supervisord"), "-n", "-c", daemon.conf], cwd="/",
                                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            with open(daemon.path("output"), "wb"):
                wait_until(daemon.answers, "the daemon to answer")
            daemon.wait_state("x", "RUNNING")
            daemon.process.send_signal(signal.SIGTERM)
            output, _ = daemon.process.communicate(timeout=20)
            return log_lines(daemon, output.decode())
        oracle, ours = together(lambda: story(ORACLE), lambda: story(OURS))
        self.assertEqual(oracle, ours)
        self.assertEqual(sum("received SIGTERM" in line for line in ours), 2)

    def test_syslog(self):
        def story(role):
            daemon = make(role, "syslog", settings="logfile=syslog\n")
            run(daemon)
            pid = str(daemon.process.pid)

            def entries():
                done = subprocess.run(["journalctl", "--no-pager", "-o", "cat", "_TRANSPORT=syslog", f"_PID={pid}"],
                                      stdout=subprocess.PIPE, text=True, check=True)
                return done.stdout if "stopped: x" in done.stdout else None
            text = wait_until(entries, "the journal")
            self.assertFalse(os.path.exists(daemon.path("main.log")) or os.path.exists("/syslog"))
            return log_lines(daemon, text)
        oracle, ours = together(lambda: story(ORACLE), lambda: story(OURS))
        self.assertEqual(oracle, ours)

    def test_identifiers(self):
        """Several daemons on one host, with names that neither a unit nor a path could have."""
        names = ("plain", "my app-1;x", "ä/b%n$HOME", "a.b@c:d", "../up")
        daemons = []
        try:
            for number, name in enumerate(names):
                daemon = make(OURS, f"id{number}")
                daemon.start("-i", name)
                daemons.append(daemon)
                daemon.wait_state("x", "RUNNING")
            for name, daemon in zip(names, daemons):
                self.assertEqual(daemon.rpc.supervisor.getIdentification(), name)
            pids = [daemon.pid("x") for daemon in daemons]
            self.assertEqual(len(set(pids)), len(names))
            cgroups = set()
            for pid in pids:
                with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
                    cgroups.add(file.read())
            self.assertEqual(len(cgroups), len(names))
            self.assertFalse(os.path.exists("/run/up"))
            # One ends with all its programs, restarts, and the others do not notice.
            daemons[1].rpc.supervisor.restart()
            wait_until(lambda: self.pid_of(daemons[1]) not in (0, pids[1]), "a new process")
            self.assertEqual([daemon.pid("x") for daemon in daemons[:1] + daemons[2:]], pids[:1] + pids[2:])
        finally:
            for daemon in daemons:
                daemon.stop()
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"))

    @staticmethod
    def pid_of(daemon):
        try:
            return daemon.pid("x")
        except (OSError, xmlrpc.client.Fault):  # in between it is not there
            return 0


def without_auto(seen):
    """Names of AUTO logs end in letters of chance."""
    status, lines, names = seen
    return status, lines, [name for name in names if "---" not in name]


if __name__ == "__main__":
    report.main()
