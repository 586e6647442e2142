#!/usr/bin/python3
"""The properties of translator/mapping.c in a real systemd: accepted, kept over daemon-reload, equal to the unit as
text, and doing with programs what Supervisor does. Runs inside a box."""

import concurrent.futures
import os
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from launched import Launched, run, wait_for  # noqa: E402

MAPPED, LAUNCHER, GATE = sys.argv[1:]
RUNTIME = "/run/supersede/mapped"
LIBEXEC = os.path.dirname(LAUNCHER)
DEAD = ("inactive/dead", "failed/failed")
# A daemon-reload concerns every unit, so it is told apart which cases run beside others and which alone.
beside, alone = [], []


def case(cases, *values):
    """Decorates a case, once per value when there are values."""
    def decorate(function):
        name = function.__name__.replace("_", " ")
        for value in values:
            cases.append((f"{name}: {value}", lambda value=value: function(value)))
        if not values:
            cases.append((name, function))
        return function
    return decorate


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


class Mapped(Launched):
    """A program with the unit that mapping.c gives it."""

    def __init__(self, name, command, unit=None, slice="mapped-group.slice", options=None, **spec):
        options = options or {}
        startsecs = int(options.get("startsecs", 1))
        super().__init__(name, LAUNCHER, GATE, command, runtime=f"{RUNTIME}/process", startsecs=startsecs, **spec)
        self.unit = unit or f"mapped:{name}.service"
        self.go = f"{self.path}.go"
        properties, _, self.text = run(
            MAPPED, self.unit, slice, LIBEXEC, RUNTIME, name, *(f"{key}={value}" for key, value in options.items())
        ).partition("\n\n")
        rows = [line.split("\t") for line in properties.split("\n")]
        self.properties = [(row[0], row[1:]) for row in rows]
        with open(self.path, "rb") as file:
            spec = file.read().replace(b"unit=test:" + name.encode() + b".service\0", b"unit=" + self.unit.encode() + b"\0")
        with open(self.path, "wb") as file:
            file.write(spec)

    def shown(self):
        """Every property that was set, as systemd shows it."""
        names = sorted(name for name, _ in self.properties) + ["DropInPaths", "LoadState", "LoadError"]
        lines = [line for line in self.systemctl("show", "-p", ",".join(names), self.unit).splitlines()
                 # Of a command only what was asked for, not when it was run.
                 if not line.startswith("Exec")]
        for name in ("ExecStart", "ExecStartPost"):
            value, = self.show(name)
            lines.append(f"{name}={value.partition(' ; start_time=')[0]}")
        return lines

    def pid(self):
        return int(self.show("MainPID")[0])

    def forget(self):
        """Of a unit that has failed systemd keeps the properties, until this."""
        if self.show("ActiveState") == ["failed"]:
            self.systemctl("reset-failed", self.unit)

    def end(self, how):
        """Makes a program that was started with TOLD end: an exit code or a signal."""
        if how.isdigit():
            with open(self.go + ".new", "w") as file:
                file.write(how)
            os.rename(self.go + ".new", self.go)
        else:
            self.systemctl("kill", "--kill-who=main", f"--signal={how}", self.unit)


def told(name, **keywords):
    """A program that notes its start and ends with the code that end() names."""
    go = f"{RUNTIME}/process/{name}.go"
    script = f"date +%s.%N >>STARTS; while ! test -e {go}; do sleep 0.05; done; read code <{go}; rm {go}; exit $code"
    return Mapped(name, f"sh -c '{script}'", **keywords)


def complaints(path):
    """systemd names file and line of what it cannot read."""
    lines = run("journalctl", "-b", "_PID=1", "-o", "cat").splitlines()
    equal([line for line in lines if path + ":" in line], [], "complaints")


CONFIGURATIONS = {
    "defaults": {},
    "true": {"autorestart": "true"},
    "false": {"autorestart": "false"},
    "no codes": {"exitcodes": ""},
    "codes": {"exitcodes": "2,7,255"},
    "stop": {"stopsignal": "3", "stopwaitsecs": "0", "stopasgroup": "true"},
    "long": {"stopwaitsecs": "99999999999", "startsecs": "0"},
    "for ever": {"stopwaitsecs": str(2**63 - 1)},
    "no signal": {"stopsignal": "0", "stopwaitsecs": "1"},
    "name": {"name": "50% \"$x\" é it's \\"},
}


def start_configurations(prefix):
    processes = {which: Mapped(prefix + which.replace(" ", "-"), "sleep 1000", options=options).start()
                 for which, options in CONFIGURATIONS.items()}
    for process in processes.values():
        process.wait_state("active/running")
    return processes


@case(alone)
def properties_are_kept():
    """Over daemon-reload and daemon-reexec, when systemd reads back what it wrote."""
    processes = start_configurations("kept-")
    before = {which: process.shown() for which, process in processes.items()}
    for command in ("daemon-reload", "daemon-reload", "daemon-reexec"):
        run("systemctl", command)
        for which, process in processes.items():
            equal(process.shown(), before[which], f"{which} after {command}")
    for process in processes.values():
        equal(process.show("NeedDaemonReload"), ["no"])
        complaints(f"/run/systemd/transient/{process.unit}")
        process.stop()


@case(alone)
def text_is_the_same_unit():
    """`supersede show` says in a unit file what StartTransientUnit was asked for."""
    processes = start_configurations("text-")
    transient = {which: process.shown() for which, process in processes.items()}
    paths = {which: f"/run/systemd/system/{process.unit}" for which, process in processes.items()}
    for which, process in processes.items():
        process.stop()
        process.forget()
        with open(paths[which], "w", encoding="utf-8") as file:
            file.write(process.text)
    run("systemctl", "daemon-reload")
    for which, process in processes.items():
        equal(process.show("FragmentPath", "LoadState"), [paths[which], "loaded"])
        equal(process.shown(), transient[which], which)
        process.systemctl("start", process.unit)
        equal(process.state(), "active/running")
        process.stop()
        complaints(paths[which])
        os.unlink(paths[which])
    run("systemctl", "daemon-reload")


@case(beside)
def what_systemd_understands():
    process = Mapped("understood", "sleep 1000", options={"exitcodes": "0,2", "stopsignal": "10"}).start()
    process.wait_state("active/running")
    for name, value in {
            "Type": "simple", "Restart": "on-failure", "RestartUSec": "0", "TimeoutStartUSec": "infinity",
            "TimeoutStopUSec": "10s", "StartLimitIntervalUSec": "0", "KillMode": "mixed", "KillSignal": "10",
            "SendSIGKILL": "yes", "SuccessExitStatus": "0 2", "RestartForceExitStatus": "HUP INT PIPE TERM",
            "TasksMax": "infinity", "MemoryAccounting": "yes", "OOMPolicy": "continue", "IgnoreOnIsolate": "yes", "CollectMode": "inactive",
            "StandardInput": "null", "StandardOutput": "null", "StandardError": "journal", "User": "", "Environment": "",
            "DefaultDependencies": "yes", "Transient": "yes", "Description": "understood (Supervisor program)",
    }.items():
        equal(process.show(name), [value], name)
    process.stop()


# autorestart, exitcodes and the end: started again?
ENDS = {}
for how in ("0", "1", "2", "255", "HUP", "INT", "TERM", "PIPE", "KILL", "SEGV", "USR1", "RTMIN+3"):
    ENDS[f"true 0 {how}"] = True
    ENDS[f"false 0 {how}"] = False
    ENDS[f"unexpected 0,2 {how}"] = how not in ("0", "2")
    ENDS[f"unexpected 2 {how}"] = how != "2"
    ENDS[f"unexpected  {how}"] = True
# sh leaves this one to us; the oracle ignores it in every program.
for key in [key for key in ENDS if key.endswith("PIPE")]:
    del ENDS[key]


def prepare_end(text):
    autorestart, exitcodes, how = text.split(" ")
    name = f"end-{autorestart}-{exitcodes.replace(',', '-')}-{how.replace('+', '-')}"
    return told(name, options={"autorestart": autorestart, "exitcodes": exitcodes, "stopwaitsecs": "1"}), how


@case(alone)
def ends_after_running():
    """Every combination at once, with a daemon-reload between start and end."""
    processes = {text: prepare_end(text) for text in ENDS}
    for process, _ in processes.values():
        process.start()
    for process, _ in processes.values():
        process.wait_state("active/running", seconds=20)
    run("systemctl", "daemon-reload")
    for process, how in processes.values():
        process.end(how)
    wrong = []
    for text, (process, _) in processes.items():
        try:
            if ENDS[text]:
                process.wait_starts(2)
                process.wait_state("active/running", seconds=10)
            else:
                process.wait_state(*DEAD)
        except AssertionError as problem:
            wrong.append(f"{text}: {problem}")
    time.sleep(1.3)
    wrong += [f"{text}: {len(process.starts())} starts" for text, (process, _) in processes.items()
              if len(process.starts()) != 1 + ENDS[text]]
    for text, (process, _) in processes.items():
        if ENDS[text]:
            process.stop()
    equal(wrong, [])


@case(beside, *(f"{autorestart} {how}" for autorestart in ("true", "unexpected", "false")
                for how in ("exit 0", "exit 1", "kill -TERM $$; sleep 9", "kill -KILL $$")))
def ends_too_early(text):
    """A death before startsecs is always retried, whatever its kind, and is over at the last one."""
    autorestart, how = text.split(" ", 1)
    name = "early-" + "".join(c if c.isalnum() else "-" for c in text)
    process = Mapped(name, f"sh -c 'date +%s.%N >>STARTS; {how}'", startretries=1, options={"autorestart": autorestart})
    process.start()
    process.wait_starts(2)
    process.wait_state(*DEAD)
    if not process.companion(".fatal"):
        raise AssertionError("no mark")
    time.sleep(1.3)
    equal(len(process.starts()), 2)


@case(beside, "true", "unexpected", "false")
def a_stop_is_a_stop(autorestart):
    """Also for a program that ends with an unexpected code when it is asked to."""
    process = Mapped(f"stop-{autorestart}", "sh -c 'date +%s.%N >>STARTS; trap \"exit 7\" TERM; sleep 1000 & wait'",
                     options={"autorestart": autorestart, "exitcodes": "2"}).start()
    process.wait_state("active/running")
    begun = time.monotonic()
    process.stop()
    if time.monotonic() - begun > 1:
        raise AssertionError("slow")
    time.sleep(1.3)
    equal(process.state() in DEAD, True)
    equal(len(process.starts()), 1)


@case(alone, "0", "1", "3")
def a_program_that_ignores_its_stop_signal(stopwaitsecs):
    process = Mapped(f"ignores-{stopwaitsecs}", "sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'",
                     options={"stopwaitsecs": stopwaitsecs}).start()
    for reload in (False, True):
        process.wait_state("active/running")
        if reload:
            process.systemctl("daemon-reload")
        begun = time.monotonic()
        process.stop()
        took = time.monotonic() - begun
        wanted = max(int(stopwaitsecs), 1)
        if not wanted - 0.05 <= took <= wanted + 0.5:
            raise AssertionError(f"{took:.2f} s instead of {wanted}, reload: {reload}")
        equal(process.show("Result"), ["timeout"])
        process.systemctl("reset-failed", process.unit)
        if not reload:
            process.start()


@case(beside, "false", "true")
def children_at_a_stop(stopasgroup):
    """The stop signal goes to children only with stopasgroup; but nothing outlives a stop."""
    told_file = f"{RUNTIME}/process/children-{stopasgroup}.told"
    child = f"trap \"echo told >{told_file}; exit\" TERM; while :; do sleep 0.05; done"
    with open(f"{RUNTIME}/child-{stopasgroup}", "w") as file:
        file.write(f"#!/bin/sh\n{child}\n")
    os.chmod(f"{RUNTIME}/child-{stopasgroup}", 0o755)
    process = Mapped(f"children-{stopasgroup}",
                     f"sh -c 'trap \"sleep 0.5; exit 0\" TERM; {RUNTIME}/child-{stopasgroup} & while :; do sleep 0.05; done'",
                     options={"stopasgroup": stopasgroup}).start()
    process.wait_state("active/running")
    control_group, = process.show("ControlGroup")
    process.stop()
    equal(os.path.exists(told_file), stopasgroup == "true", "child was told")
    equal(os.path.exists(f"/sys/fs/cgroup{control_group}"), False, "control group is left")


@case(beside, "KILL", "USR1", "QUIT")
def odd_stop_signals(name):
    import signal  # the module's name is a word of these tests
    number = getattr(signal, "SIG" + name)
    process = Mapped(f"signal-{name}", "sleep 1000", options={"stopsignal": str(int(number)), "autorestart": "true"}).start()
    process.wait_state("active/running")
    process.stop()
    equal(process.show("ExecMainStatus"), [str(int(number))])
    equal(process.state() in DEAD, True)


@case(beside)
def stopsignal_0_tells_nothing():
    process = Mapped("signal-0", "sleep 1000", options={"stopsignal": "0", "stopwaitsecs": "1"}).start()
    process.wait_state("active/running")
    begun = time.monotonic()
    process.stop()
    if not 0.9 < time.monotonic() - begun < 1.6:
        raise AssertionError("not after stopwaitsecs")
    equal(process.show("ExecMainStatus"), ["9"])


@case(beside)
def startsecs_0_does_not_burn_the_machine():
    process = Mapped("burn", "sh -c 'date +%s.%N >>STARTS; exit 1'", options={"startsecs": "0"}).start()
    process.wait_starts(3)
    process.stop()
    starts = process.starts()
    for earlier, later in zip(starts, starts[1:]):
        if not 0.95 < later - earlier < 1.6:
            raise AssertionError(f"restart after {later - earlier:.2f} s")


NAMES = {
    "a process of numprocs": "mapped:g:p@3.service",
    "a negative number": "mapped:p@-9223372036854775808.service",
    "escapes": "mapped:a\\x20b\\xc3\\xa9.service",
    "dashes": "my-sup:my-app--x-.service",
    "the longest": "mapped:" + "x" * 205 + ".service",
}


@case(beside, *NAMES)
def names(which):
    """systemd and journald take every form of name, with all that they keep about a unit in files of its name."""
    unit = NAMES[which]
    stem = "".join(c if c.isalnum() or c in ":@-." else "=" for c in unit)[:190]
    process = Mapped(stem, "sh -c 'echo hello >&2; exec sleep 1000'", unit=unit,
                     slice="mapped-a\\x2db.slice").start()
    process.wait_state("active/running")
    equal(process.show("Id", "Slice"), [unit, "mapped-a\\x2db.slice"])
    control_group, = process.show("ControlGroup")
    equal(control_group, f"/mapped.slice/mapped-a\\x2db.slice/{unit}")
    equal(os.path.islink(f"/run/systemd/units/invocation:{unit}"), True, "journald knows the invocation")
    process.stop()


@case(beside)
def a_slice_of_one_identifier_alone():
    """"\\x73ystem": an identifier called as a slice of systemd's own."""
    process = Mapped("system-slice", "sleep 1000", slice="\\x73ystem-p.slice").start()
    process.wait_state("active/running")
    equal(process.show("ControlGroup"), [f"/\\x73ystem.slice/\\x73ystem-p.slice/{process.unit}"])
    process.stop()


@case(alone)
def isolate_spares_programs():
    process = Mapped("isolate", "sleep 1000").start()
    process.wait_state("active/running")
    pid = process.pid()
    run("systemctl", "isolate", "multi-user.target")
    equal((process.state(), process.pid()), ("active/running", pid))
    process.stop()


def report(name, function, lock=threading.Lock()):
    try:
        function()
        problem = None
    except Exception as caught:  # pylint: disable=broad-except
        problem = caught
    with lock:
        if problem is None:
            print(f"ok - {name}", flush=True)
            return True
        lines = [row.lineno for row in traceback.extract_tb(problem.__traceback__) if row.filename == __file__]
        print(f"not ok - {name}: {problem} (lines {lines})", flush=True)
        if isinstance(problem, subprocess.CalledProcessError):
            print(problem.stderr)
    return False


def main():
    os.makedirs(f"{RUNTIME}/process", exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda row: report(*row), beside))
    results += [report(*row) for row in alone]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
