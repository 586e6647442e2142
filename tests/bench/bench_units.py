"""Starting and stopping 500 programs, beside the oracle and beside systemd's own time for the same units; how soon a program that
was killed is there again, with nobody polling; what 500 programs that do nothing cost."""

import glob
import os
import re
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


def start(daemon):
    """startAllProcesses answers when all are RUNNING."""
    return bench.timed(daemon.rpc.supervisor.startAllProcesses)


def stop(daemon):
    return bench.timed(daemon.rpc.supervisor.stopAllProcesses)


def start_and_stop(daemon):
    return start(daemon), stop(daemon)


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
    return names


def systemd_alone(names):
    return (bench.timed(subprocess.run, ["systemctl", "start", *names]),
            bench.timed(subprocess.run, ["systemctl", "stop", *names]))


def fleet_rows():
    with bench.both("units", FLEET) as (ours, oracle):
        times = bench.alternate((ours, oracle), start_and_stop, ROUNDS)
        start(ours)
        names = copy_units(ours)
        start(oracle)
        idle = [idle_cost(daemon.process.pid) for daemon in (ours, oracle)]
        stop(oracle)
        stop(ours)
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        alone = [systemd_alone(names) for _ in range(ROUNDS)]
    for which, what in enumerate(("start", "stop")):
        own = [one[which] for one in times[0]]
        yield bench.row(f"{what} {COUNT} programs", "s", own, [one[which] for one in times[1]], better="lower")
        # 1.2 of systemd's own time is the goal for starts.
        yield bench.row(f"{what} {COUNT} programs, of systemd's own time", "x",
                        [one / statistics.median(two[which] for two in alone) for one in own], [], better="lower",
                        limit=1.2 if what == "start" else None)
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
