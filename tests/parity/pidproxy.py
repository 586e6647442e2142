#!/usr/bin/python3
"""Ours and the oracle's pidproxy side by side: every case runs with both at the same time and must do the same."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import tempfile
import time

ORACLE = ["/usr/bin/python3", "-u", "-c", "from supervisor.pidproxy import main; main()"]
OURS = [os.path.abspath(sys.argv[1])]
cases = []


def case(function):
    cases.append(function)
    return function


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


class Proxy:
    """One pidproxy in a directory of its own. The command notes its arguments and signals."""

    COMMAND = """#!/usr/bin/python3
import os, signal, sys, time
numbers = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2]
def note(*what):
    with open("notes", "a") as file:
        print(*what, file=file)
for number in numbers:
    signal.signal(number, lambda number, frame: note("got", signal.Signals(number).name))
note("arguments", *sys.argv)
note("blocked", *[line for line in open("/proc/self/status") if line.startswith(("SigBlk", "SigIgn"))])
with open("pid.new", "w") as file:
    file.write(f" {os.getpid()}\\n")
os.rename("pid.new", "pid")
# Python does not see a signal that comes just before it sleeps: not for long.
for _ in range(1200):
    time.sleep(0.05)
"""

    def __init__(self, program, directory, pidfile="pid", command="./bin/../command"):
        self.directory = directory
        os.mkdir(f"{directory}/bin")
        with open(f"{directory}/command", "w") as file:
            file.write(self.COMMAND)
        os.chmod(f"{directory}/command", 0o755)
        self.begun = time.monotonic()
        # Not a pipe: the command may outlive the proxy.
        with open(f"{directory}/output", "w") as output:
            self.process = subprocess.Popen([*program, pidfile, command, "a b", ""], cwd=directory, stdout=output,
                                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def notes(self):
        try:
            with open(f"{self.directory}/notes") as file:
                return file.read().replace(os.path.realpath(self.directory), "HERE")
        except FileNotFoundError:
            return ""

    def pid(self):
        with open(f"{self.directory}/pid") as file:
            return int(file.read())

    def wait_ready(self):
        wait_for(lambda: os.path.exists(f"{self.directory}/pid"), 10, "command")
        return self

    def sleeps(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "S"

    def signal(self, name):
        """Python sees a signal that comes just before it goes to sleep only when the five seconds are over."""
        wait_for(self.sleeps, 5, "sleep")
        self.process.send_signal(getattr(signal, "SIG" + name))

    def send(self, *names):
        for name in names:
            got = len(self.notes())
            self.signal(name)
            wait_for(lambda got=got: len(self.notes()) > got, 5, f"{name} passed on")

    def result(self):
        """Exit status, output, notes, and seconds until the end to the nearest five: how often it looks."""
        self.process.wait(timeout=30)
        seconds = 5 * round((time.monotonic() - self.begun) / 5)
        return self.process.returncode, self.output(), self.notes(), seconds

    def output(self):
        with open(f"{self.directory}/output") as file:
            return file.read()

    def clean(self):
        self.process.kill()
        try:
            os.kill(self.pid(), signal.SIGKILL)
        except (OSError, ValueError):
            pass


@case
def passes_signals_on(proxy):
    proxy.wait_ready().send("HUP", "USR1", "USR2", "HUP")
    proxy.send("TERM")
    return proxy.result()


@case
def ends_after_int(proxy):
    proxy.wait_ready().send("INT")
    return proxy.result()


@case
def ends_after_quit(proxy):
    proxy.wait_ready().send("QUIT")
    return proxy.result()


@case
def ends_some_time_after_the_command(proxy):
    proxy.wait_ready()
    os.kill(proxy.pid(), signal.SIGKILL)
    return proxy.result()


@case
def signals_do_not_change_when_it_looks(proxy):
    proxy.wait_ready().send("HUP")
    os.kill(proxy.pid(), signal.SIGKILL)
    return proxy.result()


def unreadable(text):
    def check(proxy):
        proxy.wait_ready()
        path = f"{proxy.directory}/pid"
        pid = proxy.pid()
        os.unlink(path)
        if text is not None:
            with open(path, "w") as file:
                file.write(text)
        for count, name in enumerate(("TERM", "HUP"), 1):
            proxy.signal(name)
            wait_for(lambda count=count: proxy.output().count("\n") == count, 5, "message")
        os.kill(pid, signal.SIGKILL)
        return proxy.result()[:3]
    check.__name__ = f"pidfile {text!r}"
    cases.append(check)


for broken in (None, "", "x", "12 13", "0x12", "1.5"):
    unreadable(broken)


@case
def process_that_is_gone(proxy):
    proxy.wait_ready()
    pid = proxy.pid()
    with open(f"{proxy.directory}/pid", "w") as file:
        file.write("4194304")
    proxy.signal("USR1")
    status = proxy.result()[:3]
    os.kill(pid, signal.SIGKILL)
    return status


@case
def sign_and_white_space(proxy):
    proxy.wait_ready()
    pid = proxy.pid()
    with open(f"{proxy.directory}/pid", "w") as file:
        file.write(f"\n\t +{pid}  \n\n")
    proxy.send("HUP")
    os.kill(pid, signal.SIGKILL)
    return proxy.result()


def missing_command(proxy):
    return proxy.result()


def not_in_path(proxy):
    return proxy.result()


cases += [missing_command, not_in_path]
COMMANDS = {missing_command: "/no/such/command", not_in_path: "true"}


def usage(program, arguments):
    """The words are ours; status and stream are the oracle's."""
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, bool(done.stdout), bool(done.stderr)


def run_case(function, program):
    with tempfile.TemporaryDirectory() as directory:
        proxy = Proxy(program, directory, command=COMMANDS.get(function, "./bin/../command"))
        try:
            return function(proxy)
        finally:
            proxy.clean()


def main():
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(2 * len(cases)) as pool:
        rows = [(function.__name__, pool.submit(run_case, function, ORACLE), pool.submit(run_case, function, OURS))
                for function in cases]
        rows += [(f"usage {arguments}", pool.submit(usage, ORACLE, arguments), pool.submit(usage, OURS, arguments))
                 for arguments in ([], ["pidfile"])]
        for name, *both in rows:
            try:
                oracle, ours = [future.result() for future in both]
            except Exception as problem:  # pylint: disable=broad-except
                oracle, ours = "nothing", repr(problem)
            if oracle == ours:
                passed += 1
                continue
            failed += 1
            print(f"{name}:\n  oracle: {oracle}\n  ours:   {ours}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
