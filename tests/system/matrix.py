"""Runs scenarios in several daemons at the same time and compares what became of every process."""

import os
import re
import threading
import time
import xmlrpc.client

from daemon import Daemon
from history import History, configure_recorded

# A state that lasts. Nothing moving for QUIET seconds in one of them, with all steps done, is the end of a scenario.
LASTING = ("STOPPED", "EXITED", "FATAL", "RUNNING")
QUIET = 3
DEADLINE = 90
# Where a step's state has not come although nothing moves any more, it will not come: luck, see TRIES.
STUCK = 20
# The oracle's loop may be late on a busy machine, and then what a program does has other names. What
# differs every time is a difference.
TRIES = 3
# A difference is told in so many characters of each side.
TOLD = 600
# A line of the main log about a process, without time stamp.
LOG_LINE = re.compile(r"^\S+ \S+ (?:INFO|WARN|CRIT|ERRO) (.*)$", re.MULTILINE)


class Run:
    """One scenario in one daemon."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.sequence = []
        self.used = 0           # states that earlier steps have been matched with
        self.next_step = 0
        self.changed = time.monotonic()
        self.final = None       # what getProcessInfo says at the end
        self.is_calmed = False
        self.log = []           # what the main log says about it, in order, without pids

    def update(self, sequence):
        if len(sequence) != len(self.sequence):
            self.sequence = list(sequence)
            self.changed = time.monotonic()

    def due_step(self):
        """The next step, if its state has come."""
        if self.next_step == len(self.scenario.steps):
            return None
        step = self.scenario.steps[self.next_step]
        return step if step.state in self.sequence[self.used:] else None

    def step_done(self):
        step = self.scenario.steps[self.next_step]
        self.used = self.sequence.index(step.state, self.used) + 1
        self.next_step += 1
        self.changed = time.monotonic()

    def is_over(self):
        if self.next_step < len(self.scenario.steps):
            return False
        # What goes on for ever only pauses, and on a busy machine for long.
        if self.scenario.limit:
            return len(self.sequence) >= self.scenario.limit
        idle = not self.sequence or self.sequence[-1] in LASTING
        return idle and time.monotonic() - self.changed > QUIET

    def is_stuck(self):
        idle = bool(self.sequence) and self.sequence[-1] in LASTING and self.due_step() is None
        return not self.is_over() and idle and time.monotonic() - self.changed > STUCK

    def compared(self):
        return self.sequence[:self.scenario.limit or None]


def configuration(daemon, scenarios):
    daemon.write("not-executable", "#!/bin/sh\n", 0o644)
    daemon.write("not-a-program", "neither a script nor a program\n", 0o755)
    text = []
    for scenario in scenarios:
        settings = dict(scenario.options)
        if scenario.program:
            runs = daemon.path(f"{scenario.name}.runs")
            script = daemon.write(f"{scenario.name}.sh",
                                  f"#!/bin/sh\necho run >>{runs}\nN=$(wc -l <{runs})\n{scenario.program}\n", 0o755)
            settings["command"] = script
        lines = "\n".join(f"{name}={value}" for name, value in settings.items())
        text.append(f"[program:{scenario.name}]\n{lines}\n")
    return "\n".join(text)


def act(daemon, name, step):
    """Does a step. False: not possible yet (the state is told a moment before the process is there)."""
    supervisor = daemon.rpc.supervisor
    # Only once it is the program itself, not what executes it: a signal is meant for the program. And the oracle has a
    # process as soon as the state is STARTING, so that is when one in that state is stopped here, too.
    if step.action in ("kill", "signal") or (step.action == "stop" and step.state == "STARTING"):
        pid = daemon.pid(name)
        if not pid or not is_executed(pid, name):
            return False
    if step.action == "start":
        supervisor.startProcess(name, False)
    elif step.action == "stop":
        supervisor.stopProcess(name, False)
    elif step.action == "kill":
        os.kill(pid, step.argument)
    elif step.action == "signal":
        supervisor.signalProcess(name, step.argument)
    return True


def is_executed(pid, name):
    """The script counts its runs in its first line, so it runs when there is a count; STAY then replaces the shell."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read()
        return f"{name}.sh".encode() in command or command.startswith(b"sleep\0")
    except FileNotFoundError:
        return False


class Side(threading.Thread):
    """One daemon with all scenarios, driven by a thread."""

    def __init__(self, role, name, scenarios):
        super().__init__(daemon=True)
        self.daemon_under_test = Daemon(role, name)
        self.runs = {scenario.name: Run(scenario) for scenario in scenarios}
        configure_recorded(self.daemon_under_test, configuration(self.daemon_under_test, scenarios))
        self.error = None

    def run(self):
        try:
            self.daemon_under_test.start()
            self.drive()
            self.keep_results()
        except Exception as error:  # told by whoever compares
            self.error = error
        finally:
            try:
                self.daemon_under_test.stop()
            except AssertionError as error:
                self.error = self.error or error

    def drive(self):
        history = History(self.daemon_under_test)
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            sequences = history.update()
            for name, run in self.runs.items():
                run.update(sequences.get(name, []))
                self.take_step(name, run)
                self.calm_down(name, run)
            if all(run.is_over() or run.is_stuck() for run in self.runs.values()):
                return
            time.sleep(0.03)

    def take_step(self, name, run):
        step = run.due_step()
        if step is None:
            return
        try:
            if act(self.daemon_under_test, name, step):
                run.step_done()
        except ProcessLookupError:
            pass  # it died by itself in between: the next state decides
        except xmlrpc.client.Fault as fault:
            run.sequence.append(f"{step.action}: {fault.faultString}")
            run.step_done()

    def calm_down(self, name, run):
        """What would go on for ever and has been seen enough is stopped: the oracle restarts without any pause."""
        if run.scenario.limit and run.is_over() and not run.is_calmed:
            run.is_calmed = True
            try:
                self.daemon_under_test.rpc.supervisor.stopProcess(name, False)
            except xmlrpc.client.Fault:
                run.is_calmed = self.daemon_under_test.state(name) == "STOPPED"  # caught between two runs: again

    def keep_results(self):
        """Before the daemon is stopped: that would add to everything."""
        log = [self.daemon_under_test.normal(line) for line in LOG_LINE.findall(self.daemon_under_test.read("main.log"))]
        for name, run in self.runs.items():
            run.final = self.daemon_under_test.info(name)
            about = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])")
            run.log = [re.sub(r"\(\d+\)", "(N)", line) for line in log if about.search(line)]


class Matrix:
    """Two sides, run to the end at the same time. `altered` replaces scenarios of the second: a planted difference."""

    def __init__(self, first, second, scenarios, prefix="matrix", altered=()):
        self.scenarios = list(scenarios)
        replaced = {scenario.name: scenario for scenario in altered}
        self.first = Side(first, f"{prefix}first", self.scenarios)
        self.second = Side(second, f"{prefix}second",
                           [replaced.get(scenario.name, scenario) for scenario in self.scenarios])

    def run(self):
        for side in (self.first, self.second):
            side.start()
        for side in (self.first, self.second):
            side.join()
        for side in (self.first, self.second):
            if side.error:
                raise AssertionError(f"{side.daemon_under_test.role.name}: {side.error!r}") from side.error
        return self

    def try_again(self, planted=()):
        """Replaces the results of what differs by those of another run, in daemons of their own; not of what is meant to differ."""
        for again in range(1, TRIES):
            names = [scenario.name for scenario in self.scenarios
                     if scenario.name not in planted and self.differs(scenario.name)]
            if not names:
                break
            print(f"again: {' '.join(names)}", flush=True)
            matrix = Matrix(self.first.daemon_under_test.role, self.second.daemon_under_test.role,
                            [scenario for scenario in self.scenarios if scenario.name in names], f"again{again}").run()
            for side, fresh in ((self.first, matrix.first), (self.second, matrix.second)):
                side.runs.update(fresh.runs)
        return self

    def differs(self, name):
        return any(method(name) for method in (self.difference, self.final_difference, self.log_difference))

    def difference(self, name):
        """One text, empty when both sides did the same and came to an end."""
        first, second = self.first.runs[name], self.second.runs[name]
        if first.compared() != second.compared():
            return "\n".join(f"{side.daemon_under_test.role.name}: {' '.join(side.runs[name].compared())}"[:TOLD]
                             for side in (self.first, self.second))
        for side in (self.first, self.second):
            run = side.runs[name]
            if not run.is_over():
                return (f"{side.daemon_under_test.role.name} had not come to an end: "
                        f"{' '.join(run.sequence)[:TOLD]}, steps {run.next_step} of {len(run.scenario.steps)}")
        return ""

    def final_difference(self, name):
        """The same for what a client is told at the end, of those that have one."""
        if self.first.runs[name].scenario.limit:
            return ""
        told = []
        for side in (self.first, self.second):
            info = side.runs[name].final
            kept = {key: info[key] for key in ("name", "group", "state", "statename", "exitstatus", "spawnerr")}
            kept["has pid"] = info["pid"] != 0
            told.append({key: side.daemon_under_test.normal(str(value)) for key, value in kept.items()})
        return "" if told[0] == told[1] else f"{told[0]}\n{told[1]}"

    def log_difference(self, name):
        """The same for the main log."""
        scenario = self.first.runs[name].scenario
        logs = [self.without_luck(side.runs[name].log, scenario) for side in (self.first, self.second)]
        if logs[0] == logs[1]:
            return ""
        return "\n".join("\n    ".join(["log:", *log])[:TOLD] for log in logs)

    @staticmethod
    def without_luck(lines, scenario):
        """With startsecs=0 the oracle says `success: …` only if the program outlived one turn of its loop, and with
        stopwaitsecs=0 it says `killing …` at every turn until the process is gone. Of what repeats for ever: the beginning."""
        if scenario.options.get("startsecs") == "0":
            lines = [line for line in lines if not line.startswith("success: ")]
        lines = [line for number, line in enumerate(lines) if number == 0 or line != lines[number - 1]]
        # Three states, STARTING to EXITED, come with two lines that are always there.
        return lines[:scenario.limit * 2 // 3] if scenario.limit else lines
