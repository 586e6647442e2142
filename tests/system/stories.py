"""Classic configurations as stories: each does the same things to any daemon and writes down what it saw.

Two daemons agree when they wrote the same. What differs between two runs of one program (pids, times) is never
written down; what must hold for each daemon alone is asserted.
"""

import os
import signal
import urllib.request

from waiting import wait_until


class Story:
    """A daemon, the client that talks to it, and what was seen so far."""

    def __init__(self, daemon, client=None, port=20000):
        self.daemon = daemon
        self.client = client or daemon.role
        self.port = port
        self.seen = []

    def note(self, what, value):
        self.seen.append((what, value))

    def control(self, *arguments, unordered=False):
        """Runs the client. Answers about several processes come in the order in which they got there: no order."""
        output = self.daemon.control(*arguments, client=self.client)
        text = output.text.replace(str(self.port)[:-2], "PORT")
        self.note(" ".join(arguments), (output.status, sorted(text.splitlines()) if unordered else text))
        return output

    def settle(self, **states):
        """Waits until processes are in these states; a double underscore stands for the colon."""
        for name, state in states.items():
            self.daemon.wait_state(name.replace("__", ":"), state)


WEB_APP = """\
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[2].encode())
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def fetch(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return None


def two_web_apps(story):
    daemon = story.daemon
    app = daemon.write("app.py", WEB_APP)
    daemon.configure("\n".join(
        f"[program:{name}]\ncommand=/usr/bin/python3 {app} {story.port + number} {name}\nstartsecs=0\nstopwaitsecs=0\n"
        f"autostart=true\nstdout_logfile=%(here)s/{name}.log\nredirect_stderr=true\n"
        for number, name in enumerate(("shop", "blog"))))
    daemon.start()
    story.settle(shop="RUNNING", blog="RUNNING")
    for number in (0, 1):
        wait_until(lambda: fetch(story.port + number), "the web app to answer")
        story.note("page", fetch(story.port + number))
    story.control("status")
    story.control("stop", "shop")
    story.control("status", "shop")
    story.note("page", fetch(story.port))
    story.control("start", "shop")
    wait_until(lambda: fetch(story.port), "the web app to answer again")
    story.control("restart", "all", unordered=True)
    story.settle(shop="RUNNING", blog="RUNNING")
    story.control("stop", "all", unordered=True)
    story.control("status")


def printer(story):
    """The classic script that prints every 5 s with startsecs=5; five times as fast."""
    daemon = story.daemon
    script = daemon.write("printer.sh", "#!/bin/sh\nwhile :; do echo still here; sleep 1; done\n", 0o755)
    daemon.configure(f"[program:printer]\ncommand={script}\nstartsecs=1\nautorestart=true\nstartretries=3\n"
                     "stdout_logfile=%(here)s/out.log\nstderr_logfile=%(here)s/err.log\n")
    daemon.start()
    story.note("state at first", daemon.wait_state("printer", "STARTING", "RUNNING")["statename"] in ("STARTING", "RUNNING"))
    first = daemon.wait_state("printer", "RUNNING")
    wait_until(lambda: daemon.read("out.log").count("still here\n") >= 2, "two lines in the log")
    story.note("log", sorted(set(daemon.read("out.log").splitlines())))
    story.note("error log", daemon.read("err.log"))
    story.control("status")
    os.kill(first["pid"], signal.SIGKILL)
    wait_until(lambda: daemon.pid("printer") not in (0, first["pid"]), "a new process after kill -9")
    story.settle(printer="RUNNING")
    story.note("tail", daemon.control("tail", "printer", client=story.client).text.startswith("still here\n"))
    story.control("restart", "printer")
    story.control("stop", "printer")
    story.control("status")


def numbered_processes(story):
    daemon = story.daemon
    script = daemon.write("server.sh", '#!/bin/sh\necho "serving $*"\nexec sleep 1000\n', 0o755)
    daemon.configure(f"[program:foo]\ncommand={script} --port=90%(process_num)02d --all=%(numprocs)d\n"
                     "process_name=%(program_name)s_%(process_num)02d\nnumprocs=2\n"
                     "stdout_logfile=%(here)s/%(program_name)s_%(process_num)02d.log\n")
    daemon.start()
    story.settle(foo__foo_00="RUNNING", foo__foo_01="RUNNING")
    for number in ("00", "01"):
        wait_until(lambda: daemon.read(f"foo_{number}.log"), "its output")
        story.note("output", daemon.read(f"foo_{number}.log"))
    for arguments in (("status",), ("status", "foo:*"), ("status", "foo:foo_01"), ("status", "foo"),
                      ("stop", "foo:foo_00"), ("status", "foo:"), ("start", "foo:foo_00"), ("restart", "foo:foo_01"),
                      ("start", "foo:foo_00"), ("tail", "foo:foo_01")):
        story.control(*arguments)
    story.control("stop", "foo:*", unordered=True)
    story.control("start", "foo:*", unordered=True)
    story.control("status")


def named_group(story):
    daemon = story.daemon
    daemon.configure("".join(f"[program:progname{number}]\ncommand=/bin/sleep 1000\n" for number in (1, 2))
                     + "[program:other]\ncommand=/bin/sleep 1000\n"
                     "[group:thegroupname]\nprograms=progname1,progname2\npriority=5\n")
    daemon.start()
    story.settle(thegroupname__progname1="RUNNING", thegroupname__progname2="RUNNING", other="RUNNING")
    story.control("status")
    story.control("stop", "thegroupname:progname1")
    story.control("status")
    story.control("start", "thegroupname:progname1")
    story.control("stop", "thegroupname:", unordered=True)
    story.control("status")
    story.control("stop", "thegroupname:", unordered=True)
    story.control("start", "thegroupname:*", unordered=True)
    story.control("restart", "thegroupname:", unordered=True)
    story.control("stop", "progname1")
    story.control("stop", "thegroupname:nobody")
    story.control("stop", "nogroup:")
    story.control("status", "thegroupname:*", "other")


def program(name, seconds=1000, **settings):
    return f"[program:{name}]\ncommand=/bin/sleep {seconds}\n" + "".join(f"{key}={value}\n" for key, value in settings.items())


def changed_file(story):
    daemon = story.daemon
    daemon.configure(program("same") + program("changed") + program("dropped") + program("ends", 0, startsecs=0))
    daemon.start()
    story.settle(same="RUNNING", changed="RUNNING", dropped="RUNNING", ends="EXITED")
    kept = daemon.pid("same")
    story.control("reread")
    story.control("update")
    daemon.configure(program("same") + program("changed", 2000) + program("added") + program("ends", 0, startsecs=0))
    story.control("reread")
    story.control("status")
    story.control("avail")
    story.control("update", unordered=True)
    story.settle(changed="RUNNING", added="RUNNING")
    story.control("status")
    story.note("same process", daemon.pid("same") == kept)
    story.control("update")
    daemon.configure(program("same") + program("changed", 2000) + program("added", 3000))
    story.control("update", "added")
    story.settle(added="RUNNING")
    story.control("status")
    daemon.configure("[program:same]\nnumprocs=many\n")
    story.control("reread")
    story.control("update")
    story.note("same process", daemon.pid("same") == kept)


def missing_command(story):
    daemon = story.daemon
    daemon.configure("[program:missing]\ncommand=/does/not/exist --at-all\nstartretries=1\n"
                     "[program:unfindable]\ncommand=not-in-any-path\nautostart=false\n"
                     "[program:text]\ncommand=%(here)s/text\nautostart=false\n")
    daemon.write("text", "no program", 0o644)
    daemon.start()
    story.settle(missing="FATAL")
    story.control("status")
    for name in ("missing", "unfindable", "text"):
        story.control("start", name)
    story.control("status")
    story.control("restart", "unfindable")
    story.control("start", "all", unordered=True)


def exits_at_once(story):
    daemon = story.daemon
    # startsecs=2: the oracle notices an end up to a second late when it has nothing else to do, and takes it for RUNNING.
    daemon.configure("[program:brief]\ncommand=/bin/sh -c 'echo out; echo err >&2; exit 3'\nstartretries=1\nstartsecs=2\n"
                     "stdout_logfile=%(here)s/out.log\nstderr_logfile=%(here)s/err.log\n"
                     "[program:done]\ncommand=/bin/true\nstartsecs=0\nautorestart=false\n")
    daemon.start()
    story.settle(brief="FATAL", done="EXITED")
    story.note("output", daemon.read("out.log"))
    story.note("errors", daemon.read("err.log"))
    info = daemon.info("done")
    story.note("done", (info["exitstatus"], info["spawnerr"], info["pid"]))
    info = daemon.info("brief")
    story.note("brief", (info["exitstatus"], info["spawnerr"], info["pid"], info["description"]))
    story.control("status")
    story.control("start", "brief")
    story.settle(brief="FATAL")
    story.control("stop", "brief")
    story.control("tail", "brief", "stderr")


def no_daemon(story):
    """The client alone: what everybody's monitoring greps for."""
    daemon = story.daemon
    daemon.configure(program("any"))
    for arguments in (("status",), ("status", "any"), ("start", "any"), ("pid",), ("version",), ("reread",), ("update",),
                      ("stop", "all"), ("shutdown",), ("reload",), ("tail", "any")):
        story.control(*arguments)
    daemon.write("supervisord.conf", "[supervisorctl]\nserverurl=http://127.0.0.1:%d\n" % story.port)
    story.control("status")


ALL = (two_web_apps, printer, numbered_processes, named_group, changed_file, missing_command, exits_at_once, no_daemon)


def differences(first, second):
    """The places where two stories part, as texts."""
    for number, (one, other) in enumerate(zip(first.seen, second.seen)):
        if one != other:
            yield f"step {number}: {one[0]}\n  {first.daemon.role.name}: {one[1]!r}\n  {second.daemon.role.name}: {other[1]!r}"
    if len(first.seen) != len(second.seen):
        yield f"{len(first.seen)} steps against {len(second.seen)}"
