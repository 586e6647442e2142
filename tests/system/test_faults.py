"""What is done behind the daemon's back, and to it, in random order, while programs log and clients poll. After each fault the
pids, the states, the logs and the events that a listener got must be right, as well as every answer that a client had meanwhile.

The seed is printed; SUPERSEDE_SEED=N repeats a run. It takes a minute; SUPERSEDE_LONG=1 goes on for ten minutes and beside
5,000 other units, SUPERSEDE_SECONDS=N and SUPERSEDE_CROWD=N choose something else, SUPERSEDE_FAULTS=NAME,NAME only these.
The clock jumps for the daemon alone (jumping_clock.c): setting it would set the machine's. Memory runs out in a cgroup of
version 1 where the host's version 2 has no memory controller.
"""

import contextlib
import os
import random
import re
import signal
import struct
import subprocess
import time
import unittest

import report
from counted_writer import written
from fault_world import ACCOUNTS, CUT, Client, Events, Journal, Log, Sequence, infos, is_alive, is_part, patient
from test_service import CONF, HEAD, LOGS, SOCKET, main_pid, rpc, systemctl
from waiting import wait_until

LONG = bool(os.environ.get("SUPERSEDE_LONG"))
SECONDS = int(os.environ.get("SUPERSEDE_SECONDS") or (600 if LONG else 60))
CROWD = int(os.environ.get("SUPERSEDE_CROWD") or (5000 if LONG else 0))
# Nobody answers while the daemon is replaced. A systemd that executes itself anew with thousands of units takes longer.
SILENCE = 5
REEXEC = 25 if CROWD else 5
WATCHDOG = 4
HERE = os.path.dirname(os.path.abspath(__file__))
FULL = "/var/log/faults-full"
CLOCK = "/run/faults-clock"
EVENTS = "/run/faults-events"
HOG = "/run/faults-hog"
# Where the box's own hierarchy has memory limits, and where the host's of version 1 shows.
LIMITED = "/sys/fs/cgroup/supervisor.slice/supervisor-hog.slice/supervisor:hog.service/memory.max"
MEMORY = "/memory"
HOG_TEXT = """\
#!/usr/bin/python3
import os, time
while not os.path.exists("/run/faults-eat"):
    time.sleep(0.05)
os.unlink("/run/faults-eat")
print("eating", flush=True)
food = [bytearray(os.urandom(1 << 20)) for _ in range(200)]
os.abort()
"""


def writer(name, lines, pause, directory=LOGS):
    return f"""\
[program:{name}]
command=/usr/bin/python3 -S {HERE}/counted_writer.py {ACCOUNTS} {name} {lines} {pause}
stdout_logfile={directory}/faults-{name}.log
stdout_logfile_maxbytes=0
"""


PROGRAMS = writer("first", 50, 0.05) + writer("second", 50, 0.05) + "autorestart=true\n" \
    + writer("slow", 1, 0.1) + writer("full", 5, 0.05, FULL) + f"""\
[program:quiet]
command=/bin/sleep 100000
stopsignal=INT
[program:hog]
command={HOG}
systemd.MemoryMax=40M
systemd.MemorySwapMax=0
[program:never]
command=/bin/false
startretries=1
[program:off]
command=/bin/sleep 100000
autostart=false
[eventlistener:states]
command=/usr/bin/python3 {HERE}/recorder.py {EVENTS}
events=PROCESS_STATE,REMOTE_COMMUNICATION
buffer_size=1000
startsecs=0
"""
EXTRA = """\
[program:extra]
command=/bin/sleep 100000
"""
# The file comes last: newer ones of systemctl put the line before it where the cursor is to be.
EDITOR = """\
#!/bin/sh
for file; do :; done
printf '{}' >"$file"
"""
RUNNING = ("first", "second", "slow", "full", "quiet", "hog")
CRASH = ("EXITED", "STARTING", "RUNNING")
STOP = ("STOPPING", "STOPPED")
START = ("STARTING", "RUNNING")


def unit(name):
    return f"supervisor:{name}.service"


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(HOG, "w", encoding="ascii") as file:
            file.write(HOG_TEXT)
        os.chmod(HOG, 0o755)
        os.makedirs(FULL)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16M", "faults", FULL], check=True)
        os.makedirs(os.path.dirname(CONF), exist_ok=True)
        cls.logs = {name: Log(name, f"{LOGS}/faults-{name}.log") for name in ("first", "second", "slow")}
        os.makedirs(f"{ACCOUNTS}/full")
        cls.configure()
        cls.set_clock(0)
        with open(EVENTS, "wb"):
            pass
        directory = "/run/systemd/system/supervisor.service.d"
        os.makedirs(directory)
        with open(f"{directory}/faults.conf", "w", encoding="ascii") as file:
            file.write(f"[Service]\nWatchdogSec={WATCHDOG}\n"
                       f"Environment=LD_PRELOAD=/built/jumping_clock.so JUMPING_CLOCK={CLOCK}\n")
        systemctl("daemon-reload")
        systemctl("start", "supervisor.service")
        cls.addClassCleanup(systemctl, "stop", "supervisor.service", check=False)

    @staticmethod
    def configure(more=""):
        with open(CONF, "w", encoding="utf-8") as file:
            file.write(HEAD + PROGRAMS + more)

    @staticmethod
    def set_clock(seconds):
        with open(CLOCK, "r+b" if os.path.exists(CLOCK) else "wb") as file:
            file.write(struct.pack("q", seconds))

    def pid(self, name):
        return infos()[name]["pid"]

    def wait_down(self, name):
        wait_until(lambda: (patient(infos) or {name: {"statename": ""}})[name]["statename"] in ("STOPPED", "EXITED"),
                   f"{name} to be down")

    def wait_new(self, name, old):
        wait_until(lambda: systemctl("show", "-P", "MainPID", unit(name)) not in ("0", str(old), ""),
                   f"systemd to start {name} again")

    @contextlib.contextmanager
    def bridge_asleep(self):
        """Stopped by SIGSTOP: its clients wait as long."""
        bridge, began = main_pid(), time.monotonic()
        os.kill(bridge, signal.SIGSTOP)
        try:
            yield bridge
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(bridge, signal.SIGCONT)
            self.silence += time.monotonic() - began

    # --- faults: each says which states the programs have gone through afterwards

    def kill_program(self, name):
        os.kill(self.pid(name), self.random.choice((signal.SIGKILL, signal.SIGSEGV)))
        return {name: CRASH}

    def systemctl_kill(self, name):
        systemctl("kill", "-s", "USR1", unit(name))
        return {name: CRASH}

    def systemctl_start(self, name):
        systemctl("start", unit(name))
        return {}

    def systemctl_stop(self, name):
        old = self.pid(name)
        systemctl("stop", unit(name))
        self.assertFalse(is_alive(old))
        self.wait_down(name)
        self.assertTrue(rpc().startProcess(name))
        # Right behind a daemon-reexec the end may go by between two connections, and with it why it was.
        return {name: [STOP + START, CRASH]} if self.last_fault == "daemon_reexec" else {name: STOP + START}

    def systemctl_restart(self, name):
        systemctl("restart", unit(name))
        return {name: STOP + START}

    def systemctl_set_property(self, name):
        weight = str(self.random.randint(50, 500))
        systemctl("set-property", "--runtime", unit(name), f"CPUWeight={weight}")
        self.assertEqual(systemctl("show", "-P", "CPUWeight", unit(name)), weight)
        return {}

    def systemctl_edit(self, name):
        tasks, editor = str(self.random.randint(100, 200)), "/run/faults-editor"
        with open(editor, "w", encoding="ascii") as file:
            file.write(EDITOR.format(f"[Service]\\nTasksMax={tasks}\\n"))
        os.chmod(editor, 0o755)
        # It insists on a terminal.
        ours, terminal = os.openpty()
        done = subprocess.run(["systemctl", "edit", unit(name)], stdin=terminal, stdout=terminal, stderr=terminal,
                              env=os.environ | {"SYSTEMD_EDITOR": editor}, check=False, timeout=60)
        os.close(terminal)
        self.assertEqual(done.returncode, 0, os.read(ours, 4096) if done.returncode else "")
        os.close(ours)
        self.assertEqual(systemctl("show", "-P", "TasksMax", unit(name)), tasks)
        return {}

    def out_of_memory(self, _):
        old = self.pid("hog")
        group = f"{MEMORY}/hog"
        if not os.path.exists(LIMITED):
            if not os.path.isdir(MEMORY):
                raise AssertionError("neither the box nor the host has a memory controller")
            os.mkdir(group)
            with open(f"{group}/memory.limit_in_bytes", "w", encoding="ascii") as file:
                file.write("40M")
            with open(f"{group}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(old))
        with open("/run/faults-eat", "w", encoding="ascii"):
            pass
        wait_until(lambda: not is_alive(old), "the hog to eat")
        if os.path.isdir(group):
            with open(f"{group}/memory.oom_control", encoding="ascii") as file:
                self.assertIn("oom_kill 1\n", file.read())
            wait_until(lambda: self.removes(group), "the group to be empty")
        return {"hog": CRASH}

    @staticmethod
    def removes(group):
        with contextlib.suppress(OSError):
            os.rmdir(group)
        return not os.path.exists(group)

    def daemon_reload(self, _):
        systemctl("daemon-reload")
        return {}

    def daemon_reexec(self, _):
        systemctl("daemon-reexec")
        return {}

    def restart_dbus(self, _):
        systemctl("restart", "dbus.service")
        return {}

    def restart_journald(self, _):
        systemctl("restart", "systemd-journald.service")
        return {}

    def kill_journald(self, _):
        systemctl("kill", "-s", "KILL", "systemd-journald.service")
        return {}

    def kill_bridge(self, _):
        os.kill(main_pid(), signal.SIGKILL)
        return {}

    def hang_bridge(self, name):
        """Until its watchdog bites. A program crashes and comes back meanwhile, or does not."""
        crash, old = self.random.random() < 0.5, self.pid(name)
        with self.bridge_asleep() as bridge:
            if crash:
                os.kill(old, signal.SIGKILL)
            wait_until(lambda: not is_alive(bridge), "the watchdog")
        return {name: CRASH if crash else ()}

    def restart_bridge(self, _):
        systemctl("restart", "supervisor.service")
        return {}

    def restart_bridge_during_reexec(self, _):
        """SIGTERM comes when the daemon cannot ask systemd what it is meant for."""
        self.silence += REEXEC
        old, order = main_pid(), [("restart", "--no-block", "supervisor.service"), ("daemon-reexec",)]
        self.random.shuffle(order)
        commands = []
        for words in order:
            commands.append(subprocess.Popen(["systemctl", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(self.random.uniform(0, 0.03))  # any moment is meant
        for command in commands:
            command.wait()
        if main_pid() == old:
            systemctl("restart", "supervisor.service")
        wait_until(lambda: systemctl("show", "-P", "MainPID", "supervisor.service", check=False) not in ("0", "", str(old)),
                   "another supervisord")
        return {}

    def reload_bridge(self, _):
        """A program comes into the configuration, or goes."""
        self.has_extra = not self.has_extra
        self.configure(EXTRA if self.has_extra else "")
        systemctl("reload", "supervisor.service")
        return {"extra": START if self.has_extra else STOP}

    def crash_without_bridge(self, name):
        """The program comes back while nobody looks."""
        old, number = self.pid(name), self.random.choice((signal.SIGCONT, signal.SIGKILL))
        with self.bridge_asleep() as bridge:
            os.kill(old, signal.SIGKILL)
            self.wait_new(name, old)
            os.kill(bridge, number)
        return {name: CRASH}

    def unit_removed_without_bridge(self, name):
        number = self.random.choice((signal.SIGCONT, signal.SIGKILL))
        with self.bridge_asleep() as bridge:
            systemctl("stop", unit(name))
            os.kill(bridge, number)
        # Whoever was dead cannot know why it is gone: stopped, or ended well.
        self.wait_down(name)
        self.assertTrue(rpc().startProcess(name))
        return {name: STOP + START} if number == signal.SIGCONT else {name: [STOP + START, CRASH]}

    def crash_during(self, name, *words):
        old = self.pid(name)
        command = subprocess.Popen(["systemctl", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, 0.05))  # any moment is meant
        os.kill(old, signal.SIGKILL)
        command.wait()
        self.wait_new(name, old)
        return {name: CRASH}

    def crash_during_reload(self, name):
        return self.crash_during(name, "daemon-reload")

    def crash_during_reexec(self, name):
        return self.crash_during(name, "daemon-reexec")

    def crash_during_restart(self, name):
        return self.crash_during(name, "restart", "supervisor.service")

    def stop_during_reexec(self, name):
        """When a stop is answered the process is gone, whatever systemd is doing."""
        old = self.pid(name)
        command = subprocess.Popen(["systemctl", "daemon-reexec"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(rpc().stopProcess(name))
        alive = is_alive(old)
        command.wait()
        self.assertFalse(alive, f"{name} was told to be stopped, but {old} is there")
        self.assertTrue(rpc().startProcess(name))
        return {name: STOP + START}

    def client_restart(self, name):
        old = self.pid(name)
        self.assertTrue(rpc().stopProcess(name))
        self.assertFalse(is_alive(old))
        self.assertTrue(rpc().startProcess(name))
        return {name: STOP + START}

    def clock_jumps(self, name):
        """Back and forth, while the program is being started anew."""
        old = self.pid(name)
        self.assertTrue(rpc().stopProcess(name, False))
        for _ in range(3):
            seconds = self.random.randint(-100000, 100000)
            self.set_clock(seconds)
            self.assertAlmostEqual(rpc().getProcessInfo(name)["now"], time.time() + seconds, delta=5)
        wait_until(lambda: not is_alive(old), f"{name} to end")
        self.wait_down(name)
        self.assertTrue(rpc().startProcess(name, False))
        self.set_clock(self.random.randint(-100000, 100000))
        return {name: STOP + START}

    def disc_full(self, _):
        """The program goes on, what is lost is counted, and when there is room again the log goes on."""
        ballast, told = f"{FULL}/ballast", len(self.lost())
        with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)) == 4096:
                pass
        count = sum(written(ACCOUNTS, "full").values())
        wait_until(lambda: sum(written(ACCOUNTS, "full").values()) > count + 300, "the program to write on")
        os.unlink(ballast)
        wait_until(lambda: len(self.lost()) > told, "the end of it to be told")
        self.assertTrue(rpc().stopProcess("full"))
        self.check_full()
        self.assertTrue(rpc().startProcess("full"))
        return {"full": STOP + START}

    FAULTS = (kill_program, systemctl_kill, systemctl_start, systemctl_stop, systemctl_restart, systemctl_set_property,
              systemctl_edit, out_of_memory, daemon_reload, daemon_reexec, restart_dbus, restart_journald, kill_journald,
              kill_bridge, hang_bridge, restart_bridge, restart_bridge_during_reexec, reload_bridge, crash_without_bridge,
              unit_removed_without_bridge, crash_during_reload, crash_during_reexec, crash_during_restart, stop_during_reexec,
              client_restart, clock_jumps, disc_full)

    # --- what must hold

    @staticmethod
    def lost():
        with open(f"{LOGS}/supervisord.log", encoding="utf-8") as file:
            return [int(number) for number in re.findall(rf"(\d+) bytes of .* could not be written to {FULL}/", file.read())]

    def check_full(self):
        """What is in the log and what the main log says was lost are together what was written, to the byte."""
        lost = sum(self.lost())
        wrote, maybe = 0, {0}
        for token, count in written(ACCOUNTS, "full").items():
            wrote += sum(len(f"{token} {number}\n") for number in range(1, count + 1))
            maybe = {more + extra for more in maybe for extra in (0, len(f"{token} {count + 1}\n"))}
        self.assertIn(os.path.getsize(f"{FULL}/faults-full.log") + lost - wrote, maybe)

    def states(self):
        return dict.fromkeys(RUNNING + ("states",), "RUNNING") | {"never": "FATAL", "off": "STOPPED"} | \
            ({"extra": "RUNNING"} if self.has_extra else {})

    def settled(self, renewed):
        """All states as they should be, with new processes where they must be; None till then."""
        found = patient(infos)
        if not found or {name: info["statename"] for name, info in found.items()} != self.states():
            return None
        return None if any(found[name]["pid"] == self.before[name]["pid"] for name in renewed) else found

    def wait_settled(self, renewed=()):
        try:
            return wait_until(lambda: self.settled(renewed), f"all programs to be as they should, {renewed} anew")
        except AssertionError as error:
            now = {name: (info["statename"], info["pid"], info["spawnerr"]) for name, info in (patient(infos) or {}).items()}
            raise AssertionError(f"{error}: {now}") from None

    def check_pids(self, after, renewed):
        for name in RUNNING:
            self.assertTrue(is_alive(after[name]["pid"]), name)
            if name not in renewed:
                self.assertEqual(after[name]["pid"], self.before[name]["pid"], name)
        shown = systemctl("show", "-P", "MainPID", *(unit(name) for name in RUNNING)).split()
        self.assertEqual(shown, [str(after[name]["pid"]) for name in RUNNING])

    def sequences(self, name, expected, lives):
        if name == "states":
            # It is the daemon's child, and begins anew with it.
            expected = {name: START} if lives else {}
        wanted = expected.get(name, ())
        return [Sequence(states, lives) for states in (wanted if isinstance(wanted, list) else [wanted])]

    def check_events(self, expected, lives):
        self.events.read_to_mark()
        for name in (*RUNNING, "states", "never", "off", "extra"):
            sequences = self.sequences(name, expected, lives)
            self.assertTrue(self.events.fits(name, sequences),
                            f"events of {name}: {self.events.new.get(name, [])}, not {sequences}")
        self.events.take()

    def check_clients(self, expected, lives, after):
        for client in self.clients:
            client.catch_up()
            seen, silence = client.take()
            self.assertEqual(client.problems, [])
            self.assertLess(silence, self.silence)
            if self.silence == SILENCE:
                self.longest = max(self.longest, silence)
            for name, changes in seen.items():
                sequences = [(self.states().get(name, "STOPPED") if name not in self.before else self.before[name]["statename"],
                              *sequence.states) for sequence in self.sequences(name, expected, lives)]
                states = [state for i, (state, _) in enumerate(changes) if i == 0 or changes[i - 1][0] != state]
                self.assertTrue(any(is_part(states, sequence) for sequence in sequences),
                                f"a client saw {name} as {changes}, not {sequences}")
                self.assertLessEqual({pid for _, pid in changes if pid} - {after.get(name, {}).get("pid")},
                                     {self.before.get(name, {}).get("pid")}, f"a client saw {name} as {changes}")

    def check(self, expected, bridge):
        renewed = {name for name, states in expected.items() if name in self.before and "STARTING" in (
            states if isinstance(states, tuple) else states[0])}
        after = self.wait_settled(renewed)
        lives = (bridge, main_pid()) if main_pid() != bridge else ()
        self.check_pids(after, renewed)
        for name, log in self.logs.items():
            log.check(after[name]["pid"])
        self.journal.check()
        self.check_events(expected, lives)
        self.check_clients(expected, lives, after)
        self.before = after

    # --- the run

    def other_units(self):
        """Many, and some that change all the time."""
        directory = "/run/systemd/system"
        for i in range(CROWD):
            with open(f"{directory}/crowd-{i}.target", "w", encoding="ascii") as file:
                file.write("[Unit]\nDescription=One of many\n")
        with open(f"{directory}/crowd@.service", "w", encoding="ascii") as file:
            file.write("[Service]\nExecStart=/bin/sleep 5\nRestart=always\nRestartSec=1\n")
        with open(f"{directory}/crowd.target", "w", encoding="ascii") as file:
            file.write("[Unit]\n" + "".join(f"Wants=crowd-{i}.target\n" for i in range(CROWD)) +
                       "".join(f"Wants=crowd@{i}.service\n" for i in range(20)))
        systemctl("daemon-reload")
        systemctl("start", "crowd.target")
        self.assertGreater(int(systemctl("show", "-P", "NNames")), CROWD)

    def begin(self):
        seed = int(os.environ.get("SUPERSEDE_SEED") or random.SystemRandom().randrange(1 << 30))
        print(f"SUPERSEDE_SEED={seed}", flush=True)
        self.random = random.Random(seed)
        self.has_extra, self.last_fault, self.silence, self.longest = False, "", SILENCE, 0.0
        if CROWD:
            self.other_units()
        self.before = self.wait_settled()
        self.journal = Journal("slow", unit("slow"))
        self.events = Events(EVENTS)
        self.events.read_to_mark()
        self.assertEqual([state for _, state in self.events.new["never"]], ["STARTING", "BACKOFF", "STARTING", "BACKOFF", "FATAL"])
        self.events.take()
        names = set(self.before)
        self.clients = [Client(names, {"extra"}, keeps_connection) for keeps_connection in (False, True)]
        for client in self.clients:
            client.start()
            self.addCleanup(client.over.set)
        return seed

    def one_fault(self, fault, name):
        bridge, self.silence = main_pid(), SILENCE
        expected = fault(self, name)
        self.check(expected, bridge)
        self.last_fault = fault.__name__

    def test_random_order(self):
        seed = self.begin()
        end, done, history = time.monotonic() + SECONDS, 0, []
        chosen = os.environ.get("SUPERSEDE_FAULTS") or ""
        faults = [getattr(Faults, name) for name in chosen.split(",")] if chosen else list(self.FAULTS)
        queue = []
        while time.monotonic() < end or done < len(faults):
            queue = queue or self.random.sample(faults, len(faults))
            fault, name = queue.pop(), self.random.choice(("first", "second", "quiet"))
            history.append((fault.__name__, name))
            with self.subTest(seed=seed, number=done, fault=fault.__name__, program=name):
                began = time.monotonic()
                self.one_fault(fault, name)
                if os.environ.get("SUPERSEDE_VERBOSE"):
                    print(f"{time.monotonic() - began:5.2f} s {fault.__name__} {name}", flush=True)
            if not self._outcome.success:
                self.tell_more(history[-5:])
                break
            done += 1
        for client in self.clients:
            client.over.set()
            client.join()
        print(f"{done} faults, {sum(client.answers for client in self.clients)} answers, "
              f"at most {self.longest:.1f} s without one", flush=True)
        self.assertEqual([client.problems for client in self.clients], [[], []])
        self.assertFalse(os.path.islink(SOCKET))

    def tell_more(self, history):
        print(history, flush=True)
        with open(f"{LOGS}/supervisord.log", encoding="utf-8") as file:
            print("".join(file.readlines()[-25:]), flush=True)
        print(subprocess.run(["journalctl", "-b", "-o", "short-precise", "-n", "40", "-u", "supervisor.service", "-u", "init.scope"],
                             stdout=subprocess.PIPE, text=True, check=False).stdout)
        with contextlib.suppress(*CUT):
            print({name: (info["statename"], info["pid"], info["spawnerr"]) for name, info in infos().items()}, flush=True)


if __name__ == "__main__":
    report.main()
