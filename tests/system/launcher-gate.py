#!/usr/bin/python3
"""supersede-exec and supersede-gate alone under a real systemd: starts, backoff, giving up, stops. Runs inside a box.

    launcher-gate.py EXEC GATE [--user]     --user: as somebody, in the units of his own systemd
"""

import concurrent.futures
import grp
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launched import MANAGER, PATIENCE, RUNTIME, Launched, run, wait_for  # noqa: E402

LAUNCHER, GATE = sys.argv[1:3]
SOMEBODY = 4001
NOTE = "date +%s.%N >>STARTS; "
# A busy machine is late, never early; a second more would be the next step of the backoff.
TOLERANCE = 0.9
DEAD = ("inactive/dead", "failed/failed")
cases = []


def case(function):
    cases.append((function.__name__.replace("_", " "), function))
    return function


def for_each(*values):
    def decorate(function):
        for value in values:
            cases.append((f"{function.__name__.replace('_', ' ')}: {value}", lambda value=value: function(value)))
        return function
    return decorate


def program(name, script, **keywords):
    return Launched(name, LAUNCHER, GATE, f"sh -c '{NOTE}{script}'", **keywords)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


class Yardstick(threading.Thread):
    """How late this machine is at its worst: what it takes beyond its time to sleep a little and to run a program that does nothing.
    All that is measured here takes several programs and several turns of systemd, so it may be late by a few times that."""

    def __init__(self):
        super().__init__(daemon=True)
        self.late = 0.0

    def run(self):
        while True:
            begun = time.monotonic()
            time.sleep(0.1)
            subprocess.run(["true"], check=True)
            self.late = max(self.late, time.monotonic() - begun - 0.1)


yardstick = Yardstick()


class Late(AssertionError):
    """The machine's fault as likely as ours: seen once more, alone."""


def near(got, wanted, what):
    tolerance = TOLERANCE + (5 * yardstick.late if yardstick.late > 0.1 else 0)
    if not wanted - 0.2 <= got <= wanted + tolerance:
        kind = Late if got > wanted else AssertionError
        raise kind(f"{what}: {got:.3f} s instead of {wanted} s, up to {tolerance:.3f} s later")


def intervals(process, wanted):
    starts = process.starts()
    equal(len(starts), len(wanted) + 1, "starts")
    for i, pause in enumerate(wanted):
        near(starts[i + 1] - starts[i], pause, f"wait before start {i + 2}")


def gave_up(process):
    """The unit is at rest for good, with the mark."""
    process.wait_state(*DEAD)
    count = len(process.starts())
    equal(process.companion(".failures"), None, "failure count after giving up")
    if len(process.companion(".fatal") or "") != 32:
        raise AssertionError(f"mark: {process.companion('.fatal')!r}")
    # Long enough for one more restart, whatever RestartSec is.
    time.sleep(1.3)
    equal(process.state() in DEAD, True, "at rest")
    equal(len(process.starts()), count, "starts after giving up")


@case
def runs_fine():
    process = program("fine", "exec sleep 1000").start()
    process.wait_starts(1)
    state, control, pid = process.show("SubState", "ControlPID", "MainPID")
    equal(state, "start-post", "state before startsecs")
    process.wait_state("active/running")
    near(time.time() - process.starts()[0], 1, "STARTING")
    equal(os.readlink(f"/proc/{pid}/exe"), os.path.realpath("/usr/bin/sleep"), "main process")
    equal(process.show("MainPID"), [pid])
    equal([process.companion(suffix) for suffix in (".failures", ".spawnerr", ".fatal")], [None] * 3)
    process.stop()
    equal(process.show("ActiveState", "Result"), ["inactive", "success"])


@for_each("true", "unexpected", "false")
def dies_at_once(autorestart):
    process = program(f"dies-{autorestart}", "exit 1", autorestart=autorestart).start()
    for failures in (1, 2, 3):
        wait_for(lambda: process.companion(".failures") == f"{failures}\n", f"count {failures}")
        process.wait_state("activating/start-post")
        pid, = process.show("MainPID")
        if pid != "0":
            raise Late(f"a main process in BACKOFF, or of the start after failure {failures}")
    process.wait_starts(4)
    gave_up(process)
    intervals(process, [1, 2, 3])


@for_each("true", "unexpected", "false")
def ends_well_before_startsecs(autorestart):
    process = program(f"early-{autorestart}", "sleep 0.5; exit 0", autorestart=autorestart, startretries=1).start()
    process.wait_starts(2)
    gave_up(process)
    intervals(process, [1.5])


@case
def startretries_0():
    process = program("noretry", "exit 3", startretries=0).start()
    process.wait_starts(1)
    gave_up(process)
    intervals(process, [])


@case
def the_mark_holds_the_invocation():
    process = program("mark", "printf %s $INVOCATION_ID; exit 3", startretries=0).start()
    wait_for(lambda: process.companion(".fatal"), "mark")
    equal(process.wait_state(*DEAD), "failed/failed")
    equal(process.show("InvocationID"), [process.companion(".fatal")])


def spawn_error(name, command, message, **keywords):
    process = Launched(name, LAUNCHER, GATE, command, startretries=1, **keywords).start()
    wait_for(lambda: process.companion(".failures") == "1\n", "first failure")
    equal(process.companion(".spawnerr"), message)
    equal(os.stat(process.path + ".spawnerr").st_mode & 0o7777, 0o600)
    begun = time.time()
    wait_for(lambda: process.companion(".fatal"), "mark")
    near(time.time() - begun, 1, "BACKOFF")
    gave_up(process)


@for_each(0, 1, 5)
def missing_command(startsecs):
    spawn_error(f"missing-{startsecs}", "/no/such/command x", "can't find command '/no/such/command'",
                startsecs=startsecs)


@for_each(0, 1)
def not_executable(startsecs):
    spawn_error(f"noexec-{startsecs}", "/etc/passwd", "command at '/etc/passwd' is not executable",
                startsecs=startsecs)


@case
def command_is_a_directory():
    spawn_error("directory", "/etc", "command at '/etc' is a directory", startsecs=0)


@case
def command_that_cannot_be_split():
    spawn_error("split", "echo \"it's", "can't parse command 'echo \"it\\'s': No closing quotation", startsecs=0)


@case
def fifo_that_is_missing():
    spawn_error("nofifo", "sleep 1000", "unknown error making dispatchers for 'nofifo': ENOENT", startsecs=0,
                stdout_path=f"{RUNTIME}/nofifo.out")


@case
def command_appears_during_backoff():
    path = f"{RUNTIME}/late-program"
    process = Launched("late", LAUNCHER, GATE, path).start()
    wait_for(lambda: process.companion(".failures") == "1\n", "first failure")
    with open(path, "w") as file:
        file.write("#!/bin/sh\nexec sleep 1000\n")
    os.chmod(path, 0o755)
    process.wait_state("active/running")
    equal([process.companion(suffix) for suffix in (".failures", ".spawnerr")], [None] * 2)
    process.stop()


AFTER = {  # autorestart, exit status, started again?
    "true 0": True, "true 7": True, "unexpected 0": False, "unexpected 7": True, "false 0": False, "false 7": False,
    "unexpected TERM": True, "unexpected KILL": True, "false TERM": False, "false KILL": False, "true TERM": True,
}


@for_each(*AFTER)
def dies_after_startsecs(text):
    """Its first life ends when it is told to, so that however late a machine is RUNNING has been seen; the next one stays."""
    autorestart, how = text.split()
    name = "after-" + text.replace(" ", "-")
    go = f"{RUNTIME}/{name}.go"
    end = f"exit {how}" if how.isdigit() else f"kill -{how} $$; sleep 9"
    script = f"test $(wc -l <STARTS) -lt 2 || exec sleep 1000; until test -e {go}; do sleep 0.02; done; {end}"
    process = program(name, script, autorestart=autorestart).start()
    process.wait_state("active/running")
    with open(go, "w"):
        pass
    if AFTER[text]:
        process.wait_starts(2)
        process.wait_state("active/running")
        equal(len(process.starts()), 2, "starts")
        equal(process.companion(".failures"), None)
        process.stop()
        return
    process.wait_state(*DEAD)
    time.sleep(1.3)
    equal(len(process.starts()), 1, "starts")
    equal(process.companion(".fatal"), None)


@case
def exit_0_that_is_not_expected():
    process = program("zero", "sleep 1.2; exit 0", exitcodes=(2,)).start()
    process.wait_starts(2)
    process.stop()


@case
def startsecs_0_stays():
    process = program("zero-stays", "exec sleep 1000", startsecs=0).start()
    process.wait_state("active/running")
    near(time.time() - process.started, 0, "STARTING")
    pid, = process.show("MainPID")
    equal(os.readlink(f"/proc/{pid}/exe").rsplit("/", 1)[1] in ("dash", "sh", "sleep"), True, "main process")
    process.stop()


@for_each("true", "unexpected", "false")
def startsecs_0_dies(autorestart):
    """An end is never too quick; what follows is autorestart's business, one second later."""
    process = program(f"zero-{autorestart}", "exit 0", startsecs=0, autorestart=autorestart).start()
    process.wait_starts(1)
    if autorestart == "true":
        process.wait_starts(2)
        near(process.starts()[1] - process.starts()[0], 1, "RestartSec")
        process.stop()
    process.wait_state(*DEAD)
    equal([process.companion(suffix) for suffix in (".failures", ".fatal")], [None] * 2)


@case
def success_forgets_failures():
    script = "test $(wc -l <STARTS) -ge 3 || exit 1; sleep 1.3; exit 1"
    process = program("forgets", script.replace("STARTS", f"{RUNTIME}/forgets.starts"), startretries=2).start()
    process.wait_starts(4)
    starts = process.starts()
    near(starts[1] - starts[0], 1, "first wait")
    near(starts[2] - starts[1], 2, "second wait")
    near(starts[3] - starts[2], 1.3, "restart after RUNNING")
    process.stop()


@case
def daemon_reload_in_a_backoff():
    process = program("reload", "exit 1", startretries=2).start()
    for failures in (1, 2):
        wait_for(lambda: process.companion(".failures") == f"{failures}\n", f"count {failures}")
        process.systemctl("daemon-reload")
        # Slow as a reload can be, the wait may be over by then.
        equal(process.state() in ("activating/start-post", "activating/auto-restart"), True, "still in BACKOFF")
    process.wait_starts(3)
    gave_up(process)
    intervals(process, [1, 2])


@for_each(15, 1, 10, 28, 3)
def stop_in_a_backoff(stopsignal):
    process = program(f"stop-backoff-{stopsignal}", "exit 0", stopsignal=stopsignal).start()
    wait_for(lambda: process.companion(".failures") == "2\n", "second failure")
    begun = time.monotonic()
    process.stop()
    near(time.monotonic() - begun, 0, "stop")
    equal(process.show("ActiveState", "Result"), ["inactive", "success"])
    # The oracle forgets its count only when a program stays up or it gives up.
    equal(process.companion(".failures"), "2\n")
    equal(process.companion(".fatal"), None)
    time.sleep(2.2)
    equal(len(process.starts()), 2, "starts after the stop")


@for_each(15, 10)
def stop_while_starting(stopsignal):
    # It notes its start when it is ready for the signal.
    command = f"sh -c 'trap \"exit 0\" TERM USR1; {NOTE}sleep 1000 & wait'"
    process = Launched(f"stop-starting-{stopsignal}", LAUNCHER, GATE, command, startsecs=30, stopsignal=stopsignal).start()
    process.wait_starts(1)
    # The gate has to be, too: newer versions of systemd execute a program of theirs first, which any signal ends.
    control = int(process.show("ControlPID")[0])
    wait_for(lambda: caught_signals(control) >> (stopsignal - 1) & 1, "the gate's handler")
    process.stop()
    equal(process.show("ActiveState", "Result"), ["inactive", "success"])
    equal(process.companion(".failures"), None)
    equal(len(process.starts()), 1)


@case
def start_again_after_giving_up():
    process = program("again", "exit 1", startretries=0).start()
    wait_for(lambda: process.companion(".fatal"), "mark")
    process.wait_state("failed/failed")
    process.systemctl("reset-failed", process.unit)
    os.unlink(process.path)
    process = program("again", "exec sleep 1000").start()
    process.wait_state("active/running")
    equal(process.companion(".fatal"), None, "mark after a new start")
    process.stop()


@case
def unreadable_spec():
    process = program("unreadable", "exit 0", autorestart="false")
    os.truncate(process.path, os.stat(process.path).st_size - 1)
    process.start()
    lines = {f"supersede-{name}: cannot read {process.path}: Bad message" for name in ("exec", "gate")}
    wait_for(lambda: lines <= set(process.complaints()), "both lines")
    process.stop()
    equal(sorted(process.complaints()), sorted(lines), "each once")


def gate(path, main, **keywords):
    """The gate as a child of ours, as main processes are: to it we are systemd."""
    environment = {"INVOCATION_ID": "0" * 32, "PATH": "/nowhere"}
    if main is not None:
        environment["MAINPID"] = str(main)
    return subprocess.Popen([GATE, path], env=environment, **keywords)


@case
def main_process_is_gone_already():
    process = program("gone", "exit 0")
    child = subprocess.Popen(["true"])
    child.wait()
    stranger = int(run("sh", "-c", "sleep 5 >/dev/null 2>&1 & echo $!"))  # not a child of the gate's parent
    for count, main in enumerate((None, "", "x", "0", "1", child.pid, 4194304, stranger, -3)):
        if os.path.exists(process.path + ".failures"):
            os.unlink(process.path + ".failures")
        begun = time.monotonic()
        equal(gate(process.path, main).wait(PATIENCE), -(signal.SIGRTMIN + 1), f"MAINPID={main}")
        near(time.monotonic() - begun, 1, f"MAINPID={main}")
        equal(process.companion(".failures"), "1\n")


@case
def a_zombie_is_dead():
    process = program("zombie", "exit 0")
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    equal(gate(process.path, child.pid).wait(PATIENCE), -(signal.SIGRTMIN + 1))
    child.wait()


@case
def time_counts_from_the_start_of_the_program():
    process = program("counts", "exit 0", startsecs=2)
    child = subprocess.Popen(["sleep", "1000"])
    begun = time.monotonic()
    time.sleep(1.2)
    equal(gate(process.path, child.pid).wait(PATIENCE), 0)
    lived = time.monotonic() - begun
    child.kill()
    child.wait()
    if lived < 2:
        raise AssertionError(f"RUNNING after {lived:.3f} s")
    # Counted from the gate's own start it would be 3.2.
    near(lived, 2, "RUNNING")


def caught_signals(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith("SigCgt:"))


def not_yet_the_program(name, prepare, *argv):
    """What the main process is before it is the program does not count, with startsecs=0 either."""
    process = program(name, "exit 0", startsecs=0)
    child = subprocess.Popen(argv)
    waiting = gate(process.path, child.pid)
    prepare()
    wait_for(lambda: os.path.exists(f"/proc/{waiting.pid}") and caught_signals(waiting.pid), "handlers")
    time.sleep(0.2)
    equal(waiting.poll(), None, "before the program")
    with open(f"{RUNTIME}/{name}.go", "w"):
        pass
    equal(waiting.wait(PATIENCE), 0)
    equal(os.readlink(f"/proc/{child.pid}/exe"), os.path.realpath("/usr/bin/sleep"))
    child.kill()
    child.wait()


@for_each("installed", "replaced by an upgrade")
def the_launcher_is_not_the_program(how):
    name = f"launcher-{how[:3]}"
    launcher = f"{RUNTIME}/{name}.bin/supersede-exec"
    os.makedirs(os.path.dirname(launcher))
    run("cp", "/bin/bash", launcher)
    not_yet_the_program(name, (lambda: None) if how == "installed" else (lambda: os.unlink(launcher)), launcher, "-c",
                        f"until test -e {RUNTIME}/{name}.go; do read -t 0.01 <> <(:); done; exec sleep 1000")


@case
def a_copy_of_systemd_is_not_the_program():
    """To this gate the interpreter that runs the test is its manager."""
    wait = f"import os, time\nwhile not os.path.exists('{RUNTIME}/copy.go'): time.sleep(0.01)\n"
    not_yet_the_program("copy", lambda: None, sys.executable, "-c", wait + "os.execlp('sleep', 'sleep', '1000')")


@case
def a_launcher_that_fails_late():
    process = program("fails-late", "exit 0", startsecs=0)
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    waiting = gate(process.path, child.pid)
    wait_for(lambda: caught_signals(waiting.pid), "handlers")
    with open(process.path + ".spawnerr", "w") as file:
        file.write("why")
    child.stdin.close()
    # RestartSec of such a unit is the pause of a second.
    equal(waiting.wait(PATIENCE), -(signal.SIGRTMIN + 1))
    equal(process.companion(".failures"), "1\n")
    child.wait()


@case
def a_stopped_gate_that_looks_late():
    """As in the oracle the moment of looking decides: a death noticed after startsecs was not too quick."""
    process = program("late-look", "exit 0")
    child = subprocess.Popen(["sleep", "0.5"])
    waiting = gate(process.path, child.pid)
    os.kill(waiting.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    time.sleep(0.8)
    os.kill(waiting.pid, signal.SIGCONT)
    equal(waiting.wait(PATIENCE), 0)
    child.wait()


@for_each("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "ABRT")
def the_gate_ends_quietly_by(name):
    process = program(f"quiet-{name}", "exit 0", startsecs=1000)
    child = subprocess.Popen(["sleep", "1000"])
    waiting = gate(process.path, child.pid, stderr=subprocess.PIPE)
    number = getattr(signal, "SIG" + name)
    wait_for(lambda: caught_signals(waiting.pid) >> (number - 1) & 1, "handler")
    waiting.send_signal(number)
    equal((waiting.wait(PATIENCE), waiting.stderr.read()), (0, b""))
    equal(process.companion(".failures"), None)
    child.kill()
    child.wait()


def daemon_reexec():
    """Alone: systemctl of the others would lose its connection."""
    waiting = program("reexec-backoff", "exit 1", startretries=1).start()
    starting = program("reexec-starting", "exec sleep 1000", startsecs=2).start()
    fine = program("reexec-fine", "exec sleep 1000", startsecs=0).start()
    wait_for(lambda: waiting.companion(".failures") == "1\n" and starting.starts() and fine.starts(), "starts")
    pids = [process.show("MainPID") for process in (starting, fine)]
    waiting.systemctl("daemon-reexec")
    waiting.wait_starts(2)
    starting.wait_state("active/running")
    near(time.time() - starting.starts()[0], 2, "STARTING")
    equal([process.show("MainPID") for process in (starting, fine)], pids)
    gave_up(waiting)
    intervals(waiting, [1])
    starting.stop()
    fine.stop()


def become_somebody():
    """A user whose systemd runs, as that of somebody who has logged in does. The tree may be where only root can look."""
    place = "/usr/local/lib/launcher-gate"
    here = os.path.dirname(os.path.abspath(__file__))
    run("install", "-D", "-t", place, LAUNCHER, GATE, __file__, f"{here}/launched.py")
    run("useradd", "--uid", str(SOMEBODY), "--no-create-home", "somebody")
    run("systemctl", "start", f"user@{SOMEBODY}.service")
    os.setgroups([grp.getgrnam("systemd-journal").gr_gid])
    os.setgid(SOMEBODY)
    os.setuid(SOMEBODY)
    os.environ["XDG_RUNTIME_DIR"] = f"/run/user/{SOMEBODY}"
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
    names = [os.path.basename(path) for path in (__file__, LAUNCHER, GATE)]
    os.execv(sys.executable, [sys.executable, *(f"{place}/{name}" for name in names)])


def problems(chosen, beside):
    """{name: what went wrong, or None}"""
    with concurrent.futures.ThreadPoolExecutor(beside) as pool:
        results = {name: pool.submit(function) for name, function in chosen}
    return {name: result.exception() for name, result in results.items()}


def start_afresh():
    """Nothing is left of the cases so far, but what they have written can still be read."""
    subprocess.run(["systemctl", MANAGER, "stop", "test:*"], check=False)
    subprocess.run(["systemctl", MANAGER, "reset-failed", "test:*"], check=False)
    os.rename(RUNTIME, f"{RUNTIME}.{time.monotonic_ns()}")


def main():
    if "--user" in sys.argv:
        become_somebody()
    failed = 0
    yardstick.start()
    results = problems(cases, 10)
    alone = ("daemon-reexec", daemon_reexec)
    results |= problems([alone], 1)
    for _ in range(2):
        late = [(name, function) for name, function in [*cases, alone] if isinstance(results[name], Late)]
        if not late:
            break
        print("again, alone:", *(f"{name}: {results[name]};" for name, _ in late), flush=True)
        start_afresh()
        results |= problems(late, 1)
    for name, problem in results.items():
        if not problem:
            print(f"ok - {name}")
            continue
        failed += 1
        where = traceback.extract_tb(problem.__traceback__)
        lines = [row.lineno for row in where if row.filename == __file__]
        print(f"not ok - {name}: {problem} (lines {lines})")
        if isinstance(problem, subprocess.CalledProcessError):
            print(problem.stderr)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
