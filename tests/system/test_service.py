"""The installed units: supervisor.service, .socket and .slice, and what systemctl does with them."""

import contextlib
import ctypes
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
import unittest

import report
from daemon import OURS, UnixTransport
from waiting import wait_until
import xmlrpc.client

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
CONF = "/etc/supervisor/supervisord.conf"
SOCKET = "/var/run/supervisor.sock"
LOGS = "/var/log/supervisor"
HEAD = f"""\
[unix_http_server]
file={SOCKET}
chmod=0770
[supervisord]
logfile={LOGS}/supervisord.log
pidfile=/var/run/supervisord.pid
childlogdir={LOGS}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{SOCKET}
"""
COUNTER = "/bin/sh -c 'i=0; while :; do i=$((i+1)); echo line $i; [ $((i %% 200)) = 0 ] && sleep 0.01; done'"

DAY = """\
[program:web]
command=/bin/sh -c 'while :; do echo line; sleep 0.2; done'
[program:twice]
command=/bin/sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=2
[program:once]
command=/bin/sleep 1
startsecs=0
autorestart=false
[program:hopeless]
command=/bin/false
startretries=1
autostart=false
[program:missing]
command=/no/such/program
startretries=0
[program:capped]
command=/bin/sleep 1000
systemd.MemoryMax=100M
[eventlistener:ear]
command=/bin/sleep 1000
events=TICK_3600
"""
# docs/differences.md names these, "The journal". Each is systemd's own account of a program's or of the daemon's end.
ENDS = r"supervisor(:[^ ]+)?\.service: (Failed with result '[-a-z]+'\.|Main process exited, code=\w+, status=.*)"
# A start that came to nothing ends so, or it would not be tried again without the daemon.
GATE = (r"supervisor:[^ ]+\.service: Control process exited, code=killed, status=\d+/(RTMIN\+1|n/a)|"
        r"Failed to start (supervisor:[^ ]+\.service - )?.* \(Supervisor program\)\.")
# systemd 262 says so of every unit with a limit on tasks, where a box has no controller for that.
NO_LIMITS = r"supervisor[^ ]*: Failed to read pids\.max for control group \S+, ignoring: No data available"


def systemctl(*words, check=True):
    done = subprocess.run(["systemctl", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=20)
    if check and done.returncode != 0:
        raise AssertionError(f"systemctl {' '.join(words)}: {done.returncode}: {done.stdout}")
    return done.stdout.strip()


def rpc():
    return xmlrpc.client.ServerProxy("http://localhost", transport=UnixTransport(SOCKET, 30)).supervisor


def state(name):
    return rpc().getProcessInfo(name)["statename"]


def control(*words):
    done = subprocess.run([OURS.program("supervisorctl"), "-c", CONF, *words], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False, timeout=60)
    return done.returncode, done.stdout


def main_pid():
    return int(systemctl("show", "-P", "MainPID", "supervisor.service"))


def entries(cursor):
    done = subprocess.run(["journalctl", "-q", "-o", "json", "-p", "warning", "--after-cursor", cursor], check=True, text=True,
                          stdout=subprocess.PIPE)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Installed(unittest.TestCase):
    def setUp(self):
        os.makedirs(os.path.dirname(CONF), exist_ok=True)
        self.addCleanup(systemctl, "stop", "supervisor.service", check=False)

    def configure(self, text, head=HEAD):
        with open(CONF, "w", encoding="utf-8") as file:
            file.write(head + text)

    def start(self, text, *names, head=HEAD):
        self.configure(text, head)
        systemctl("start", "supervisor.service")
        for name in names:
            wait_until(lambda name=name: state(name) == "RUNNING", f"{name} to run")

    def pids_or_none(self):
        """None while nobody answers."""
        with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Fault):
            return self.pids()
        return None

    def pids(self):
        return {info["name"]: info["pid"] for info in rpc().getAllProcessInfo()}

    def test_the_units_are_clean(self):
        directory = os.path.join(os.path.dirname(OURS.bin), "lib/systemd/system")
        units = [os.path.join(directory, f"supervisor.{suffix}") for suffix in ("service", "socket", "slice")]
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_a_restart_leaves_everything_running(self):
        self.start(f"""\
[program:counts]
command={COUNTER}
stdout_logfile={LOGS}/counts.log
stdout_logfile_maxbytes=0
[program:quiet]
command=/bin/sleep 1000
""", "counts", "quiet")
        self.assertEqual(os.stat(SOCKET).st_mode & 0o777, 0o770)
        self.assertEqual(systemctl("show", "-P", "ControlGroup", "supervisor.service"),
                         "/supervisor.slice/supervisor.service")
        before, file = self.pids(), os.stat(SOCKET).st_ino
        problems, answers, done = [], [], threading.Event()

        def poll():
            while not done.is_set():
                try:
                    rpc().getPID()
                    answers.append(1)
                except Exception as error:  # pylint: disable=broad-except
                    problems.append(error)
                time.sleep(0.001)
        pollers = [threading.Thread(target=poll) for _ in range(3)]
        for poller in pollers:
            poller.start()
        self.addCleanup(done.set)
        for _ in range(4):
            old, seen = main_pid(), len(answers)
            systemctl("restart", "supervisor.service")
            self.assertNotEqual(main_pid(), old)
            self.assertEqual(self.pids(), before)
            wait_until(lambda seen=seen: len(answers) > seen + 20, "answers")
        done.set()
        for poller in pollers:
            poller.join()
        # A connection that was just being served is cut; nobody is refused.
        for error in problems:
            self.assertNotIsInstance(error, (ConnectionRefusedError, FileNotFoundError), problems)
        self.assertEqual(os.stat(SOCKET).st_ino, file)
        rpc().stopProcess("counts")
        with open(f"{LOGS}/counts.log", encoding="ascii") as log:
            lines = log.read().splitlines()
        self.assertEqual(lines, [f"line {i + 1}" for i in range(len(lines))])
        os.remove(f"{LOGS}/counts.log")

    def test_a_crash_while_it_restarts(self):
        """The program is to run again, but only after the daemon: it has ended, and is not one that backs off."""
        dropin, gone_on = "/run/systemd/system/supervisor.service.d/waits.conf", "/run/service-goes-on"
        os.makedirs(os.path.dirname(dropin), exist_ok=True)
        with open(dropin, "w", encoding="ascii") as file:
            file.write(f"[Service]\nExecStartPre=/bin/sh -c 'until [ -e {gone_on} ]; do sleep 0.05; done'\n")
        self.addCleanup(systemctl, "daemon-reload")
        self.addCleanup(os.unlink, dropin)
        with open(gone_on, "w", encoding="ascii"):
            pass
        systemctl("daemon-reload")
        self.start("[program:crashes]\ncommand=/bin/sleep 1000\n", "crashes")
        old = self.pids()["crashes"]
        os.unlink(gone_on)
        systemctl("restart", "--no-block", "supervisor.service")
        wait_until(lambda: systemctl("show", "-P", "SubState", "supervisor.service") == "start-pre", "the restart to wait")
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: systemctl("show", "-P", "NRestarts", "supervisor:crashes.service") == "1", "the restart of the program")
        self.assertEqual(systemctl("show", "-P", "MainPID", "supervisor:crashes.service"), "0")
        with open(gone_on, "w", encoding="ascii"):
            pass
        wait_until(lambda: (self.pids_or_none() or {}).get("crashes", 0) not in (0, old), "a new process")
        with open(f"{LOGS}/supervisord.log", encoding="utf-8") as file:
            resumed = re.findall("resumed: 'crashes' (.*)", file.read())
        self.assertEqual(resumed, ["EXITED with pid 0"])

    def ask_unheard(self, word):
        """systemd executes itself anew between the daemon's SIGTERM and the moment when it reads that: nobody says yet what it
        is for. Held as a debugger does it, since systemd sends SIGCONT and thaws what it stops. Returns the daemon's process."""
        old, libc = main_pid(), ctypes.CDLL(None, use_errno=True)

        def ptrace(request):
            if libc.ptrace(request, old, ctypes.c_void_p(0), ctypes.c_void_p(0)) != 0:
                raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")
        ptrace(PTRACE_SEIZE)
        ptrace(PTRACE_INTERRUPT)
        os.waitpid(old, WALL)
        systemctl(word, "--no-block", "supervisor.service")
        systemctl("daemon-reexec")
        ptrace(PTRACE_DETACH)
        return old

    def test_a_restart_that_cannot_be_told_from_a_stop(self):
        self.start("[program:quiet]\ncommand=/bin/sleep 1000\n", "quiet")
        before = self.pids()
        old = self.ask_unheard("restart")
        wait_until(lambda: main_pid() not in (0, old), "another supervisord")
        self.assertEqual(wait_until(self.pids_or_none, "answers"), before)

    def test_a_stop_that_cannot_be_told_from_a_restart(self):
        self.start("[program:quiet]\ncommand=/bin/sleep 1000\n", "quiet")
        program = self.pids()["quiet"]
        self.ask_unheard("stop")
        wait_until(lambda: systemctl("is-active", "supervisor.service", check=False) == "inactive", "the end")
        self.assertFalse(os.path.exists(f"/proc/{program}"))

    def test_a_socket_elsewhere_outlives_a_restart(self):
        path = "/run/elsewhere.sock"
        head = HEAD.replace(SOCKET, path) + "[inet_http_server]\nport=127.0.0.1:9001\n"
        self.configure("[program:quiet]\ncommand=/bin/sleep 1000\n", head)
        systemctl("start", "supervisor.service")
        file = os.stat(path).st_ino
        # Nobody serves the other one.
        wait_until(lambda: not os.path.exists(SOCKET), "supervisor.socket to go")
        for _ in range(3):
            done, problems = threading.Event(), []

            def poll(done=done, problems=problems):
                server = xmlrpc.client.ServerProxy("http://localhost", transport=UnixTransport(path, 30)).supervisor
                inet = xmlrpc.client.ServerProxy("http://127.0.0.1:9001/RPC2").supervisor
                while not done.is_set():
                    for proxy in (server, inet):
                        try:
                            proxy.getPID()
                        except (ConnectionRefusedError, FileNotFoundError) as error:
                            problems.append(error)
                        except Exception:  # pylint: disable=broad-except  -- cut in the middle
                            pass
            poller = threading.Thread(target=poll)
            poller.start()
            self.addCleanup(done.set)
            systemctl("restart", "supervisor.service")
            done.set()
            poller.join()
            self.assertEqual(problems, [])
            self.assertEqual(os.stat(path).st_ino, file)
        systemctl("stop", "supervisor.service")
        self.assertFalse(os.path.exists(path))

    def test_stop_stops_everything_in_order(self):
        trap = "/bin/sh -c 'trap \"sleep 0.3; exit 0\" TERM; while :; do sleep 0.05; done'"
        self.start("".join(f"[program:{name}]\ncommand={trap}\npriority={priority}\n"
                           for name, priority in (("first", 1), ("middle", 5), ("last", 9))), "first", "middle", "last")
        pids = self.pids()
        systemctl("stop", "supervisor.service")
        for pid in pids.values():
            self.assertFalse(os.path.exists(f"/proc/{pid}"))
        # Its job is one of its own; systemctl waits for the service's.
        wait_until(lambda: not os.path.exists(SOCKET), "the socket to go")
        self.assertFalse(os.path.exists("/run/supersede/supervisor"))
        with open(f"{LOGS}/supervisord.log", encoding="utf-8") as file:
            stopped = re.findall(r"stopped: (\w+)", file.read())[-3:]
        self.assertEqual(stopped, ["last", "middle", "first"])
        # A client does not start it again.
        self.assertEqual(control("status")[0], 4)
        self.assertEqual(systemctl("is-active", "supervisor.service", check=False), "inactive")

    def test_shutdown_by_a_client_is_final(self):
        self.start("[program:quiet]\ncommand=/bin/sleep 1000\n", "quiet")
        self.assertEqual(control("shutdown"), (0, "Shut down\n"))
        wait_until(lambda: systemctl("is-active", "supervisor.service", check=False) == "inactive", "the end")
        wait_until(lambda: not os.path.exists(SOCKET), "the socket to go")
        self.assertEqual(control("status")[0], 4)
        self.assertEqual(systemctl("is-active", "supervisor.service", check=False), "inactive")

    def test_a_restart_by_a_client_keeps_the_socket(self):
        self.start("[program:quiet]\ncommand=/bin/sleep 1000\n", "quiet")
        file, pid, program = os.stat(SOCKET).st_ino, main_pid(), self.pids()["quiet"]
        for _ in range(2):
            self.assertEqual(control("reload"), (0, "Restarted supervisord\n"))
            old = program
            wait_until(lambda old=old: (self.pids_or_none() or {}).get("quiet") not in (0, old, None), "the new program")
            program = self.pids()["quiet"]
            self.assertEqual((os.stat(SOCKET).st_ino, main_pid()), (file, pid))

    def test_reload_updates(self):
        self.start("[program:one]\ncommand=/bin/sleep 1000\n[program:two]\ncommand=/bin/sleep 1000\n", "one", "two")
        before, main = self.pids(), main_pid()
        self.configure("[program:two]\ncommand=/bin/sleep 1000\n[program:three]\ncommand=/bin/sleep 1000\n")
        systemctl("reload", "supervisor.service")
        wait_until(lambda: state("three") == "RUNNING", "the new program")
        after = self.pids()
        self.assertEqual((set(after), after["two"], main_pid()), ({"two", "three"}, before["two"], main))
        self.configure("[program:two]\ncommand=/bin/sleep 1000\nstartsecs=many\n")
        self.assertNotEqual(systemctl("reload", "supervisor.service", check=False), "")
        self.assertEqual(self.pids(), after)

    def test_the_first_client_starts_it(self):
        self.configure("[program:quiet]\ncommand=/bin/sleep 1000\n")
        systemctl("start", "supervisor.socket")
        self.assertEqual(systemctl("is-active", "supervisor.service", check=False), "inactive")
        self.assertEqual(control("pid"), (0, f"{main_pid()}\n"))

    def test_a_wrong_configuration_fails_once(self):
        self.configure("[program:x]\n")
        self.assertIn("failed", systemctl("start", "supervisor.service", check=False))
        self.assertEqual(systemctl("show", "-P", "ExecMainStatus", "-P", "NRestarts", "supervisor.service"), "0\n2")
        with contextlib.suppress(AssertionError):
            systemctl("stop", "supervisor.socket")
        systemctl("reset-failed", "supervisor.service")

    def cursor(self):
        done = subprocess.run(["journalctl", "-q", "-n1", "-o", "json"], check=True, text=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)["__CURSOR"]

    def a_day(self):
        self.start(DAY, "web", "capped", "ear", "twice:twice_0", "twice:twice_1")
        control("start", "hopeless")
        for name in ("hopeless", "missing"):
            wait_until(lambda name=name: state(name) == "FATAL", f"{name} to be given up")
        control("restart", "web", "twice:*", "ear")
        pid = self.pids()["web"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.pids()["web"] not in (0, pid), "web to come back")
        systemctl("daemon-reload")
        old = main_pid()
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: main_pid() not in (0, old), "the daemon to come back")
        wait_until(self.pids_or_none, "the daemon to answer")
        for words in (["restart", "supervisor.service"], ["reload", "supervisor.service"], ["daemon-reexec"]):
            systemctl(*words)
            wait_until(self.pids_or_none, "the daemon to answer")
        control("stop", "all")
        control("start", "web", "ear")
        systemctl("stop", "supervisor.service")

    def test_the_journal_has_no_warnings_of_ours(self):
        """After an ordinary day there is what went wrong with programs, in systemd's words, and nothing that we have brought about."""
        cursor = self.cursor()
        self.a_day()
        subprocess.run(["journalctl", "--sync"], check=True)
        found = entries(cursor)
        told = [entry["MESSAGE"] for entry in found]
        with open("/sys/fs/cgroup/cgroup.controllers", encoding="ascii") as file:
            meant = f"{ENDS}|{GATE}" if "pids" in file.read().split() else f"{ENDS}|{GATE}|{NO_LIMITS}"
        ours = [f"{entry.get('_COMM')}: {entry['MESSAGE']}" for entry in found
                if not (entry.get("_PID") == "1" and re.fullmatch(meant, entry["MESSAGE"]))]
        self.assertEqual(ours, [])
        # The filter sees what it should: the daemon was killed.
        self.assertIn("supervisor.service: Failed with result 'signal'.", told)


if __name__ == "__main__":
    report.main()
