"""One of the two daemons that are compared: its directory, its configuration, how to ask it, and what of its answers is its own."""

import http.client
import os
import re
import signal
import socket
import subprocess
import time
import xmlrpc.client
from dataclasses import dataclass

ORACLE = ["/usr/bin/python3", "/usr/bin/supervisord"]
DEADLINE = 30
USER, PASSWORD = "user", "thepassword"

CONFIGURATION = """\
[unix_http_server]
file=%(here)s/socket

[inet_http_server]
port=127.0.0.1:{port}
username={user}
password={{SHA}}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d

[supervisord]
logfile=%(here)s/main.log
pidfile=%(here)s/pid
childlogdir=%(here)s
identifier=beside

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

; The oracle does not wake up when a child ends: something has to keep its loop turning.
[program:ticker]
command=/bin/sh -c "while :; do echo; sleep 0.05; done"
stdout_logfile=NONE
stderr_logfile=NONE

[program:cat]
command=/bin/cat
autostart=false
startsecs=0
stdout_logfile=%(here)s/cat.out
stderr_logfile=%(here)s/cat.err
priority=10
environment=A="1"

[program:deaf]
command=/bin/sh -c "exec 0<&-; echo closed; exec sleep 1000"
autostart=false
startsecs=0
stdout_logfile=%(here)s/deaf.out

[program:slow]
command=/bin/sleep 1000
autostart=false
startsecs=1
directory=/
umask=022
stopsignal=INT
stopasgroup=true
killasgroup=true

[program:once]
command=/bin/true
autostart=false
autorestart=false
startsecs=0

[program:fails]
command=/bin/sh -c "exit 3"
autostart=false
autorestart=false
startsecs=0
exitcodes=0,2
stdout_logfile_maxbytes=0
stdout_logfile_backups=3

[program:killed]
command=/bin/sh -c "kill -9 $$"
autostart=false
autorestart=false
startsecs=0

[program:dies]
command=/bin/false
autostart=false
startsecs=1
startretries=0

[program:retries]
command=/bin/false
autostart=false
startsecs=1
startretries=100

[program:missing]
command=/nonexistent/program
autostart=false

[program:missingname]
command=no-such-program-anywhere
autostart=false

[program:notexecutable]
command=%(here)s/configuration.conf
autostart=false

[program:directory]
command=/tmp
autostart=false

[program:quote]
command=/bin/echo "x
autostart=false

[program:talker]
command=/bin/sh -c "printf '0123456789\\n'; printf 'errors\\n' >&2; exec sleep 1000"
autostart=false
startsecs=0
stdout_logfile=%(here)s/talker.out
stderr_logfile=%(here)s/talker.err

[program:odd]
command=/bin/sh -c "printf 'a\\033b\\377c'; exec sleep 1000"
autostart=false
startsecs=0
stdout_logfile=%(here)s/odd.out
redirect_stderr=true

[program:nolog]
command=/bin/cat
autostart=false
startsecs=0
stdout_logfile=NONE
stdout_journal=false
stderr_logfile=/dev/null

[program:stubborn]
command=/bin/sh -c "trap '' TERM; while :; do sleep 0.1; done"
autostart=false
startsecs=1
stopwaitsecs=3
killasgroup=true
stdout_logfile=NONE
stderr_logfile=NONE

[program:many]
command=/bin/cat
numprocs=2
process_name=%(program_name)s_%(process_num)02d
autostart=false
startsecs=0

[program:ga]
command=/bin/cat
autostart=false
startsecs=0
priority=3

[program:gb]
command=/bin/cat
autostart=false
startsecs=0
priority=1

[program:gc]
command=/bin/cat
autostart=false
startsecs=0
priority=2

[group:g]
programs=ga,gb,gc
priority=7

[include]
files=%(here)s/extra/*.conf
"""


@dataclass(frozen=True)
class Answer:
    """What came back. `kind` is value, fault, http or gone; `shape` is the sequence of tags, for what the types do not tell."""
    kind: str
    content: object
    shape: tuple = ()


class Ended(Exception):
    """A daemon is gone that should be there."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Side:
    def __init__(self, name, command, directory):
        self.name = name
        self.command = command
        self.directory = directory
        self.port = free_port()
        self.process = None

    # --- life ---

    def start(self):
        os.makedirs(os.path.join(self.directory, "extra"))
        path = os.path.join(self.directory, "configuration.conf")
        with open(path, "w", encoding="utf-8") as configuration:
            configuration.write(CONFIGURATION.format(port=self.port, user=USER))
        with open(os.path.join(self.directory, "output"), "wb") as output:
            self.process = subprocess.Popen([*self.command, "-n", "-c", path], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, cwd=self.directory, start_new_session=True)
        self.wait_until(self.answers, "the daemon answers")

    def check_alive(self):
        try:
            self.process.wait(0.5)  # an answer that did not come and the end that kept it may race
        except subprocess.TimeoutExpired:
            return
        with open(os.path.join(self.directory, "output"), encoding="utf-8", errors="replace") as output:
            raise Ended(f"{self.name}: the daemon ended with {self.process.returncode}: ...{output.read()[-4000:]}")

    def answers(self):
        if self.process.poll() is not None:
            self.check_alive()
        return self.ask("supervisor.getState").kind == "value"

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def wait_until(self, condition, what):
        end = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{self.name}: not within {DEADLINE} s: {what}")
            time.sleep(0.02)

    # --- asking ---

    def post(self, body, headers=()):
        """Status, content type and body of a POST to /RPC2 over the unix socket."""
        connection = UnixConnection(os.path.join(self.directory, "socket"))
        try:
            connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml", **dict(headers)})
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type"), response.read()
        finally:
            connection.close()

    def ask_document(self, document):
        try:
            status, content_type, body = self.post(document)
        except (http.client.HTTPException, OSError):
            return Answer("gone", None)
        if status != 200:
            return Answer("http", (status, content_type))
        shape = tuple(re.findall(rb"<[^>]*>|\n", body))
        try:
            return Answer("value", xmlrpc.client.loads(body)[0][0], shape)
        except xmlrpc.client.Fault as fault:
            return Answer("fault", (fault.faultCode, fault.faultString), shape)

    def ask(self, method, *params):
        return self.ask_document(xmlrpc.client.dumps(params, method, allow_none=True).encode())

    def raw(self, data, inet=False):
        """Sends bytes and returns everything until the daemon closes or has answered whole."""
        address = ("127.0.0.1", self.port) if inet else os.path.join(self.directory, "socket")
        with socket.socket(socket.AF_INET if inet else socket.AF_UNIX) as sock:
            sock.settimeout(DEADLINE)
            sock.connect(address)
            try:
                sock.sendall(data)
                response = http.client.HTTPResponse(sock, method=data.split(b" ")[0].decode("latin-1"))
                response.begin()
                return Answer("http", (response.status, response.getheader("Content-Type"), response.read().decode("latin-1"),
                                       response.getheader("WWW-Authenticate")))
            except (http.client.HTTPException, OSError):
                return Answer("gone", None)

    # --- bringing processes into a state ---

    def state(self, name):
        answer = self.ask("supervisor.getProcessInfo", name)
        if answer.kind != "value":
            raise AssertionError(f"{self.name}: getProcessInfo({name!r}) answers {answer.kind} {answer.content}")
        return answer.content["statename"]

    def stop_if_running(self, name):
        if self.state(name) in ("RUNNING", "STARTING", "BACKOFF"):
            self.ask("supervisor.stopProcess", name)
        self.wait_until(lambda: self.state(name) not in ("RUNNING", "STARTING", "BACKOFF", "STOPPING"), f"{name} stops")

    def bring(self, name, state):
        """STOPPED stands for every state in which nothing runs."""
        if state == "STOPPED":
            self.stop_if_running(name)
        elif state == "STOPPING":
            self.bring(name, "RUNNING")
            self.ask("supervisor.stopProcess", name, False)
        elif self.state(name) != state:
            self.stop_if_running(name)
            self.ask("supervisor.startProcess", name, False)
        if state != "STOPPED":
            self.wait_until(lambda: self.state(name) == state, f"{name} is {state}")

    def write(self, path, text):
        path = os.path.join(self.directory, path)
        if text is None:
            os.unlink(path)
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def size(self, path):
        try:
            return os.path.getsize(os.path.join(self.directory, path))
        except OSError:
            return -1

    # --- what is nobody else's business ---

    def mask(self, value, key=None):
        if isinstance(value, dict):
            return {name: self.mask(member, name) for name, member in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.mask(item) for item in value]
        if key in ("pid", "start", "stop", "now") and type(value) is int:
            return "some" if value else 0
        if isinstance(value, str):
            return self.mask_text(value, key)
        return value

    def mask_text(self, text, key):
        text = text.replace(self.directory, "DIR")
        # AUTO logs have random names.
        text = re.sub(r"DIR/(\S+)---beside-\S+\.log", r"DIR/\1---beside-XXX.log", text)
        # Ours adds the line to where an error stands.
        text = re.sub(r"(\(file: '[^']*'), line: \d+\)", r"\1)", text)
        if key == "description":
            text = re.sub(r"^pid \d+, uptime \d+:\d\d:\d\d$", "pid P, uptime U", text)
            text = re.sub(r"^[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M$", "DATE", text)
        return text
