"""An old supervisord as a real service with programs of all kinds, and a look at all that must not change when it is adopted."""

import contextlib
import glob
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
import xmlrpc.client

import fastcgi
from daemon import ORACLE, OURS, Daemon
from waiting import wait_until

# Lines with numbers, as fast as the pause allows; notes every wait for a write that is worth it, and when that was.
TALKER = """\
import os, sys, time
name, pause, width = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
number, filler = 0, b"." * width
waits = open(name, "a", buffering=1)
while True:
    before = time.monotonic()
    os.write(1, b"%012d%s\\n" % (number, filler))
    after = time.monotonic()
    if after - before > 0.002:
        print(after, after - before, file=waits)
    number += 1
    if pause:
        time.sleep(pause)
"""

UNIT = """\
[Unit]
Description=the old supervisord
[Service]
ExecStart=/usr/bin/supervisord -n -c {conf}
ExecStop=/usr/bin/supervisorctl -c {conf} shutdown
ExecReload=/usr/bin/supervisorctl -c {conf} reload
KillMode=process
Restart=on-failure
RestartSec=1s
[Install]
WantedBy=multi-user.target
"""

# In getProcessInfo's words; what moves by itself is left out.
CARRIED = ("group", "name", "statename", "pid", "start", "exitstatus", "stdout_logfile", "stderr_logfile")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration(port):
    listener = os.path.join(os.path.dirname(os.path.abspath(__file__)), "listener.py")
    talk = f"/usr/bin/python3 %(here)s/talker.py %(here)s/%(program_name)s.waits"
    return f"""
[program:slow]
command={talk} 0.001 20
stdout_logfile=%(here)s/slow.log
stdout_logfile_maxbytes=20KB
stdout_logfile_backups=1000
[program:fast]
command={talk} 0.0002 900
stdout_logfile=%(here)s/fast.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=100
[program:to_stderr]
command=/bin/sh -c 'exec {talk} 0.002 5 >&2'
stderr_logfile=%(here)s/to_stderr.log
[program:merged]
command=/bin/sh -c 'exec {talk} 0.002 5 >&2'
redirect_stderr=true
stdout_logfile=%(here)s/merged.log
[program:auto]
command={talk} 0.01 5
[program:nowhere]
command={talk} 0.01 5
stdout_logfile=NONE
[program:echo]
command=/bin/cat
stdout_logfile=%(here)s/echo.log
[program:many]
command=/bin/sleep 100000
numprocs=12
process_name=%(program_name)s_%(process_num)02d
[program:family]
command=/bin/sh -c 'sleep 100000 & sleep 100000 & (sleep 100000 &); wait'
[program:forks]
command=/bin/sh -c 'while :; do /bin/true; done'
[program:one]
command=/bin/sleep 100000
[program:two]
command=/bin/sleep 100000
stopsignal=INT
stopwaitsecs=2
[group:pair]
programs=one,two
[program:backoff]
command=/bin/sh -c 'exit 3'
startretries=1000
[program:fatal]
command=/does/not/exist
startretries=0
[program:ended]
command=/bin/sh -c 'exit 7'
startsecs=0
autorestart=false
[program:off]
command=/bin/sleep 1
autostart=false
[program:stopped]
command=/bin/sleep 100000
[fcgi-program:gate]
command=/usr/sbin/fcgiwrap
socket=unix://%(here)s/gate.socket
numprocs=2
process_name=%(program_name)s_%(process_num)d
[fcgi-program:port]
command=/usr/sbin/fcgiwrap
socket=tcp://127.0.0.1:{port}
[eventlistener:ears]
command=/usr/bin/python3 {listener} %(here)s/ears.heard
events=PROCESS_STATE,TICK_5
"""


class OldWorld:
    def __init__(self, name):
        self.daemon = Daemon(ORACLE, name)
        self.unit = f"{name}-old.service"
        self.daemon.write("talker.py", TALKER)
        self.port = free_port()
        self.daemon.write("answer.sh", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhere'\n", 0o755)
        self.daemon.configure(configuration(self.port))
        with open(f"/etc/systemd/system/{self.unit}", "w", encoding="utf-8") as file:
            file.write(UNIT.format(conf=self.daemon.conf))

    def start(self):
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        subprocess.run(["systemctl", "enable", "--now", "--quiet", self.unit], check=True)
        wait_until(self.answers, "the old daemon to answer")
        for name in ("slow", "fast", "to_stderr", "echo", "many:many_11", "family", "pair:two", "ears", "stopped"):
            self.daemon.wait_state(name, "RUNNING")
        self.daemon.rpc.supervisor.stopProcess("stopped")
        for name in ("gate:gate_0", "gate:gate_1", "port"):
            self.daemon.wait_state(name, "RUNNING")
        self.daemon.wait_state("fatal", "FATAL")
        self.daemon.wait_state("ended", "EXITED")
        return self

    def ask(self):
        return self.daemon.rpc.supervisor.getState()["statename"] == "RUNNING"

    def answers(self):
        try:
            return self.ask()
        except (OSError, xmlrpc.client.Error):
            return False

    def check_fcgi(self, test):
        """Both sockets lead to programs that answer."""
        for address in (self.daemon.path("gate.socket"), ("127.0.0.1", self.port)):
            with fastcgi.connect(address) as connection:
                fastcgi.send(connection, self.daemon.path("answer.sh"))
                test.assertIn("here", fastcgi.receive(connection))

    def supersede(self, *arguments):
        return subprocess.run([OURS.program("supersede"), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=60)

    def infos(self):
        return {f"{info['group']}:{info['name']}": {key: info[key] for key in CARRIED}
                for info in self.daemon.rpc.supervisor.getAllProcessInfo()}

    def is_old(self):
        """Who answers is the oracle."""
        pid = self.daemon.rpc.supervisor.getPID()
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"/usr/bin/supervisord" in file.read()

    def end(self):
        """Whichever it is."""
        subprocess.run(["systemctl", "disable", "--quiet", self.unit], check=False)
        if self.answers():
            self.daemon.rpc.supervisor.shutdown()
        pid = self.daemon_pid()
        if pid:
            wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the daemon to end")
        subprocess.run(["systemctl", "stop", self.unit], check=False)
        os.unlink(f"/etc/systemd/system/{self.unit}")

    def daemon_pid(self):
        try:
            return int(self.daemon.read("supervisord.pid"))
        except (FileNotFoundError, ValueError):
            return None

    def lines(self, name):
        """All that a talker's log holds, oldest first."""
        path = self.daemon.path(name)
        parts = sorted(glob.glob(glob.escape(path) + ".*"), key=lambda part: -int(part.rpartition(".")[2]))
        text = b""
        for part in [*parts, path]:
            with open(part, "rb") as file:
                text += file.read()
        return text.splitlines()

    def log_bytes(self):
        return sum(os.stat(path).st_size for path in glob.glob(glob.escape(self.daemon.path("")) + "*.log*"))

    def misplaced(self, name):
        return [(place, line[:20]) for place, line in enumerate(self.lines(name)[:-1]) if line[:12] != b"%012d" % place][:3]

    def check_log(self, test, name, at_least):
        """Numbers without a gap or a repetition, and that they go on."""
        wait_until(lambda: len(self.lines(name)) > at_least, f"{name} to go on")
        # The parts are read one after the other, and may be renamed and written meanwhile: what is really lost stays lost.
        for _ in range(3):
            wrong = self.misplaced(name)
            if not wrong:
                return
        # A busy machine reads no faster than the program writes.
        with self.standing_still(name):
            wrong = self.misplaced(name)
        if wrong:
            test.fail(f"{name}: {wrong}")

    @contextlib.contextmanager
    def standing_still(self, name):
        """The program whose log that is writes nothing, and the log has all that it wrote."""
        program = name.removesuffix(".log")
        pid = self.infos()[f"{program}:{program}"]["pid"]
        sizes = []

        def settled():
            sizes.append(sum(os.stat(part).st_size for part in glob.glob(glob.escape(self.daemon.path(name)) + "*")))
            return len(sizes) > 10 and len(set(sizes[-10:])) == 1

        os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(settled, f"{name} to stand still")
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def longest_wait(self, name, since):
        """For a write of a talker's, of those that ended later than that."""
        waits = [line.split() for line in self.daemon.read(f"{name}.waits").splitlines()]
        return max((float(took) for end, took in waits if float(end) > since), default=0.0)


class Poller(threading.Thread):
    """A client that asks all the time, and connects anew for each question; remembers its longest wait for an answer
    and how often nobody was there."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world = world
        self.longest = 0.0
        self.refused = 0
        self.enough = threading.Event()

    def run(self):
        last = time.monotonic()
        while not self.enough.is_set():
            try:
                self.world.ask()
                now = time.monotonic()
                self.longest = max(self.longest, now - last)
                last = now
            except (ConnectionRefusedError, FileNotFoundError):
                self.refused += 1
            except (OSError, http.client.HTTPException, xmlrpc.client.Error):
                pass  # the old daemon was just answering
            time.sleep(0.005)
        self.longest = max(self.longest, time.monotonic() - last)

    def stop(self):
        self.enough.set()
        self.join()
        return self.longest
