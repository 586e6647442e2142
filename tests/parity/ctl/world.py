"""What the clients talk to: a supervisord in a directory of its own, a fake one that answers what it is told, or nobody."""

import base64
import contextlib
import http.client
import os
import pathlib
import re
import shlex
import shutil
import socket
import socketserver
import subprocess
import threading
import time
import xmlrpc.client
from http.server import BaseHTTPRequestHandler

START_LIMIT = 30


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


class UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path):
        # The worlds that want a password want this one.
        super().__init__(headers=[("Authorization", "Basic " + base64.b64encode(b"user:secret").decode())])
        self.path = path

    def make_connection(self, host):
        return UnixConnection(self.path)


class World:
    """A directory. `name` has the same length on both sides, so that nothing moves in columns."""

    def __init__(self, base, name):
        self.name = name  # the daemon's identifier: two that run on one systemd may not share it
        self.directory = str(pathlib.Path(base, name))
        self.port = None
        os.mkdir(self.directory, 0o755)

    def text(self, text):
        if "@PORT@" in text and not self.port:
            self.port = free_port()
        return text.replace("@DIR@", self.directory).replace("@NAME@", self.name).replace("@PORT@", str(self.port))

    def path(self, name):
        return pathlib.Path(self.directory, name)

    def write(self, name, text, mode=0o644):
        self.path(name).write_text(self.text(text), encoding="utf-8")
        self.path(name).chmod(mode)

    def replacements(self):
        pairs = [(self.directory, "DIR")]
        if self.port:
            pairs.append((f":{self.port}", ":PORT"))
        return pairs

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DaemonWorld(World):
    """`files`: name -> text; supervisord.conf is one of them. Ready when every process is in a state to stay."""

    def __init__(self, base, name, files, daemon):
        super().__init__(base, name)
        for file_name, text in files.items():
            self.write(file_name, text, 0o755 if text.startswith("#!") else 0o644)
        self.log = open(self.path("daemon.out"), "wb")
        self.process = subprocess.Popen(
            shlex.split(daemon) + ["-n", "-c", str(self.path("supervisord.conf"))], cwd=self.directory,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": self.directory})

    def proxy(self):
        return xmlrpc.client.ServerProxy("http://localhost", transport=UnixTransport(str(self.path("s.sock")))).supervisor

    def settle(self):
        """Waits until nothing is on its way from one state to another, and logs hold what they will hold."""
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the daemon ended: {self.path('daemon.out').read_text()}")
            try:
                infos = self.proxy().getAllProcessInfo()
                if not any(self.on_its_way(info) for info in infos):
                    return
            except (OSError, http.client.HTTPException, xmlrpc.client.Error):
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the daemon did not settle: {self.path('daemon.out').read_text()}")

    def on_its_way(self, info):
        if info["statename"] == "RUNNING" and info["name"] == "lines":  # its last line says END
            return "END" not in self.path("lines.log").read_text()
        return info["statename"] in ("STARTING", "STOPPING", "BACKOFF") or \
            info["statename"] == "RUNNING" and info["name"] == "ender"

    def wake(self):
        """SIGCHLD does not wake the oracle's loop: each program would take a second to end."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as visitor:
            visitor.settimeout(0.5)
            visitor.connect(str(self.path("s.sock")))

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            deadline = time.monotonic() + 20
            while self.process.poll() is None and time.monotonic() < deadline:
                self.wake()
                time.sleep(0.05)
            self.process.kill()
            self.process.wait()
        self.log.close()
        super().close()


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients go away when they have seen enough."""


class FakeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parameters, method = xmlrpc.client.loads(body)
        answer = self.server.answers.get(method, xmlrpc.client.Fault(1, "UNKNOWN_METHOD"))
        if callable(answer):
            answer = answer(*parameters)
        if isinstance(answer, tuple):
            status, text = answer
        elif isinstance(answer, xmlrpc.client.Fault):
            status, text = 200, xmlrpc.client.dumps(answer)
        else:
            status, text = 200, xmlrpc.client.dumps((answer,), methodresponse=True)
        data = text.encode() if isinstance(text, str) else text
        if status == 0:  # hangs up
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"


class FakeWorld(World):
    """Answers each method with what `answers` says: a value, a Fault, a function, or (HTTP status, body)."""

    def __init__(self, base, name, files, answers):
        super().__init__(base, name)
        for file_name, text in files.items():
            self.write(file_name, text)
        self.server = UnixServer(str(self.path("s.sock")), FakeHandler)
        self.server.answers = {f"supervisor.{method}": answer for method, answer in answers.items()}
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def settle(self):
        pass

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        super().close()


class EmptyWorld(World):
    def __init__(self, base, name, files):
        super().__init__(base, name)
        for file_name, text in files.items():
            self.write(file_name, text)

    def settle(self):
        pass


def stale_socket(world):
    """A socket file that nobody listens on."""
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(world.path("s.sock")))


def edit(name, pattern, replacement):
    """A step that changes a file of the world."""
    def change(world):
        text = world.path(name).read_text(encoding="utf-8")
        changed = re.sub(pattern, lambda _: world.text(replacement), text, flags=re.MULTILINE | re.DOTALL)
        if changed == text:
            raise RuntimeError(f"{pattern!r} is not in {name}")
        world.path(name).write_text(changed, encoding="utf-8")
    return change
