"""[fcgi-program:x] with a real FastCGI program (Debian's fcgiwrap) behind tcp and unix sockets: beside the oracle, and
through what only we survive."""

import os
import re
import signal
import socket
import subprocess
import threading
import unittest
import xmlrpc.client

import fastcgi
import report
from daemon import ORACLE, OURS, Daemon
from together import together
from users import add_user, describe
from waiting import wait_until

add_user("worker", 5003)
# The answer names the process that gave it.
SCRIPT = """\
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n%s %s ' $PPID "$QUERY_STRING"
[ -n "$CONTENT_LENGTH" ] && [ "$CONTENT_LENGTH" -gt 0 ] && wc -c
exit 0
"""
PROGRAM = """\
[fcgi-program:{name}]
command={command}
socket={socket}
process_name=%(program_name)s_%(process_num)d
"""
NEXT_PORT = 7701


def next_port():
    global NEXT_PORT
    NEXT_PORT += 1
    return NEXT_PORT


def settings(**pairs):
    return "".join(f"{key}={value}\n" for key, value in pairs.items())


class Site:
    """A daemon, and where its FastCGI program listens."""

    def __init__(self, role, name, kind="unix"):
        self.daemon = Daemon(role, f"{role.name}-{name}-{kind}")
        self.kind = kind
        self.script = self.daemon.write("script", SCRIPT, 0o755)
        self.move()

    def move(self):
        """To another address."""
        self.port = next_port()
        self.path = self.daemon.path(f"{self.port}.sock")
        self.url = f"unix://{self.path}" if self.kind == "unix" else f"tcp://LocalHost:{self.port}"
        self.address = self.path if self.kind == "unix" else ("127.0.0.1", self.port)

    def program(self, name="web", command="/usr/sbin/fcgiwrap", startsecs=1, **options):
        return PROGRAM.format(name=name, command=command, socket=self.url) + settings(startsecs=startsecs, **options)

    def processes(self, name="web", count=3):
        return [f"{name}:{name}_{number}" for number in range(count)]

    def configure(self, text):
        self.daemon.configure(text)
        os.chmod(self.daemon.directory, 0o755)

    def wait(self, *states, name="web", count=3):
        for process in self.processes(name, count):
            self.daemon.wait_state(process, *states)

    def pids(self, name="web", count=3):
        return [self.daemon.pid(process) for process in self.processes(name, count)]

    def ask(self, query="", body=b""):
        return fastcgi.ask(self.address, self.script, query, body)

    def answering(self, query="q"):
        """The pid that answers."""
        header, _, body = self.ask(query).partition("\r\n\r\n")
        pid, word = body.split()
        if "Content-type: text/plain" not in header and "Content-Type: text/plain" not in header or word != query:
            raise AssertionError((header, body))
        return int(pid)

    def refused(self):
        try:
            fastcgi.connect(self.address).close()
            return None
        except OSError as error:
            return type(error).__name__

    def file(self):
        """Mode and owner of the socket's file; whether somebody listens."""
        return describe(self.path) if self.kind == "unix" and os.path.lexists(self.path) else None

    def lines(self, *words):
        """The main log's lines with one of these words; numbers of processes and the address masked, neighbours of one kind
        in order of their letters."""
        text = self.daemon.read("main.log").replace(self.daemon.directory, "DIR")
        text = re.sub(r"\b77\d\d\b", "PORT", text)
        # Whether a signal finds the program's handler in place already is luck.
        text = re.sub(r"(?:INFO|WARN) (stopped: \S+) \([^)]*\)", r"INFO \1 (somehow)", text)
        found = [re.sub(r"pid \d+", "pid N", line.split(" ", 2)[2]) for line in text.splitlines()]
        return [re.sub(r"_\d", "_N", line) for line in found if any(word in line for word in words)]


def descriptor(pid, number=0):
    return os.readlink(f"/proc/{pid}/fd/{number}")


def both(*arguments):
    return [Site(role, *arguments) for role in (ORACLE, OURS)]


class Beside(unittest.TestCase):
    """The same with both daemons."""
    maxDiff = None

    def compare(self, story, *arguments):
        sites = both(*arguments)
        for site in sites:
            self.addCleanup(site.daemon.stop)
        oracle, ours = together(*(lambda site=site: story(site) for site in sites))
        self.assertEqual(oracle, ours)
        return oracle

    def life(self, site):
        seen = []
        site.configure(site.program(numprocs=3, autostart="false", startsecs=0, **self.owner(site)))
        site.daemon.start()
        seen += [("before", site.refused(), site.file()), site.lines("socket")]
        seen.append(site.daemon.control("start", "web:web_0").text)
        seen += [("first", site.file()), site.answering() == site.pids()[0]]
        seen.append(sorted(site.daemon.control("start", "web:*").text.splitlines()))
        site.wait("RUNNING")
        pids = site.pids()
        seen.append(("one socket", len({descriptor(pid) for pid in pids}), descriptor(pids[0])[:7]))
        wait_until(lambda: set(pids) <= {site.answering() for _ in range(9)}, "all three to answer")
        seen.append(("body", site.ask("q", b"x" * 30000).split()[-1]))
        seen.append(self.stdin(site))
        for process in site.processes()[:2]:
            seen.append(site.daemon.control("stop", process).text)
        seen += [("last", site.file()), site.answering() == pids[2]]
        seen.append(site.daemon.control("stop", "web:web_2").text)
        wait_until(site.refused, "the socket to be closed")
        seen += [("after", site.refused(), site.file())]
        seen.append(site.daemon.control("start", "web:web_1").text)
        seen += [("again", site.file()), site.answering() == site.pids()[1]]
        old = site.address
        site.move()
        site.configure(site.program(numprocs=3, startsecs=0, **self.owner(site)))
        seen.append(site.daemon.control("update").text)
        site.wait("RUNNING")
        seen.append(site.daemon.control("restart", "web:web_1").text)
        seen += [("moved", site.file()), site.answering() in site.pids()]
        site.address, new = old, site.address
        seen.append(("old", site.refused()))
        site.address = new
        site.daemon.stop()
        seen += [("end", site.refused(), site.file()), self.sorted_lines(site)]
        return seen

    @staticmethod
    def owner(site):
        if site.kind == "tcp":
            return {"socket_backlog": 5}
        return {"socket_owner": "nobody:daemon", "socket_mode": "0762", "user": "worker"}

    @staticmethod
    def sorted_lines(site):
        """Which of three processes comes first is luck; that the socket comes before them and goes after them is not."""
        lines = site.lines("socket", "spawned", "stopped")
        sections = re.split(r"(INFO (?:Creating|Closing) socket [^\n]*)", "\n".join(lines))
        return ["\n".join(sorted(section.split("\n"))) for section in sections]

    @staticmethod
    def stdin(site):
        try:
            return site.daemon.rpc.supervisor.sendProcessStdin("web:web_0", "text")
        except xmlrpc.client.Fault as fault:
            return fault.faultCode, fault.faultString

    def test_life_of_a_unix_socket(self):
        seen = self.compare(self.life, "life", "unix")
        self.assertIn(("first", describe_socket(0o762, "nobody", "daemon")), seen)
        self.assertIn((20, "NO_FILE: web:web_0"), seen)

    def test_life_of_a_tcp_socket(self):
        self.compare(self.life, "life", "tcp")

    def test_defaults_of_a_unix_socket(self):
        """Owned by the program's user, with that one's group, for that one alone; the backlog is the highest. What is left from
        before gives way."""
        def story(site):
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(site.path)
            site.configure(site.program(name="one", user="worker", numprocs=1))
            site.daemon.start()
            site.wait("RUNNING", name="one", count=1)
            backlog = subprocess.run(["ss", "-xlnH", "src", site.path], capture_output=True, text=True, check=True).stdout
            return site.file(), backlog.split()[3], site.answering() in site.pids("one", 1)
        file, _, answered = self.compare(story, "defaults")
        self.assertEqual((file, answered), (describe_socket(0o700, "worker", "worker"), True))

    def test_in_a_group_it_is_a_plain_program(self):
        def story(site):
            site.configure(site.program(name="inner", command="/bin/cat") + "[group:g]\nprograms=inner\n")
            site.daemon.start()
            site.daemon.wait_state("g:inner_0", "RUNNING")
            site.daemon.rpc.supervisor.sendProcessStdin("g:inner_0", "to cat\n")
            wait_until(lambda: site.daemon.rpc.supervisor.readProcessStdoutLog("g:inner_0", 0, 100), "the echo")
            return (site.daemon.rpc.supervisor.readProcessStdoutLog("g:inner_0", 0, 100), site.lines("socket"),
                    "socket:" in descriptor(site.daemon.pid("g:inner_0")), site.file())
        self.assertEqual(self.compare(story, "group"), ("to cat\n", [], False, None))

    def test_daemon_of_another_user(self):
        """The file is that user's, and nobody else's can be made."""
        def configure(site, **options):
            site.configure(site.program(name="own", numprocs=1, **options))
            site.daemon.write("supervisord.conf",
                              site.daemon.read("supervisord.conf").replace("[supervisord]\n", "[supervisord]\nuser=worker\n"))

        def story(site):
            os.chown(site.daemon.directory, 5003, 5003)
            configure(site)
            site.daemon.start()
            site.wait("RUNNING", name="own", count=1)
            seen = site.file(), site.answering() in site.pids("own", 1)
            site.daemon.stop()
            configure(site, socket_owner="nobody")
            done = subprocess.run([site.daemon.role.program("supervisord"), "-n", "-c", site.daemon.conf], text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
            told = re.sub(r"\b77\d\d\b", "PORT", site.daemon.normal(done.stderr))
            return seen, re.findall("Could not create FastCGI socket.*", told)
        (file, answered), told = self.compare(story, "owned")
        self.assertEqual((file, answered), (describe_socket(0o700, "worker", "worker"), True))
        self.assertEqual(len(told), 1)
        self.assertIn("Could not change ownership of socket file: [Errno 1] Operation not permitted: 'DIR/", told[0])

    def failure(self, site, spoil):
        """What is told of a socket that cannot be made: at the daemon's start, and when a group is added."""
        site.configure(site.program())
        spoil(site)
        done = subprocess.run([site.daemon.role.program("supervisord"), "-n", "-c", site.daemon.conf],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        told = site.daemon.normal(done.stderr).strip().splitlines()
        if site.daemon.role is ORACLE:
            self.assertEqual(done.returncode, 1)
            sentence = told[-1].removeprefix("ValueError: ")
        else:
            self.assertEqual(done.returncode, 2)
            sentence = told[0].removeprefix("Error: ")
        lines = site.lines("socket")[:1]
        spoiled = site.daemon.read("supervisord.conf")
        site.daemon.configure("")
        site.daemon.start()
        site.daemon.write("supervisord.conf", spoiled)
        site.daemon.rpc.supervisor.reloadConfig()
        with self.assertRaises(xmlrpc.client.Error) as caught:
            site.daemon.rpc.supervisor.addProcessGroup("web")
        if site.daemon.role is OURS:
            self.assertEqual(str(caught.exception), "<Fault 30: 'FAILED: web'>")
        again = [line for line in site.daemon.normal(site.daemon.read("main.log")).splitlines() if sentence in line]
        self.assertNotEqual(again, [])
        return re.sub(r"\b77\d\d\b", "PORT", sentence), lines, site.daemon.rpc.supervisor.getAllProcessInfo()

    def test_address_in_use(self):
        holders = []
        self.addCleanup(lambda: [holder.close() for holder in holders])

        def spoil(site):
            holders.append(socket.create_server(("127.0.0.1", site.port)))
        sentence, _, _ = self.compare(lambda site: self.failure(site, spoil), "in-use", "tcp")
        self.assertEqual(sentence,
                         "Could not create FastCGI socket tcp://localhost:PORT: [Errno 98] Address already in use")

    def test_no_such_directory(self):
        def spoil(site):
            site.daemon.write("supervisord.conf", site.daemon.read("supervisord.conf").replace(site.path, "/nowhere/x"))
        self.compare(lambda site: self.failure(site, spoil), "nowhere")

    def test_unknown_host(self):
        def spoil(site):
            site.daemon.write("supervisord.conf",
                              site.daemon.read("supervisord.conf").replace("LocalHost", "no-such-host.invalid"))
        self.compare(lambda site: self.failure(site, spoil), "unknown", "tcp")

    def test_path_too_long(self):
        def spoil(site):
            site.daemon.write("supervisord.conf",
                              site.daemon.read("supervisord.conf").replace(site.path, "/tmp/" + "x" * 103))
        self.compare(lambda site: self.failure(site, spoil), "long")


def describe_socket(mode, user, group):
    import grp
    import pwd
    import stat
    import tempfile
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as example:
        path = os.path.join(directory, "s")
        example.bind(path)
        os.chown(path, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
        os.chmod(path, mode)
        assert stat.S_ISSOCK(os.lstat(path).st_mode)
        return describe(path)


class Customers:
    """Connects and asks without a pause; counts answers, and notes who was refused."""

    def __init__(self, site):
        self.site = site
        self.answers = 0
        self.refused = []
        self.over = False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over:
            try:
                connection = fastcgi.connect(self.site.address)
            except OSError as error:
                self.refused.append(error)
                continue
            with connection:
                try:
                    fastcgi.send(connection, self.site.script, "q")
                    fastcgi.receive(connection)
                    self.answers += 1
                except (OSError, EOFError):
                    pass  # the process that had taken it was killed

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()


def systemctl(*arguments):
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False).stdout.strip()


class Ours(unittest.TestCase):
    def site(self, *arguments):
        site = Site(OURS, *arguments)
        self.addCleanup(site.daemon.stop)
        return site

    def unit(self, site):
        return f"{site.daemon.name}:web::fcgi.socket"

    def survive(self, site):
        site.configure(site.program(numprocs=3, user="worker"))
        site.daemon.start()
        site.wait("RUNNING")
        inode = descriptor(site.pids()[0])
        with Customers(site) as customers:
            wait_until(lambda: customers.answers > 3, "customers")
            old = site.pids()
            site.daemon.kill()
            for pid in old:
                os.kill(pid, signal.SIGKILL)
            now = customers.answers
            wait_until(lambda: customers.answers > now + 3, "answers without a bridge")
            for command in ("daemon-reload", "daemon-reexec", "daemon-reload"):
                systemctl(command)
                now = customers.answers
                wait_until(lambda now=now: customers.answers > now + 3, f"answers after {command}")
            site.daemon.start()
            site.wait("RUNNING")
            self.assertEqual({descriptor(pid) for pid in site.pids()}, {inode})
            for pid in site.pids():
                os.kill(pid, signal.SIGKILL)
            now = customers.answers
            wait_until(lambda: customers.answers > now + 3, "answers after the last kill")
            site.wait("RUNNING")
        self.assertEqual(customers.refused, [])
        self.assertEqual({descriptor(pid) for pid in site.pids()}, {inode})
        self.assertEqual(len(site.lines("Creating socket")), 2)
        self.assertEqual(len(site.lines("Closing socket")), 1)
        self.assertIn(self.unit(site), systemctl("list-sockets", "--all"))
        self.assertEqual(site.daemon.control("stop", "web:*").status, 0)
        wait_until(site.refused, "the socket to be closed")
        self.assertEqual(len(site.lines("Closing socket")), 2)
        wait_until(lambda: self.unit(site) not in systemctl("list-units", "--all"), "the unit to go")

    def test_nobody_is_refused_over_deaths_and_reloads(self):
        together(*(lambda kind=kind: self.survive(self.site("survives", kind)) for kind in ("unix", "tcp")))

    def test_connections_start_nothing(self):
        site = self.site("asleep")
        site.configure(site.program(numprocs=2, command=f"/bin/sh -c 'echo run >>{site.daemon.path('runs')}; exit 1'",
                                    startretries=1, startsecs=2))
        site.daemon.start()
        site.daemon.wait_state("web:web_0", "BACKOFF")
        with fastcgi.connect(site.address), fastcgi.connect(site.address):
            site.wait("FATAL", count=2)
            wait_until(site.refused, "the socket to be closed")
        self.assertEqual(site.daemon.read("runs").count("run"), 4)
        # The failed units hold on to the socket's; it opens again nevertheless.
        site.configure(site.program(numprocs=2))
        self.assertIn("web:web_0: ERROR (spawn error)", site.daemon.control("start", "web:web_0").text)
        site.daemon.wait_state("web:web_0", "FATAL")
        self.assertEqual(site.daemon.control("update").text, "web: stopped\nweb: updated process group\n")
        site.wait("RUNNING", count=2)
        self.assertIn(site.answering(), site.pids(count=2))
        # Of two, one is stopped: connections do not bring it back.
        site.daemon.control("stop", "web:web_0")
        for _ in range(5):
            site.answering()
        self.assertEqual([site.daemon.state(process) for process in site.processes(count=2)], ["STOPPED", "RUNNING"])

    def test_closed_by_the_next_bridge(self):
        """The last process ends for good while there is no bridge."""
        site = self.site("late")
        site.configure(site.program(numprocs=1, autorestart="false") + site.program("other").replace(
            site.url, f"unix://{site.daemon.path('other.sock')}"))
        site.daemon.start()
        site.wait("RUNNING", count=1)
        site.wait("RUNNING", name="other", count=1)
        pid = site.pids(count=1)[0]
        site.daemon.kill()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "its end")
        site.daemon.start()
        wait_until(site.refused, "the socket to be closed")
        self.assertEqual(site.daemon.state("web:web_0"), "EXITED")
        site.address = site.daemon.path("other.sock")
        self.assertIn(site.answering(), site.pids(name="other", count=1))
        site.daemon.control("start", "web:web_0")
        site.address = site.path
        self.assertIn(site.answering(), site.pids(count=1))

    def test_trouble_at_a_start_is_told_and_tried_again(self):
        site = self.site("busy", "tcp")
        site.configure(site.program(autostart="false", startretries=1, numprocs=1))
        site.daemon.start()
        with socket.create_server(("127.0.0.1", site.port)):
            self.assertEqual(site.daemon.control("start", "web:web_0").text, "web:web_0: ERROR (spawn error)\n")
            info = site.daemon.wait_state("web:web_0", "FATAL")
            self.assertEqual(info["spawnerr"], f"Could not create FastCGI socket tcp://localhost:{site.port}: "
                                               "[Errno 98] Address already in use")
        self.assertEqual(site.daemon.control("start", "web:web_0").text, "web:web_0: started\n")
        self.assertIn(site.answering(), site.pids(count=1))

    def test_what_is_in_the_place_of_a_socket_stays(self):
        site = self.site("precious")
        site.configure(site.program())
        with open(site.path, "w", encoding="utf-8") as file:
            file.write("precious")
        done = subprocess.run([OURS.program("supervisord"), "-n", "-c", site.daemon.conf], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"[Errno 17] File exists: '{site.path}'", done.stderr)
        with open(site.path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")

    def test_names_that_units_cannot_have(self):
        site = self.site("näme +x")
        name = "a+b-ü\\"
        site.path = "/tmp/plain.sock"
        site.url, site.address = f"unix://{site.path}", site.path
        site.configure(site.program(name=name, numprocs=2))
        site.daemon.start()
        site.wait("RUNNING", name=name, count=2)
        systemctl("daemon-reload")
        old = site.pids(name, 2)
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: 0 not in site.pids(name, 2) and not set(old) & set(site.pids(name, 2)), "new processes")
        self.assertIn(site.answering(), site.pids(name, 2))


if __name__ == "__main__":
    report.main()
