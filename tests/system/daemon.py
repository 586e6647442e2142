"""The oracle and our own daemon behind one interface, for tests that hold them side by side inside a box."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import xmlrpc.client
from dataclasses import dataclass

from waiting import wait_until

SCRATCH = "/tmp/system-tests"


@dataclass(frozen=True)
class Role:
    name: str
    bin: str  # directory of the programs

    def program(self, name):
        path = os.path.join(self.bin, name)
        if not os.path.exists(path):
            raise AssertionError(f"{path} is not installed in this box")
        return path


ORACLE = Role("oracle", "/usr/bin")
OURS = Role("ours", os.environ.get("SUPERSEDE_BIN", "/usr/local/bin"))
# The oracle in our daemon's place: what the harness is tested with.
STAND_IN = Role("stand-in", "/usr/bin")


class UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path, timeout):
        super().__init__()
        self.path = path
        self.timeout = timeout

    def make_connection(self, host):
        connection = http.client.HTTPConnection("localhost", timeout=self.timeout)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(self.timeout)
        connection.sock.connect(self.path)
        return connection


@dataclass(frozen=True)
class Output:
    """What a client printed, and how it ended."""
    status: int
    text: str


HEAD = """\
[unix_http_server]
file=%(here)s/socket

[supervisord]
logfile=%(here)s/main.log
loglevel={level}
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
identifier={identifier}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://%(here)s/socket
"""


class Daemon:
    """One daemon with a directory of its own. `name` is unique in the box; it becomes the identifier."""

    def __init__(self, role, name):
        self.role = role
        self.name = name
        self.directory = os.path.join(SCRATCH, name)
        self.conf = self.path("supervisord.conf")
        self.process = None
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def configure(self, text, level="info"):
        self.write("supervisord.conf", HEAD.format(level=level, identifier=self.name) + "\n" + text)

    def start(self, *arguments):
        """In the foreground, as our child; returns when it answers. A restart appends to the same output."""
        with open(self.path("output"), "ab") as output:
            self.process = subprocess.Popen([self.role.program("supervisord"), "-n", "-c", self.conf, *arguments],
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/")
        wait_until(self.answers, f"{self.name} to answer")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with status {self.process.returncode}:\n{self.read('output')}")
        try:
            return self.rpc.supervisor.getState()["statename"] == "RUNNING"
        except OSError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def has_ended(self):
        """SIGCHLD does not wake the oracle's loop, and each program would cost a second; a connection wakes it."""
        if self.role is not OURS:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as visitor:
                visitor.settimeout(0.5)
                visitor.connect(self.path("socket"))
        return self.process.poll() is not None

    def stop(self):
        """Ends everything, by force if asking is of no use. The box would do it as well, later."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            wait_until(self.has_ended, f"{self.name} to end", 20, 0.05)
        except AssertionError:
            self.kill()
            log = self.read("main.log").splitlines()[-15:]
            raise AssertionError("\n".join([f"{self.name} did not end within 20 s of SIGTERM:", *log])) from None

    @property
    def rpc(self):
        """A new connection for every call: threads share nothing."""
        return xmlrpc.client.ServerProxy("http://localhost", allow_none=True,
                                         transport=UnixTransport(self.path("socket"), 60))

    def info(self, name):
        return self.rpc.supervisor.getProcessInfo(name)

    def state(self, name):
        return self.info(name)["statename"]

    def pid(self, name):
        return self.info(name)["pid"]

    def wait_state(self, name, *states, seconds=30):
        """Also over a reload, when nobody answers for a while."""
        last = None

        def question():
            nonlocal last
            try:
                last = self.info(name)
                return last if last["statename"] in states else None
            except (OSError, http.client.HTTPException, xmlrpc.client.Fault) as error:
                last = error
                return None
        try:
            return wait_until(question, f"{self.name}: {name} to be {' or '.join(states)}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error} ({last})") from None

    def control(self, *arguments, client=None, stdin=""):
        """Runs supervisorctl: this role's own, or another's."""
        done = subprocess.run([(client or self.role).program("supervisorctl"), "-c", self.conf, *arguments],
                              input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              timeout=120, cwd="/")
        return Output(done.returncode, self.normal(done.stdout))

    def normal(self, text):
        """Takes out what differs between two runs of the same program."""
        # Where the oracle names the file, we name the line, too.
        text = re.sub(r"(\(file: '[^']*'), line: \d+\)", r"\1)", text)
        text = text.replace(self.directory, "DIR").replace(self.name, "NAME")
        text = re.sub(r"/usr(/local)?/bin/", "BIN/", text)
        # Python's own words for what the oracle's client did not expect (only "error: " matters).
        text = re.sub(r"^error: <class '[^']*'>, (.*): file: \S+ line: \d+$", r"error: \1", text, flags=re.MULTILINE)
        text = re.sub(r"\bpid \d+", "pid N", text)
        text = re.sub(r"\buptime (\d+ days?, )?\d+:\d\d:\d\d", "uptime T", text)
        return re.sub(r"\b[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M", "DATE", text)


def unit_of(pid):
    """The systemd unit that a process lives in."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        return next(line for line in file if line.startswith("0::")).strip().rpartition("/")[2]
