"""Runs a supervisorctl: once, or as a session with steps of "send this, wait for that", over pipes or a terminal."""

import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import termios
import time

TIME_LIMIT = 40


class Trouble(Exception):
    """The client did not do what the session waited for."""


def environment(directory):
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": directory,
            "TERM": "dumb", "PYTHONUNBUFFERED": "", "INPUTRC": "/dev/null"}


def run_once(argv, directory, stdin=""):
    """No controlling terminal, so that passwords are asked on standard input."""
    done = subprocess.run(argv, input=stdin.encode(), capture_output=True, cwd=directory, env=environment(directory),
                          timeout=TIME_LIMIT, start_new_session=True, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


class Session:
    """A client under way; `steps` are pairs of what to send and a pattern to wait for in what comes after."""

    def __init__(self, argv, directory):
        self.deadline = time.monotonic() + TIME_LIMIT
        self.text = {}
        self.seen = 0
        self.start(argv, directory)

    def start(self, argv, directory):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        cwd=directory, env=environment(directory), start_new_session=True)
        self.input = self.process.stdin.fileno()
        self.outputs = {self.process.stdout.fileno(): "stdout", self.process.stderr.fileno(): "stderr"}
        self.text = {"stdout": b"", "stderr": b""}

    def read_some(self):
        """Returns False when everything is closed."""
        if not self.outputs:
            return False
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Trouble("time is up")
        for fd in select.select(list(self.outputs), [], [], left)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:  # a terminal whose other side is gone
                data = b""
            if data:
                self.text[self.outputs[fd]] += data
            else:
                del self.outputs[fd]
        return bool(self.outputs)

    def wait_for(self, pattern):
        expression = re.compile(pattern.encode())
        while True:
            match = expression.search(self.text["stdout"], self.seen)
            if match:
                self.seen = match.end()
                return
            if not self.read_some():
                raise Trouble(f"ended before {pattern!r} came")

    def send(self, what):
        if what is signal.SIGINT:
            self.wait_idle()
            self.process.send_signal(signal.SIGINT)
        elif what is None:
            self.close_input()
        else:
            os.write(self.input, what.encode())

    def wait_idle(self):
        """Until the client waits for something: a signal in the middle of its work ends elsewhere in the oracle."""
        calm, before = 0, None
        while calm < 5 and time.monotonic() < self.deadline:
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            now = fields[0], fields[11], fields[12]
            calm = calm + 1 if now == before and now[0] == "S" else 0
            before = now
            time.sleep(0.02)

    def close_input(self):
        self.process.stdin.close()

    def finish(self):
        while self.read_some():
            pass
        return self.process.wait(max(0.1, self.deadline - time.monotonic()))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class TerminalSession(Session):
    def start(self, argv, directory):
        self.input, other = pty.openpty()
        self.process = subprocess.Popen(argv, stdin=other, stdout=other, stderr=other, cwd=directory,
                                        env=environment(directory), start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(other)
        self.outputs = {self.input: "stdout"}
        self.text = {"stdout": b"", "stderr": b""}

    def send(self, what):
        if what is signal.SIGINT:
            self.wait_idle()
            what = "\x03"
        super().send(what)

    def finish(self):
        result = super().finish()
        os.close(self.input)
        return result


def run_session(argv, directory, steps, terminal):
    session = (TerminalSession if terminal else Session)(argv, directory)
    try:
        for what, pattern in steps:
            session.send(what)
            if pattern:
                session.wait_for(pattern)
        code = session.finish()
    except Trouble as trouble:
        session.kill()
        return None, session.text["stdout"].decode(errors="replace"), f"session: {trouble}"
    finally:
        session.kill()
    return code, session.text["stdout"].decode(errors="replace"), session.text["stderr"].decode(errors="replace")
