"""The cases: stories of commands, each story in a world of its own."""

import dataclasses
import signal
import xmlrpc.client
from typing import Callable, Optional

import mask
from world import edit, stale_socket


@dataclasses.dataclass
class Case:
    argv: list
    stdin: str = ""
    raw: bool = False  # without -c
    before: Optional[Callable] = None  # changes the world first
    settle: bool = False  # wait until the daemon is at rest
    steps: Optional[list] = None  # a session
    terminal: bool = False
    views: tuple = ()  # what of the output counts
    expect_code: Optional[int] = None


@dataclasses.dataclass
class Story:
    name: str
    files: dict
    cases: list
    daemon: bool = True
    answers: Optional[dict] = None  # a fake daemon


def run(*argv, **keywords):
    return Case(list(argv), **keywords)


def helps(*argv, **keywords):
    return Case(list(argv), views=(mask.usage,), **keywords)


def shell(text, *argv, **keywords):
    return Case(list(argv), stdin=text, **keywords)


CLIENT = """
[supervisorctl]
serverurl=unix://@DIR@/s.sock
"""

DAEMON = """
[unix_http_server]
file=@DIR@/s.sock

[supervisord]
logfile=@DIR@/main.log
pidfile=@DIR@/daemon.pid
childlogdir=@DIR@
identifier=@NAME@

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
""" + CLIENT

# Keeps the oracle's loop turning, so that what it puts off comes soon.
TICKER = """
[program:ticker]
command=/bin/sh -c "while :; do echo tick; sleep 0.05; done"
startsecs=0
priority=1
"""


def program(name, command, extra="", startsecs=0):
    return f"""
[program:{name}]
command={command}
startsecs={startsecs}
stopwaitsecs=1
stdout_logfile=@DIR@/{name}.log
stderr_logfile=@DIR@/{name}.err
{extra}
"""


LINES = r"""#!/bin/sh
i=0
while [ $i -lt 400 ]; do echo "line $i of what it prints"; echo "error $i" >&2; i=$((i + 1)); done
echo "ünïcödé <&> END"
exec sleep 1000
"""

ECHOER = r"""#!/bin/sh
while read line; do echo "heard $line"; done
exec sleep 1000
"""

MANUAL = "autostart=false"
CAT = program("cat", "/bin/cat")

BASIC = DAEMON + TICKER + CAT + "".join((
    program("stopped", "/bin/cat", MANUAL),
    program("lines", "@DIR@/lines.sh"),
    program("ender", "/bin/sleep 0.3", "autorestart=false"),
    program("missing", "/nowhere/to/be/found", MANUAL),
    program("plain", "@DIR@/plain", MANUAL),
    program("dies", "/bin/false", MANUAL + "\nstartretries=0", startsecs=1),
    program("quiet", "/bin/cat", "").replace("@DIR@/quiet.log", "NONE\nstdout_journal=false")
    .replace("@DIR@/quiet.err", "NONE\nstderr_journal=false"),
    program("many", "/bin/cat", "numprocs=2\nprocess_name=%(program_name)s_%(process_num)02d")
    .replace("many.log", "%(process_num)d.log").replace("many.err", "%(process_num)d.err"),
    program("alpha", "/bin/cat"), program("beta", "/bin/cat", MANUAL),
    "\n[group:greek]\nprograms=alpha,beta\n",
))
FILES = {"supervisord.conf": BASIC, "lines.sh": LINES, "plain": "not a program\n", "echoer.sh": ECHOER}

STATUS = Story("status", FILES, [
    run("status"),
    run("status", "all"),
    run("status", "cat"),
    run("status", "cat", expect_code=0),
    run("status", "stopped", expect_code=3),
    run("status", "cat", "many:*", expect_code=0),
    run("status", "many:"),
    run("status", "many:many_01"),
    run("status", "many:nope"),
    run("status", "many_00"),
    run("status", "greek:alpha", "greek:*"),
    run("status", "alpha"),
    run("status", "nope", expect_code=4),
    run("status", "nope:*", expect_code=4),
    run("status", "nope:", "cat", "nope"),
    run("status", "cat", "all", "nope"),
    run("status", "cat cat"),
    run("status", "*"),
    run("status", ":"),
    run("status", ":*"),
    run("  status   cat\t stopped  "),
    run("status", "cat", "lines"),
    run("status\u00a0cat"),
    run("pid"),
    run("pid", "cat"),
    run("pid", "stopped", expect_code=7),
    run("pid", "all"),
    run("pid", "nope", expect_code=1),
    run("pid", "many:*"),
    run("pid", "cat", "nope", "stopped"),
    run("version"),
    helps("version", "x"),
    run("avail"),
    helps("avail", "x"),
    run("reread"),
    helps("reread", "cat"),
    helps("reload", "x"),
    helps("shutdown", "now"),
])

CONTROL = Story("control", FILES, [
    helps("start", expect_code=2),
    helps("stop", expect_code=1),
    helps("restart", expect_code=1),
    helps("clear", expect_code=1),
    run("start", "cat", expect_code=0),
    run("start", "stopped", expect_code=0),
    run("stop", "stopped", expect_code=0),
    run("stop", "stopped", expect_code=0),
    run("start", "nope", expect_code=1),
    run("start", "nope:*", expect_code=2),
    run("start", "many:nope"),
    run("start", "missing"),
    run("start", "plain"),
    run("start", "dies", expect_code=7),
    run("start", "greek:*"),
    run("start", "greek:"),
    run("stop", "greek:*", "cat", views=(mask.in_any_order,)),
    run("stop", "nope", "nope:*", "many:nope"),
    run("stop", "many:many_00"),
    run("start", "many:*"),
    run("start", "cat", "stopped", "missing", "nope"),
    run("restart", "cat"),
    run("restart", "stopped", "many:*", views=(mask.in_any_order,)),
    run("restart", "nope"),
    run("restart", "nope:*"),
    run("stop", "cat"),
    run("restart", "cat"),
    run("remove", "dies"),
    run("stop", "all", views=(mask.in_any_order,)),
    run("status"),
    run("start", "all"),
    run("status", settle=True),
    run("restart", "all", views=(mask.in_any_order,)),
    run("stop", "x:y:z"),
    helps("start", ""),
    run("clear", "cat"),
    run("clear", "cat", "nope", "many:many_00"),
    run("clear", "many:*"),
    run("clear", "quiet"),
    run("clear", "all"),
])

SIGNAL = Story("signal", FILES, [
    helps("signal"),
    helps("signal", "HUP"),
    run("signal", "CONT", "cat"),
    run("signal", "sigcont", "cat", "many:*"),
    run("signal", "18", "cat"),
    run("signal", "CONT", "stopped"),
    run("signal", "CONT", "nope"),
    run("signal", "CONT", "nope:*"),
    run("signal", "NONSENSE", "cat"),
    run("signal", "999", "cat"),
    run("signal", "NONSENSE", "many:*"),
    run("signal", "CONT", "greek:*"),
    run("signal", "CONT", "cat", "stopped", "nope"),
    run("signal CONT", "cat"),
    run("signal", "CONT", "all"),
    run("signal", "NONSENSE", "all"),
])

LOGS = Story("logs", FILES, [
    helps("tail"),
    helps("tail", "a", "b", "c", "d"),
    run("tail", "lines"),
    run("tail", "-30", "lines"),
    run("tail", "-30", "lines", "stdout"),
    run("tail", "-30", "lines", "stderr"),
    run("tail", "lines", "stderr"),
    run("tail", "lines", "STDERR"),
    run("tail", "lines", "both"),
    run("tail", "lines", "it's"),
    run("tail", "-0", "cat"),
    run("tail", "-+5", "lines"),
    run("tail", "-1_0", "lines"),
    run("tail", "--9900", "lines"),
    run("tail", "-5x", "lines"),
    run("tail", "-", "lines"),
    run("tail", "-9999999999", "lines"),
    run("tail", "-99999999999999999999999", "lines"),
    run("tail", "-100000", "lines", "stderr"),
    run("tail", "-5"),
    run("tail", "-f"),
    helps("tail", "-5", "lines", "stderr", "x"),
    run("tail", "-5", "lines", "x"),
    run("tail", "nope"),
    run("tail", "nope", "stderr"),
    run("tail", "quiet"),
    run("tail", "many:*"),
    run("tail", "cat"),
    helps("maintail", "a", "b"),
    run("maintail", "cat"),
    run("maintail", "-x"),
    run("maintail", "-"),
    run("maintail", "-24", views=(mask.length,)),
    run("tail", "-f", "lines", steps=[("", "END"), (signal.SIGINT, None)], expect_code=0),
    run("tail", "-f", "lines", "stderr", steps=[("", "error 399"), (signal.SIGINT, None)]),
    run("tail", "-f", "nope", expect_code=0),
    run("tail", "-f", "quiet"),
    run("maintail", "-f", steps=[("", "exit <==\n"), ("", "\n"), (signal.SIGINT, None)],
        views=(lambda text: text.split("\n")[0], )),
])

ADDED = program("added", "/bin/cat") + program("late", "/bin/cat", MANUAL)

CONFIG = Story("config", FILES, [
    run("update"),
    run("update", "all"),
    run("update", "cat"),
    run("update", "nope", expect_code=1),
    run("update", "nope", "nope"),
    run("add"),
    run("remove"),
    run("add", "cat", expect_code=0),
    run("add", "nope", expect_code=1),
    run("add", "cat", "nope"),
    run("remove", "cat", expect_code=1),
    run("remove", "nope", expect_code=1),
    run("remove", "stopped"),
    run("remove", "stopped"),
    run("status"),
    run("avail"),
    run("add", "stopped"),
    run("reread", before=edit("supervisord.conf", r"\Z", ADDED)),
    run("reread"),
    run("avail"),
    run("add", "added", "late"),
    run("status"),
    run("reread", before=edit("supervisord.conf", r"\[program:ender\].*?(?=\[program)", "")),
    run("reread", before=edit("supervisord.conf", r"(?<=program:cat\]\n)", "priority=5\n")),
    run("update", "added"),
    run("update", "cat"),
    run("update"),
    run("status"),
    run("reread", before=edit("supervisord.conf", r"numprocs=2", "numprocs=3")),
    run("update", "nope", "many"),
    run("status", settle=True),
    run("reread", before=edit("supervisord.conf", r"numprocs=3", "numprocs=three"), views=(
        lambda text: text.partition(":")[0],)),
    run("update", views=(lambda text: text.partition(":")[0],), expect_code=1),
    run("reread", before=edit("supervisord.conf", r"numprocs=three", "numprocs=1")),
    run("update", "all"),
    run("status", settle=True),
])

END = Story("end", FILES, [
    run("reload"),
    run("status", settle=True),
    run("shutdown"),
])

WIDE = Story("wide", {"supervisord.conf": DAEMON + program("a-name-that-is-longer-than-thirty-characters", "/bin/cat")
                      + program("ünïcödé", "/bin/cat") + program("short", "/bin/cat", MANUAL)}, [
    run("status"),
    run("status", "short"),
    run("status", "ünïcödé"),
    run("status", "ünïcödé", "short"),
    run("stop", "ünïcödé"),
    run("avail"),
    run("start", "日本"),
    run("日本"),
])

NOBODY = Story("nobody", {"supervisord.conf": CLIENT}, [
    run("status", expect_code=4),
    run("start", "x", expect_code=7),
    run("stop"),
    run("restart", "x"),
    run("signal", "HUP", "x"),
    run("pid"),
    run("version"),
    run("tail", "x"),
    run("tail", "-f", "x"),
    run("maintail", "-f"),
    run("fg", "x"),
    run("clear", "all"),
    run("reread"),
    run("update"),
    run("avail"),
    run("add", "x"),
    run("remove", "x"),
    run("shutdown"),
    run("reload"),
    run("help"),
    run("status", before=stale_socket, expect_code=4),
    run("start", "x", expect_code=4),
    run("shutdown"),
    run("reread"),
    run("-s", "http://127.0.0.1:@PORT@", "status"),
    run("-s", "http://127.0.0.1:@PORT@", "shutdown"),
    run("-s", "http://localhost:@PORT@/", "pid"),
    run("-s", "http://[::1]:@PORT@", "status"),
    run("-s", "http://nobody.invalid:80", "status", views=(mask.anything_behind_error,)),
    run("-s", "http://127.0.0.1:port", "status"),
    run("-s", "http://127.0.0.1:123456", "status"),
    run("-s", "foo://127.0.0.1:123456", "status"),
    run("-s", "unix:relative", "status"),
    run("-s", "HTTP://127.0.0.1:1", "status"),
    run("-s", "unix://" + "/long" * 30, "status"),
    run("-s", "unix:///dev/null", "status"),
    run("open", "ftp://x"),
    run("open"),
    run("open", "unix:///nowhere"),
    run("open", "http://127.0.0.1:@PORT@"),
    run("-i", "shutdown", stdin="y\n"),
    run("-i", "shutdown", stdin="no\n"),
    run("-i", "reload", stdin="Yes\n"),
    run("-i", "reload", stdin=""),
    shell("version\nopen http://127.0.0.1:@PORT@\nversion\n"),
])

SYNTAX = Story("syntax", {"supervisord.conf": CLIENT, "empty.conf": "[supervisord]\n", "expand.conf": "[supervisorctl]\nserverurl=%(nope)s\n"}, [
    run("help"),
    helps("help", "help"),
    *[helps("help", name) for name in (
        "add", "avail", "clear", "exit", "fg", "maintail", "open", "pid", "quit", "reload", "remove", "reread", "restart",
        "shutdown", "signal", "start", "status", "stop", "tail", "update", "version")],
    run("help", "nope"),
    run("help", "EOF"),
    run("help", "start", "stop"),
    run("?"),
    helps("?start"),
    run("?", "nope"),
    run("!ls"),
    run("nope"),
    run("nope", "with", "arguments"),
    run("status-all"),
    run("-"),
    run("EOF"),
    run("quit"),
    run("exit", "now"),
    run(""),
    run("", " "),
    run("help ", " nope"),
    run("--", "help"),
    run("hélp"),
    run("-x"),
    run("-é"),
    run("-s"),
    run("-xh"),
    run("--nope"),
    run("--nope=1"),
    run("--h"),
    run("--hi"),
    run("--help=1"),
    run("--conf"),
    run("--serverurl"),
    run("--configuration=x", "help"),
    run("-s", "nonsense", "help"),
    run("-s", "http:", "help"),
    run("-s", "", "help"),
    run("--server=it's", "help"),
    run("-s", "http://a", "-s", "http://b", "help"),
    run("-i", "-i", "help"),
    run("-i", "--interactive", "help"),
    run("-u", "a", "--username=b", "help"),
    run("-r", "@DIR@/h", "help", "nope"),
    run("--history=@DIR@/h", "help", "nope"),
    run("-c", "@DIR@/supervisord.conf", "help", "nope", raw=True),
    run("-c@DIR@/supervisord.conf", "help", "nope", raw=True),
    run("-c", "", "help", "nope", raw=True),
    run("-c", "@DIR@/nowhere.conf", "help", raw=True),
    run("-c", "@DIR@/empty.conf", "help", raw=True),
    run("-c", "@DIR@/expand.conf", "help", raw=True),
    run("-c", "@DIR@", "help", raw=True),
    run("help", "nope", raw=True),
    run("-h", views=(mask.command_line_help,), expect_code=0),
    run("--help", raw=True, views=(mask.command_line_help,)),
    run("-?", raw=True, views=(mask.command_line_help,)),
    run("-hx", raw=True),
    shell("help nope\n\n   \nnope\nquit\n"),
    shell("help nope\n?\nEOF\nhelp nope\n"),
    shell("help nope", raw=False),
    shell("exit\n", "-i"),
    shell("quit\n", "-c", "@DIR@/prompt.conf", raw=True,
          before=lambda world: world.write("prompt.conf", CLIENT + "prompt=Tell me\n")),
], daemon=False)
NOBODY.daemon = False

SECURE = DAEMON.replace("s.sock\n\n[supervisord]", """s.sock
username=user
password=secret

[inet_http_server]
port=127.0.0.1:@PORT@
username=user
password=secret

[supervisord]""") + TICKER + program("lines", "@DIR@/lines.sh")


def with_credentials(world):
    world.write("known.conf", CLIENT + "username=user\npassword=secret\nprompt=known\n")


PASSWORD = Story("password", {"supervisord.conf": SECURE, "lines.sh": LINES}, [
    run("status", expect_code=1),
    run("-u", "user", "status"),
    run("-u", "user", "-p", "wrong", "status", expect_code=1),
    run("-u", "user", "-p", "secret", "status", expect_code=0),
    run("--username=user", "--password=secret", "pid", "lines"),
    run("-u", "user", "-p", "secret", "-s", "http://127.0.0.1:@PORT@", "status"),
    run("-u", "user", "-p", "secret", "-s", "http://localhost:@PORT@/", "status", "lines"),
    run("-s", "http://user:secret@127.0.0.1:@PORT@", "status"),
    run("-s", "http://127.0.0.1:@PORT@", "tail", "lines"),
    run("-u", "user", "-p", "secret", "-s", "http://127.0.0.1:@PORT@", "tail", "-20", "lines"),
    run("-u", "user", "-p", "secret", "tail", "-f", "lines", steps=[("", "END"), (signal.SIGINT, None)]),
    run("-u", "user", "-p", "secret", "-s", "http://127.0.0.1:@PORT@", "tail", "-f", "lines",
        steps=[("", "END"), (signal.SIGINT, None)]),
    run("-c", "@DIR@/known.conf", "status", raw=True, before=with_credentials),
    run("-c", "@DIR@/known.conf", "-p", "wrong", "version", raw=True),
    run("-i", "status", stdin="user\nsecret\n"),
    run("-i", "status", stdin="user\nwrong\nuser\nsecret\n"),
    run("-i", "status", stdin="user\n"),
    run("start", "lines"),
    run("reread"),
    run("shutdown"),
    shell("user\nsecret\nversion\nstatus lines\n"),
    shell("version\n", "-c", "@DIR@/known.conf", raw=True),
])

SHELL = Story("shell", FILES, [
    shell(""),
    shell("\n\nversion\n"),
    shell("status cat\nstop cat\nstart cat\nrestart cat\nquit\nstatus\n"),
    shell("start nope\nstop\nbogus\nexit\n", views=(mask.usage,), expect_code=0),
    shell("tail -40 lines\nmaintail a b\npid cat\n", views=(mask.usage,)),
    shell("shutdown\nn\nreload\n\nversion"),
    shell("fg\nfg a b\nfg nope\nfg stopped\nquit\n", views=(mask.usage,)),
    shell("open foo\nopen unix:///nowhere\nstatus\nopen unix://@DIR@/s.sock\nversion\n"),
    shell("signal CONT all\nclear cat\navail\nreread\nupdate\n"),
    shell("version\n", "-i"),
    run("-i", "version"),
    run("-i", "shutdown", stdin="n\n"),
    run("fg", "cat", "lines"),
    run("fg", "nope"),
    run("fg", "stopped"),
    helps("fg"),
])

TALK = Story("talk", {"supervisord.conf": DAEMON + TICKER + program(
    "echoer", "@DIR@/echoer.sh").replace("@DIR@/echoer.err", "NONE").replace("@DIR@/echoer.log", "@DIR@/echoer.log") + CAT
    + program("noisy", "/bin/sh -c \"while read x; do echo heard $x; done & while :; do echo tick; sleep 0.05; done\"",
              "redirect_stderr=false"),
    "echoer.sh": ECHOER}, [
    run("fg", "noisy", steps=[("", "exit <=="), ("hello\n", "tick"), (None, None)],
        views=(mask.without_ticks, lambda text: text.replace("heard hello\n", ""))),
    run("fg", "noisy", steps=[("", "tick"), ("", "tick"), (signal.SIGINT, None)], views=(mask.without_ticks,)),
    run("tail", "-f", "noisy", steps=[("", "tick\n"), ("", "tick\n"), (signal.SIGINT, None)],
        views=(mask.without_ticks, mask.without_interrupted_handler)),
])

PROMPT = "supervisor> $"

TERMINAL = Story("terminal", FILES, [
    run(steps=[("", PROMPT), ("version\r", PROMPT), ("quit\r", None)], terminal=True, expect_code=0),
    run(steps=[("", PROMPT), ("version\r", PROMPT), ("\x04", None)], terminal=True),
    run(steps=[("", PROMPT), ("stop cat\r", PROMPT), ("start cat\r", PROMPT), (signal.SIGINT, None)], terminal=True, expect_code=0),
    run(steps=[("", PROMPT), ("versX\x7fion\r", PROMPT), ("exit\r", None)], terminal=True),
    run(steps=[("", PROMPT), ("help ünïX\x7fcödé\r", PROMPT), ("versin\x1b[Do\r", PROMPT), ("quit\r", None)], terminal=True),
    run(steps=[("", PROMPT), ("vers\t\r", PROMPT), ("pid sto\t\r", PROMPT), ("quit\r", None)], terminal=True),
    run(steps=[("", PROMPT), ("status gre\talpha\r", PROMPT), ("remove ma\t\r", PROMPT), ("quit\r", None)], terminal=True),
    run(steps=[("", PROMPT), ("help rel\t\r", PROMPT), ("quit\r", None)], terminal=True, views=(mask.usage,)),
    run(steps=[("", PROMPT), ("version\r", PROMPT), ("\x10\r", PROMPT), ("quit\r", None)], terminal=True),
    run(steps=[("", PROMPT), ("shutdown\r", "y/N[?] "), ("n\r", PROMPT), ("quit\r", None)], terminal=True),
    run(steps=[("", PROMPT), ("tail -f lines\r", "END"), (signal.SIGINT, PROMPT), ("quit\r", None)], terminal=True),
    run("tail", "-f", "lines", steps=[("", "END"), (signal.SIGINT, None)], terminal=True),
    run("status", steps=[], terminal=True),
])

TERMINAL_PASSWORD = Story("asked", {"supervisord.conf": SECURE, "lines.sh": LINES}, [
    run(steps=[("", "Username:"), ("user\r", "Password:"), ("secret\r", PROMPT), ("pid lines\r", PROMPT), ("quit\r", None)],
        terminal=True),
    run(steps=[("", "Username:"), ("user\r", "Password:"), ("wrong\r", "Username:"), ("user\r", "Password:"),
               ("secret\r", PROMPT), ("quit\r", None)], terminal=True),
    run("-i", "pid", "lines", steps=[("", "Username:"), ("user\r", "Password:"), ("secret\r", None)], terminal=True),
])

HISTORY = Story("history", {"supervisord.conf": CLIENT + "history_file=@DIR@/history\n", "history": "help help\nquit\n"}, [
    run(steps=[("", PROMPT), ("\x10\x10\r", PROMPT), ("help nope\r", PROMPT), ("help nope\r", PROMPT), ("quit\r", None)],
        terminal=True, views=(mask.usage,)),
    run("help", "nope", before=lambda world: world.write("history", world.path("history").read_text() + "help added\n")),
    run(steps=[("", PROMPT), ("\x10\r", PROMPT), ("quit\r", None)], terminal=True),
    run(steps=[("", PROMPT), ("\x10\x10\x10\x10\r", PROMPT), ("quit\r", None)], terminal=True, views=(mask.usage,)),
], daemon=False)

Fault = xmlrpc.client.Fault
PROCESS = {"group": "g", "name": "x", "state": 20, "statename": "RUNNING", "description": "pid 1, uptime 0:00:01", "pid": 1}


def result(status, name="x", group="g"):
    return {"name": name, "group": group, "status": status, "description": "told why"}


ALL = [result(code, f"p{code}") for code in (80, 10, 20, 21, 40, 50, 60)]
SIGNALLED = [result(code, f"p{code}") for code in (80, 10, 11, 30, 70)]
FILE = {"supervisord.conf": CLIENT}

FAKES = [
    Story("fake", FILE, [
        run("version"), run("status"), run("pid"), run("pid", "x"), run("start", "all"), run("start", "g:*"),
        run("stop", "all"), run("stop", "g:*"), run("stop", "y"), run("signal", "HUP", "g:*"), run("clear", "all"), run("clear", "x"),
        run("update"), run("update", "gone"), run("reread"), run("avail"), run("add", "x"), run("remove", "x"),
        run("tail", "x"), run("tail", "x", "stderr"), run("maintail"), run("start", "x"), run("restart", "x"),
    ], answers={
        "getVersion": "3.0", "getSupervisorVersion": "1 <&> 2", "getPID": 12, "getProcessInfo": {**PROCESS, "pid": 0},
        "getAllProcessInfo": [PROCESS, {**PROCESS, "name": "y", "state": 1000, "statename": "A-LONG-STATE-NAME"}, {
            **PROCESS, "name": "g", "state": 200, "statename": "FATAL", "description": "Exited too quickly"}],
        "startAllProcesses": ALL, "startProcessGroup": [*ALL[1:], result(99), result(80)],
        "startProcess": Fault(40, "ABNORMAL_TERMINATION: x"),
        "stopAllProcesses": SIGNALLED, "stopProcessGroup": [result(30), result(80)],
        "stopProcess": Fault(30, "FAILED: it would not"), "signalProcessGroup": SIGNALLED,
        "clearAllProcessLogs": [result(80), result(30), result(10)], "clearProcessLogs": Fault(30, "FAILED: x"),
        "reloadConfig": [[["new"], ["other"], ["gone"]]], "removeProcessGroup": Fault(91, "STILL_RUNNING: x"),
        "addProcessGroup": Fault(6, "SHUTDOWN_STATE"),
        "getAllConfigInfo": [
            {"group": "g", "name": "x", "inuse": False, "autostart": True, "group_prio": 1, "process_prio": -1},
            {"group": "g", "name": "g", "inuse": True, "autostart": False, "group_prio": 999, "process_prio": 0}],
        "readProcessStdoutLog": Fault(20, "NO_FILE: x"), "readProcessStderrLog": Fault(30, "FAILED: x"),
        "readLog": Fault(20, "NO_FILE: x"),
    }),
    Story("removed", FILE, [run("update"), run("update", "g2"), run("update", "g2", "g3")], answers={
        "getVersion": "3.0", "reloadConfig": [[["g4"], ["g3"], ["g1", "g2"]]], "getAllProcessInfo": [{**PROCESS, "group": "g3"}],
        "stopProcessGroup": lambda name: [result(30 if name == "g1" else 80)], "removeProcessGroup": True,
        "addProcessGroup": True}),
    Story("ending", FILE, [
        run(*argv) for argv in (
            ["status"], ["start", "x"], ["start", "all"], ["start", "g:*"], ["stop", "x"], ["stop", "g:*"], ["signal", "HUP", "x"],
            ["signal", "HUP", "g:*"], ["pid"], ["pid", "x"], ["avail"], ["reread"], ["update"], ["add", "x"], ["remove", "x"],
            ["shutdown"], ["reload"], ["clear", "x"], ["clear", "all"], ["tail", "x"], ["maintail"], ["fg", "x"], ["version"])
    ], answers={"getVersion": "3.0", **{method: Fault(6, "SHUTDOWN_STATE") for method in (
        "getAllProcessInfo", "startProcess", "startAllProcesses", "startProcessGroup", "stopProcess", "stopProcessGroup",
        "signalProcess", "signalProcessGroup", "getPID", "getProcessInfo", "getAllConfigInfo", "reloadConfig",
        "addProcessGroup", "removeProcessGroup", "shutdown", "restart", "clearProcessLogs", "clearAllProcessLogs",
        "readProcessStdoutLog", "readLog", "getSupervisorVersion")}}),
    Story("cannot", FILE, [run("reread"), run("update"), run("pid", "x"), run("remove", "x")], answers={
        "getVersion": "3.0", "reloadConfig": Fault(92, "CANT_REREAD: it's wrong\nin \"two\" ways"),
        "getProcessInfo": Fault(2, "INCORRECT_PARAMETERS"), "removeProcessGroup": Fault(10, "BAD_NAME: x")}),
    Story("older", FILE, [run("version", expect_code=5), run("status", expect_code=4), run("start", "x"), run("reread")],
          answers={"getVersion": "2.0"}),
    Story("nameless", FILE, [run("version", expect_code=3), run("status"), run("tail", "-f", "x"), run("avail")], answers={}),
    Story("fault", FILE, [run("version"), run("status")], answers={"getVersion": Fault(30, "FAILED: \"quoted\" it's")}),
    Story("http500", FILE, [run("version"), run("status"), run("shutdown"), run("update")], answers={
        "getVersion": (500, "x"), "shutdown": (404, "x"), "reloadConfig": (302, "")}),
    Story("hangup", FILE, [run("version"), run("status")], answers={"getVersion": (0, "")}),
    Story("nonsense", FILE, [
        run(*argv, views=(mask.anything_behind_error,)) for argv in (["status"], ["pid"], ["avail"], ["reread"], ["tail", "x"])
    ], answers={"getVersion": "3.0", "getAllProcessInfo": (200, "<not xml"), "getPID": (200, ""), "getAllConfigInfo": 1,
                "reloadConfig": [[["a"]]], "readProcessStdoutLog": (200, "<?xml version='1.0'?><methodResponse/>")}),
]

STORIES = [CONTROL, PASSWORD, TERMINAL, SHELL, TALK, CONFIG, LOGS, STATUS, SIGNAL, END, WIDE, TERMINAL_PASSWORD, HISTORY, SYNTAX,
           NOBODY, *FAKES]
