"""Starting and stopping 500 programs, beside the oracle and beside systemd's own time for the same units; how soon a program that
was killed is there again, with nobody polling; what 500 programs that do nothing cost."""

import glob
import os
import re
import resource
import shutil
import statistics
import subprocess
import time

import bench

COUNT = 500
ROUNDS = 3
FLEET = f"""\
[program:p]
command=/bin/sleep 86400
process_name=%(program_name)s-%(process_num)03d
numprocs={COUNT}
autostart=false
startsecs=1
"""
# Tells when it is there; 20 of them, so that 100 measurements do not take 100 times startsecs.
CRASHERS, KILLS = 20, 5
ARRIVALS = "/run/bench-arrivals"
CRASHER = f"""\
[program:c]
command=/bin/sh -c 'echo $$ >{ARRIVALS}; exec sleep 86400'
process_name=%(program_name)s-%(process_num)02d
numprocs={CRASHERS}
autorestart=true
startsecs=1
"""
IDLE_SECONDS = 10
# The identifier of units that no daemon knows.
BARE = "units-bare"
LIBEXEC = "/usr/local/libexec/supersede"


def start(daemon):
    """startAllProcesses answers when all are RUNNING."""
    return bench.timed(daemon.rpc.supervisor.startAllProcesses)


def stop(daemon):
    return bench.timed(daemon.rpc.supervisor.stopAllProcesses)


def start_and_stop(daemon):
    return start(daemon), stop(daemon)


def exact_cpu(pid):
    """To the nanosecond: what PID 1 does for one unit is less than a tick."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_of_start(begin, own):
    """CPU seconds of PID 1 and of whoever asks it, which a busy machine does not change."""
    before = exact_cpu(1) + own()
    begin()
    return exact_cpu(1) + own() - before


def copy_units(daemon):
    """The very units, with launcher and gate, as files for systemctl. The launcher's specs are there as long as the daemon is."""
    names = []
    for path in glob.glob(f"/run/systemd/transient/{daemon.name}:p@*.service"):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        number = re.search(r"@(\d+)\.service$", path)[1]
        names.append(f"bare-{number}.service")
        with open(f"/run/systemd/system/{names[-1]}", "w", encoding="utf-8") as file:
            file.write(text)
    if len(names) != COUNT:
        raise AssertionError(f"{len(names)} of {COUNT} units of {daemon.name}")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    return names


def copy_specs(daemon):
    """The launcher's files once more, for units of another identifier."""
    source, target = f"/run/supersede/{daemon.name}/process", f"/run/supersede/{BARE}/process"
    os.makedirs(target, mode=0o700)
    for name in os.listdir(source):
        shutil.copy2(f"{source}/{name}", f"{target}/{name.replace(daemon.name, BARE, 1)}")


class Files:
    """Units that are loaded from files before the clock runs: systemd reads nothing, makes nothing, and is asked by systemctl."""

    def __init__(self, names):
        self.names = names

    def start_and_stop(self):
        return (bench.timed(subprocess.run, ["systemctl", "start", *self.names]),
                bench.timed(subprocess.run, ["systemctl", "stop", *self.names]))


class Transient:
    """The same transient units, asked for by a program that does nothing else (transient.c)."""

    def __init__(self, daemon):
        self.command = [bench.tool("transient"), daemon.conf, BARE, LIBEXEC]

    def run(self, what):
        return bench.timed(lambda: subprocess.run([*self.command, what], check=True))

    def start_and_stop(self):
        return self.run("start"), self.run("stop")


def fleet_rows():
    with bench.both("units", FLEET) as (ours, oracle):
        start(ours)
        names = copy_units(ours)
        copy_specs(ours)
        start(oracle)
        idle = [idle_cost(daemon.process.pid) for daemon in (ours, oracle)]
        stop(oracle)
        stop(ours)
        files, transient = Files(names), Transient(ours)
        cpu = []
        for _ in range(ROUNDS):
            mine = cpu_of_start(lambda: start(ours), lambda: exact_cpu(ours.process.pid))
            stop(ours)
            theirs = cpu_of_start(lambda: transient.run("start"), children_cpu)
            transient.run("stop")
            cpu.append(mine / theirs)
        measured = []
        # Beside each other, so that what else the machine does meets all of them.
        for number in range(ROUNDS):
            measures = [lambda: start_and_stop(ours), lambda: start_and_stop(oracle), files.start_and_stop,
                        transient.start_and_stop]
            order = range(4) if number % 2 == 0 else range(3, -1, -1)
            values = {which: measures[which]() for which in order}
            measured.append([values[which] for which in range(4)])
    for which, what in enumerate(("start", "stop")):
        own, other, loaded, asked = ([one[who][which] for one in measured] for who in range(4))
        yield bench.row(f"{what} {COUNT} programs", "s", own, other, better="lower")
        # 1.2 of systemd's own time is the goal for starts.
        limit = 1.2 if what == "start" else None
        yield bench.row(f"{what} {COUNT} programs, of systemctl's time for such units as files", "x",
                        [mine / theirs for mine, theirs in zip(own, loaded)], [], better="lower", limit=limit)
        yield bench.row(f"{what} {COUNT} programs, of the bare calls' time", "x",
                        [mine / theirs for mine, theirs in zip(own, asked)], [], better="lower", limit=limit)
    yield bench.row(f"start {COUNT} programs, CPU of systemd and daemon, of the bare calls'", "x", cpu, [], better="lower", limit=1.2)
    yield bench.row(f"idle with {COUNT} programs: CPU in {IDLE_SECONDS} s", "ms", [idle[0][0]], [idle[1][0]], better="lower")
    yield bench.row(f"idle with {COUNT} programs: wakeups in {IDLE_SECONDS} s", "", [idle[0][1]], [idle[1][1]], better="lower",
                    limit=1)


def wakeups(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))


def idle_cost(pid):
    time.sleep(2)  # what the starts have left
    before, switches = bench.cpu_seconds(pid), wakeups(pid)
    time.sleep(IDLE_SECONDS)
    return 1000 * (bench.cpu_seconds(pid) - before), wakeups(pid) - switches


def respawn_times(daemon, arrivals):
    """From kill -9 to the new process's first sign of life."""
    times = []
    for _ in range(KILLS):
        bench.wait_running(daemon, CRASHERS)
        pids = [info["pid"] for info in daemon.rpc.supervisor.getAllProcessInfo()]
        time.sleep(1.2)  # nobody polls; the oracle's loop goes back to its own pace
        for pid in pids:
            begin = time.monotonic()
            os.kill(pid, 9)
            arrivals.readline()
            times.append(1000 * (time.monotonic() - begin))
    return times


def respawn_rows():
    os.mkfifo(ARRIVALS)
    # Opened for both, it never ends and never blocks a program.
    with os.fdopen(os.open(ARRIVALS, os.O_RDWR), "r+b", buffering=0) as arrivals:
        measured = []
        for daemon in bench.pair("respawn", CRASHER):
            daemon.start()
            for _ in range(CRASHERS):
                arrivals.readline()
            measured.append(respawn_times(daemon, arrivals))
            daemon.stop()
    for what, pick in (("median", statistics.median), ("p99", lambda values: sorted(values)[-2]), ("best", min)):
        yield bench.row(f"kill -9 to new process, {what} of {CRASHERS * KILLS}", "ms", [pick(measured[0])], [pick(measured[1])],
                        better="lower", goal=1 if what == "median" else None)


def rows():
    yield from respawn_rows()
    yield from fleet_rows()


if __name__ == "__main__":
    bench.main(rows)
