"""Log files beside the oracle's: the same programs write the same under both daemons, and the same is in the files."""

import contextlib
import glob
import json
import os
import re
import signal
import subprocess
import unittest
import xmlrpc.client

import report
from daemon import ORACLE, OURS, Daemon, unit_of
from together import together
from waiting import wait_until

# Programs that print what is written into a FIFO. Opened for both, so that the end of one writer is not the end for them.
SPEAKER = "/bin/sh -c 'exec cat <>%(here)s/{0}.fifo{1}'"


def speaker(name, options="", redirection=""):
    return f"[program:{name}]\ncommand={SPEAKER.format(name, redirection)}\n{options}\n"


# maxbytes, backups of logs that are rotated every few lines, and how often that is. 12 backups: their names do not sort.
TURNING = ((100, 0), (100, 1), (150, 2), (64, 12))
TURNS_AT_LEAST = 600
LOG = "stdout_logfile=%(here)s/{0}.log\nstdout_logfile_maxbytes={1}\nstdout_logfile_backups={2}"
CONFIGURATION = "".join((
    speaker("exact", LOG.format("exact", 0, 0)),
    speaker("three", LOG.format("three", 1000, 3)),
    speaker("none", LOG.format("none", 1000, 0)),
    speaker("heard", LOG.format("heard", 0, 0)),
    speaker("never", LOG.format("never", 0, 3)),
    speaker("moved", LOG.format("moved", 0, 0)),
    speaker("gone", LOG.format("gone", 0, 2)),
    speaker("merged", LOG.format("merged", 0, 0) + "\nredirect_stderr=true", " >&2"),
    speaker("first", LOG.format("shared", 0, 0)),
    speaker("second", LOG.format("shared", 0, 0)),
    speaker("auto", "stdout_logfile_maxbytes=500\nstdout_logfile_backups=2"),
    speaker("terminal", "stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0"),
    speaker("errors", "stderr_logfile=/dev/stderr\nstderr_logfile_maxbytes=0", " >&2"),
    speaker("number", "stdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0"),
    speaker("asked", LOG.format("asked", 0, 0)),
    speaker("cleared", LOG.format("cleared", 500, 2)),
    speaker("swapped", LOG.format("swapped", 0, 0)),
    speaker("both", LOG.format("both", 0, 0) + "\nstdout_syslog=true"),
    speaker("only", "stdout_logfile=syslog"),
    speaker("loud", "stderr_logfile=%(here)s/loud.err\nstderr_syslog=true", " >&2"),
    *(speaker(f"turns{number}", LOG.format(f"turns{number}", *row)) for number, row in enumerate(TURNING)),
    speaker("ended", LOG.format("ended", 0, 0) + "\nstopwaitsecs=2"),
))
NAMES = re.findall(r"^\[program:(\w+)\]", CONFIGURATION, re.MULTILINE)
BYTES = (b"first\n\n\n\nblank lines\n" b"nul \0 in it\n" b"invalid \xff\xfe\xc3( utf-8\n" b"\rcarriage\r\n" b"\033[1mbold\033[0m\n"
         + b"x" * 1000000 + b"\n" + b"\n" * 100 + bytes(range(256)) * 100 + b"no newline at the end")
OFFSETS = (0, 1, 10, 100000, -1, -10, -100000, 10**9, -10**9)
LENGTHS = (0, 1, 10, 100000, 10**9, -1, -10**9)


def say(daemon, name, data):
    with open(daemon.path(f"{name}.fifo"), "wb") as fifo:
        fifo.write(data)


def contents(daemon, name):
    with open(daemon.path(name), "rb") as file:
        return file.read()


def listing(daemon, pattern):
    """What is there: name -> bytes."""
    found = {}
    for path in glob.glob(daemon.path(pattern)):
        with open(path, "rb") as file:
            found[os.path.basename(path)] = file.read()
    return found


def wait_for(daemon, name, data):
    wait_until(lambda: os.path.exists(daemon.path(name)) and contents(daemon, name) == data, f"{daemon.name}: {data[:80]!r} in {name}")


def say_lines(daemon, name, path, maxbytes, lines):
    """One by one, each read before the next, so that both daemons look at the same pieces."""
    current = contents(daemon, path)
    for line in lines:
        say(daemon, name, line)
        current += line
        if 0 < maxbytes <= len(current):
            current = b""
        wait_for(daemon, path, current)


def exact_bytes(daemon, note):
    say(daemon, "exact", BYTES)
    wait_for(daemon, "exact.log", BYTES)


def rotation(daemon, note):
    lines = [b"%d: %s\n" % (number, b"." * (number * 7 % 60)) for number in range(120)]
    for name, maxbytes in (("three", 1000), ("none", 1000), ("never", 0)):
        say_lines(daemon, name, f"{name}.log", maxbytes, lines)
        note(name, listing(daemon, f"{name}.log*"))


def size_of(path):
    """None in the moment between two files."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None


def turn(daemon, name, maxbytes, backups):
    """Writes lines until the log has turned so often, each behind the one before, and returns what must be there."""
    path = daemon.path(f"{name}.log")
    kept, current, turns, number = [], b"", 0, 0
    with open(daemon.path(f"{name}.fifo"), "wb", buffering=0) as fifo:
        while turns < TURNS_AT_LEAST / len(TURNING):
            number += 1
            line = b"%d %s\n" % (number, b"." * (number * 7 % 50))
            fifo.write(line)
            current += line
            if len(current) >= maxbytes:
                kept, current, turns = [current, *kept][:backups], b"", turns + 1
            wait_until(lambda: size_of(path) == len(current),
                       f"{daemon.name}: {len(current)} bytes in {name}.log", interval=0.0005)
    return {f"{name}.log": current, **{f"{name}.log.{index}": data for index, data in enumerate(kept, 1)}}


def turning(daemon, note):
    """Hundreds of times in a few seconds."""
    def one(number, row):
        name = f"turns{number}"
        return turn(daemon, name, *row), listing(daemon, f"{name}.log*")
    found = together(*(lambda pair=pair: one(*pair) for pair in enumerate(TURNING)))
    for expected, actual in found:
        assert actual == expected, f"{daemon.name}: {actual} is not {expected}"
    note("turned", found)


def holds(daemon, name):
    """Whether the daemon has this file open."""
    for link in glob.glob(f"/proc/{daemon.process.pid}/fd/*"):
        with contextlib.suppress(FileNotFoundError):
            if os.path.samefile(link, daemon.path(name)):
                return True
    return False


def swapped(daemon, note):
    """Another file is moved over the log: the oracle goes on with the one that is gone until it is told to reopen."""
    say(daemon, "swapped", b"before\n")
    wait_for(daemon, "swapped.log", b"before\n")
    daemon.write("swapped.new", "from outside\n")
    os.replace(daemon.path("swapped.new"), daemon.path("swapped.log"))
    daemon.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: holds(daemon, "swapped.log"), f"{daemon.name} to reopen")
    say(daemon, "swapped", b"after\n")
    wait_for(daemon, "swapped.log", b"from outside\nafter\n")


def syslog_lines(daemon, name, stream):
    """What syslog got. The oracle's lines are its own and begin with the name; ours are the program's."""
    filters = [f"_PID={daemon.pid(name)}", f"SUPERVISOR_STREAM={stream}"]
    if daemon.role is ORACLE:
        filters = [f"_PID={daemon.process.pid}", "_TRANSPORT=syslog"]
    text = subprocess.run(["journalctl", "--no-pager", "-q", "-o", "json", *filters], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    messages = [json.loads(line)["MESSAGE"] for line in text.splitlines()]
    if daemon.role is ORACLE:
        return [message[len(name):].removeprefix(" ") for message in messages if message.split(" ")[0] == name]
    return messages


def to_syslog(daemon, note):
    text = b"one\n\n\nthree  \n\ttab\nGr\xc3\xbc\xc3\x9fe\n" + b"w" * 900 + b"\nlast\n"
    for name, stream in (("both", "stdout"), ("only", "stdout"), ("loud", "stderr")):
        say(daemon, name, text)
        wait_until(lambda: "last" in syslog_lines(daemon, name, stream), f"{daemon.name}: syslog to have {name}'s last line",
                   interval=0.2)
        # syslog itself takes away what stands blank at the end of a line.
        note(name, [line.rstrip() for line in syslog_lines(daemon, name, stream)])
    note("its file", listing(daemon, "both.log") | listing(daemon, "loud.err"))


def reopening(daemon, note):
    say(daemon, "moved", b"before\n")
    wait_for(daemon, "moved.log", b"before\n")
    os.rename(daemon.path("moved.log"), daemon.path("moved.away"))
    say(daemon, "moved", b"still there\n")
    wait_for(daemon, "moved.away", b"before\nstill there\n")
    daemon.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: os.path.exists(daemon.path("moved.log")), "the log to be made anew")
    say(daemon, "moved", b"after\n")
    wait_for(daemon, "moved.log", b"after\n")
    os.truncate(daemon.path("moved.log"), 0)
    say(daemon, "moved", b"after the cut\n")
    wait_for(daemon, "moved.log", b"after the cut\n")
    # A stranger appends.
    with open(daemon.path("moved.log"), "ab") as file:
        file.write(b"from outside\n")
    say(daemon, "moved", b"behind it\n")
    wait_for(daemon, "moved.log", b"after the cut\nfrom outside\nbehind it\n")
    note("moved", listing(daemon, "moved.[la]*"))


def shared(daemon, note):
    say(daemon, "merged", b"an error\n")
    wait_for(daemon, "merged.log", b"an error\n")
    for number in range(5):
        for name in ("first", "second"):
            say(daemon, name, b"%s %d\n" % (name.encode(), number))
    wait_until(lambda: contents(daemon, "shared.log").count(b"\n") == 10, f"{daemon.name}: both in one file")
    note("shared", sorted(contents(daemon, "shared.log").splitlines()))


def automatic(daemon, note):
    path = daemon.info("auto")["stdout_logfile"]
    lines = [b"line %d %s\n" % (number, b"." * 30) for number in range(40)]
    say_lines(daemon, "auto", os.path.basename(path), 500, lines)
    found = listing(daemon, os.path.basename(path) + "*")
    note("name", re.sub(r"-[\w]{6,8}\.log$", "-X.log", os.path.basename(path).replace(daemon.name, "NAME")))
    note("auto", {name.removeprefix(os.path.basename(path)): data for name, data in found.items()})
    note("mode", os.stat(path).st_mode)


def own_streams(daemon, note):
    for name in ("terminal", "errors", "number"):
        say(daemon, name, f"{name} says this\nand {name} this\n".encode())
    wait_until(lambda: all(daemon.read("output").count(f"{name} this\n") == 1 for name in ("terminal", "errors", "number")),
               f"{daemon.name}: everything in its output")
    note("output", sorted(line for line in daemon.read("output").splitlines() if line.endswith(" this")))
    # Nothing of that kind can be read back.
    note("answers", [answer(daemon, "readProcessStdoutLog", name, 0, 10)[:1] for name in ("errors",)])


def answer(daemon, method, *arguments):
    try:
        return getattr(daemon.rpc.supervisor, method)(*arguments)
    except xmlrpc.client.Fault as fault:
        return fault.faultCode, fault.faultString.replace(daemon.directory, "DIR")


def parts(daemon, note):
    say(daemon, "asked", b"0123456789\n" * 20000)
    wait_until(lambda: len(contents(daemon, "asked.log")) == 220000, f"{daemon.name}: all of it")
    for method in ("readProcessStdoutLog", "tailProcessStdoutLog"):
        for offset in OFFSETS:
            for length in LENGTHS:
                note((method, offset, length), answer(daemon, method, "asked", offset, length))
    os.unlink(daemon.path("asked.log"))
    note("no file", [answer(daemon, method, "asked", 0, 10) for method in ("readProcessStdoutLog", "tailProcessStdoutLog")])


def clearing(daemon, note):
    say_lines(daemon, "cleared", "cleared.log", 500, [b"z" * 99 + b"\n"] * 12)
    note("clear", answer(daemon, "clearProcessLogs", "cleared"))
    note("backups stay", listing(daemon, "cleared.log*"))
    say(daemon, "cleared", b"new\n")
    wait_for(daemon, "cleared.log", b"new\n")
    os.unlink(daemon.path("cleared.log"))
    note("clear what is gone", answer(daemon, "clearProcessLogs", "cleared"))
    note("made again", listing(daemon, "cleared.log"))
    say(daemon, "ended", b"last words\n")
    wait_for(daemon, "ended.log", b"last words\n")
    daemon.rpc.supervisor.stopProcess("ended")
    note("clear when stopped", answer(daemon, "clearProcessLogs", "ended"))
    # Only ours has done so.
    if daemon.role is OURS:
        wait_for(daemon, "ended.log", b"")


SCENARIOS = (exact_bytes, rotation, turning, reopening, swapped, to_syslog, shared, automatic, own_streams, parts, clearing)


class Logs(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.daemons = [Daemon(role, f"logs-{role.name}") for role in (ORACLE, OURS)]

        def begin(daemon):
            daemon.configure(CONFIGURATION)
            for name in NAMES:
                os.mkfifo(daemon.path(f"{name}.fifo"))
            cls.addClassCleanup(daemon.stop)
            daemon.start()
            for name in NAMES:
                daemon.wait_state(name, "RUNNING")
        together(*(lambda daemon=daemon: begin(daemon) for daemon in cls.daemons))

    def beside(self, scenario):
        noted = [[], []]
        together(*(lambda daemon=daemon, notes=notes: scenario(daemon, lambda what, value: notes.append((what, value)))
                   for daemon, notes in zip(self.daemons, noted)))
        for oracle, ours in zip(*noted, strict=True):
            self.assertEqual(oracle, ours)

    def test_removed_or_replaced(self):
        """What comes next is where the name leads. (The oracle goes on with the file that is gone.)"""
        ours = self.daemons[1]
        say(ours, "gone", b"before\n")
        wait_for(ours, "gone.log", b"before\n")
        os.unlink(ours.path("gone.log"))
        say(ours, "gone", b"in a new one\n")
        wait_for(ours, "gone.log", b"in a new one\n")

    def test_journal_has_every_line(self):
        """Below the rate limit `journalctl -u` is what the program wrote."""
        ours = self.daemons[1]
        text = b"".join(b"%d\n" % number for number in range(3000)) + b"\n\nnul \0\ninvalid \xff\n" + b"w" * 1000000 + b"\nlast\n"
        say(ours, "heard", text)
        unit = unit_of(ours.pid("heard"))

        def shown():
            return subprocess.run(["journalctl", "--no-pager", "-q", "-o", "cat", "-u", unit, "SUPERVISOR_STREAM=stdout"],
                                  stdout=subprocess.PIPE, check=True).stdout
        wait_until(lambda: shown().endswith(b"\nlast\n"), "the last line in the journal", interval=0.2)
        self.assertTrue(shown().endswith(text), shown()[-2000:])


for scenario in SCENARIOS:
    setattr(Logs, f"test_{scenario.__name__}", lambda self, scenario=scenario: self.beside(scenario))


if __name__ == "__main__":
    report.main()
