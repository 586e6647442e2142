#!/usr/bin/python3
"""The pump and the real journald: what `journalctl` shows of programs in real units. Runs inside a box.

    pumping.py DRIVER       DRIVER is pumping.c of this folder
"""

import os
import signal
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launched import run, wait_for  # noqa: E402

DRIVER = sys.argv[1]
PLACE = "/run/pumping"
NOBODY = 65534
cases = []


def case(function):
    cases.append(function)
    return function


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {len(got)} bytes {got[:300]!r} instead of {len(wanted)} bytes {wanted[:300]!r}")


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def systemctl(*arguments):
    return subprocess.run(["systemctl", *arguments], check=True, capture_output=True).stdout


def journal(*arguments, output="cat"):
    subprocess.run(["journalctl", "--sync"], check=True, capture_output=True)
    return subprocess.run(["journalctl", "-q", "--no-pager", "-a", "-o", output, *arguments], check=True,
                          capture_output=True).stdout


class Pump:
    def __init__(self, *prefix):
        os.makedirs(PLACE, exist_ok=True)
        self.process = subprocess.Popen([*prefix, DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        self.process.stdin.flush()
        equal(self.process.stdout.readline(), b"ok\n", f"answer to {words}")

    def end(self):
        self.process.stdin.close()
        equal(str(self.process.wait(10)), "0", "status of the driver")


class Program:
    """A transient unit whose standard output is a FIFO of the pump's."""

    def __init__(self, pump, name, script, *, log=True, maxbytes=0, stream="stdout", user=None):
        self.pump, self.name, self.script, self.stream, self.user = pump, name, script, stream, user
        self.unit = f"supervisor:{name}.service"
        self.fifo, self.log = f"{PLACE}/{name}.fifo", f"{PLACE}/{name}.log"
        pump.tell("add", name, self.unit, stream, self.fifo, self.log if log else "-", maxbytes, user or "-", "system")

    def start(self, tell=True):
        number = 1 if self.stream == "stdout" else 2
        arguments = [f"--uid={self.user}"] if self.user else []
        run("systemd-run", "-q", f"--unit={self.unit}", "-p", "Type=exec", "-p", "RemainAfterExit=yes", *arguments,
            "/bin/sh", "-c", f"exec {number}<>{self.fifo}; {self.script}")
        self.pid = int(run("systemctl", "show", "-P", "ExecMainPID", self.unit))
        if tell:
            self.pump.tell("pid", self.name, self.pid)
        return self

    def ended(self):
        wait_for(lambda: run("systemctl", "show", "-P", "SubState", self.unit).strip() in ("exited", "failed"),
                 f"end of {self.name}")
        self.pump.tell("drain", self.name)
        return self

    def lines(self, *matches):
        return journal("-u", self.unit, f"SUPERVISOR_ID={self.name}:{self.stream}", *matches)

    def wait_lines(self, text, what, *matches):
        try:
            wait_for(lambda: self.lines(*matches) == text, what)
        except AssertionError:
            equal(self.lines(*matches), text, what)


def numbered(count, first=0):
    return b"".join(b"line %d\n" % number for number in range(first, first + count))


@case
def lines_of_a_living_program(pump):
    program = Program(pump, "living", "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; exec sleep 1000").start()
    program.wait_lines(numbered(500), "journalctl -u -o cat")
    equal(read_file(program.log), numbered(500), "log file")
    # The shell has become sleep by now; its lines were written under the same pid.
    equal(journal(f"_PID={program.pid}", "SUPERVISOR_ID=living:stdout"), numbered(500), "journalctl _PID=")
    equal(journal(f"_SYSTEMD_UNIT={program.unit}", "SUPERVISOR_STREAM=stdout"), numbered(500), "_SYSTEMD_UNIT=")
    shown = systemctl("status", "-n", "3", program.unit)
    if b"living[%d]: line 499" % program.pid not in shown:
        raise AssertionError(f"systemctl status: {shown!r}")


@case
def any_bytes(pump):
    text = b"first\n\n\nblank before\nnul \0 and \xff\xfe\n\ttab \033[31mred\033[0m\r\n" + b"x" * 300000 + b"\n" + b"y" * 1000000 + b"\nno end"
    with open(f"{PLACE}/bytes", "wb") as file:
        file.write(text)
    program = Program(pump, "bytes", f"cat {PLACE}/bytes; exec sleep 1000").start()
    wait_for(lambda: os.path.getsize(program.log) == len(text), "whole file")
    equal(read_file(program.log), text, "log file")
    pump.tell("drain", "bytes")
    program.wait_lines(text + b"\n", "journalctl -u -o cat")


@case
def standard_error_stands_out(pump):
    program = Program(pump, "error", "echo trouble >&2; exec sleep 1000", stream="stderr").start()
    program.wait_lines(b"trouble\n", "journalctl -u")
    equal(program.lines("PRIORITY=4"), b"trouble\n", "priority")
    equal(program.lines("SYSLOG_IDENTIFIER=error"), b"trouble\n", "identifier")


@case
def rotation_at_every_few_lines(pump):
    program = Program(pump, "rotating", "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done", maxbytes=100).start()
    program.ended()
    program.wait_lines(numbered(2000), "journalctl -u -o cat")
    parts = [program.log] + sorted((f"{PLACE}/{name}" for name in os.listdir(PLACE) if name.startswith("rotating.log.")),
                                   key=lambda name: int(name.rpartition(".")[2]))
    equal(b"".join(map(read_file, reversed(parts))), numbered(2000), "parts")


@case
def a_program_that_is_gone(pump):
    """Stopped as a whole while it works: nobody has read its last lines when it ends."""
    program = Program(pump, "gone", "echo unheard; echo last words").start(tell=False)
    wait_for(lambda: not os.path.exists(f"/proc/{program.pid}"), "end")
    pump.tell("pid", "gone", program.pid)
    program.ended().wait_lines(b"unheard\nlast words\n", "journalctl -u")


@case
def last_words_are_never_missed(pump):
    """However late journald looks at the pid: journalctl -u shows every line."""
    programs = [Program(pump, f"short{number}", f"sleep 1; echo last words of {number}", user=NOBODY if number % 2 else None)
                for number in range(60)]
    for program in programs:
        program.start()
    for number, program in enumerate(programs):
        program.ended().wait_lines(b"last words of %d\n" % number, f"journalctl -u of {number}")
    own = journal("-u", "supervisor:short*", "SUPERVISOR_STREAM=stdout", output="export").count(b"\n_SYSTEMD_UNIT=supervisor:")
    print(f"{own} of {len(programs)} last words were filed under the unit itself, the others by OBJECT_SYSTEMD_UNIT=")


@case
def journald_restarts_in_between(pump):
    program = Program(pump, "through", "i=0; while [ $i -lt 400 ]; do echo line $i; sleep 0.005; i=$((i+1)); done").start()
    for _ in range(3):
        time.sleep(0.4)
        systemctl("restart", "systemd-journald.service")
    program.ended().wait_lines(numbered(400), "journalctl -u -o cat")
    equal(read_file(program.log), numbered(400), "log file")


@case
def journald_with_its_socket_restarts(pump):
    """The socket itself is made anew: ECONNREFUSED, then ENOENT, then another file of the same name. What is said meanwhile waits. (What
    journald has in its queue when the socket is closed is gone: nobody can know of that.)"""
    wait = f"while [ ! -e {PLACE}/go$1 ]; do sleep 0.01; done"
    program = Program(pump, "socket", f"say() {{ {wait}; i=0; while [ $i -lt 50 ]; do echo line $i; sleep 0.002; i=$((i+1)); done; }}; "
                      "say 1; say 2; say 3; exec sleep 1000").start()
    go = lambda number: open(f"{PLACE}/go{number}", "wb").close()  # noqa: E731
    go(1)
    program.wait_lines(numbered(50), "before")
    systemctl("stop", "systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket",
              "systemd-journald-audit.socket")
    go(2)
    wait_for(lambda: read_file(program.log) == numbered(50) * 2, "the file goes on")
    systemctl("start", "systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald.service")
    go(3)
    program.wait_lines(numbered(50) * 3, "journalctl -u -o cat")


@case
def journald_hangs(pump):
    journald = int(run("systemctl", "show", "-P", "MainPID", "systemd-journald.service"))
    program = Program(pump, "hung", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; exec sleep 1000").start()
    os.kill(journald, signal.SIGSTOP)
    try:
        wait_for(lambda: os.path.getsize(program.log) == len(numbered(3000)), "whole file while journald hangs")
        # The loop is not blocked: it answers.
        pump.tell("pid", "hung", program.pid)
    finally:
        os.kill(journald, signal.SIGCONT)
    program.wait_lines(numbered(3000), "journalctl -u -o cat")


@case
def without_a_file(pump):
    program = Program(pump, "fileless", "i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done", log=False).start()
    program.ended().wait_lines(numbered(1000), "journalctl -u -o cat")


@case
def another_user_opens_it_again(pump):
    program = Program(pump, "nobody", "echo one; echo two >/dev/stdout; exec sleep 1000", user=NOBODY).start()
    program.wait_lines(b"one\ntwo\n", "journalctl -u")
    equal(journal(f"_PID={program.pid}"), b"one\ntwo\n", "journalctl _PID=")


@case
def unprivileged(_):
    """A bridge of a user's own: entries go under its pid, and `journalctl --user-unit` of that user finds them."""
    place = f"{PLACE}/user"
    os.mkdir(place, 0o755)
    os.chown(place, NOBODY, NOBODY)
    as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    pump = Pump(*as_user)
    pump.tell("add", "mine", "supervisor:mine.service", "stdout", f"{place}/fifo", f"{place}/log", 0, "-", "user")
    pump.tell("pid", "mine", os.getpid())
    with open(f"{place}/fifo", "wb") as fifo:
        fifo.write(numbered(100))
    pump.tell("drain", "mine")
    equal(read_file(f"{place}/log"), numbered(100), "log file")
    group = next(line.split(":")[2] for line in open("/etc/group", encoding="utf-8") if line.startswith("systemd-journal:"))
    reader = [*as_user[:-1], f"--groups={group}", "journalctl", "-q", "-o", "cat",
              "--user-unit", "supervisor:mine.service"]

    def shown():
        subprocess.run(["journalctl", "--sync"], check=True)
        return subprocess.run(reader, check=True, capture_output=True).stdout
    wait_for(lambda: shown() == numbered(100), "journalctl --user-unit")
    pump.end()


def main():
    pump = Pump()
    failed = 0
    for function in cases:
        try:
            function(pump)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED: {function.__name__.replace('_', ' ')}", flush=True)
            traceback.print_exc(file=sys.stdout)
    pump.end()
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
