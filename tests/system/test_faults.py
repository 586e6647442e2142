"""What is done behind the daemon's back, and to it, in random order, while programs log and clients poll. After each fault the
states, pids, logs and the sequence of events must be right.

The seed is printed; SUPERSEDE_SEED=N repeats a run. SUPERSEDE_LONG=1 goes on for ten minutes and beside 5,000 other units.
Not here: the clock. A box shares it with its host (no namespace has a CLOCK_REALTIME of its own), so setting it in a test would
change it for everybody on the machine. Everything that waits in the bridge and the gate uses CLOCK_MONOTONIC.
"""

import contextlib
import http.client
import os
import random
import re
import signal
import subprocess
import threading
import time
import unittest
import xmlrpc.client

import report
from test_service import CONF, LOGS, SOCKET, HEAD, main_pid, rpc, systemctl
from waiting import wait_until

SECONDS = 600 if os.environ.get("SUPERSEDE_LONG") else 20
WRITER = "/run/faults-writer"
# Numbers its lines; a new process begins a new count.
WRITER_TEXT = """\
#!/bin/bash
echo "begin $$"
i=0
while :; do i=$((i+1)); echo "$$ $i"; (( i % 50 )) || sleep 0.02; done
"""
HOG = "/run/faults-hog"
HOG_TEXT = """\
#!/usr/bin/python3
import os, time
while not os.path.exists("/run/faults-eat"):
    time.sleep(0.05)
os.unlink("/run/faults-eat")
print("eating", flush=True)
food = [bytearray(os.urandom(1 << 20)) for _ in range(200)]
"""
PROGRAMS = f"""\
[program:first]
command={WRITER}
stdout_logfile={LOGS}/faults-first.log
stdout_logfile_maxbytes=0
[program:second]
command={WRITER}
stdout_logfile={LOGS}/faults-second.log
stdout_logfile_maxbytes=0
autorestart=true
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
"""
STEADY = ("first", "second", "quiet", "hog")
# What a state may follow in the main log, per process.
FOLLOWS = {
    "spawned": {None, "exited", "stopped", "gave up", "resumed"},
    "success": {"spawned", "resumed"},
    "exited": {"spawned", "success", "resumed"},
    "stopped": {"spawned", "success", "resumed"},
    "gave up": {"exited", "resumed", None},
}
LINE = re.compile(r"(?:INFO|WARN) (spawned: '(\w+)'|success: (\w+) |exited: (\w+) |stopped: (\w+) |gave up: (\w+) |resumed: '(\w+)')")


def unit(name):
    return f"supervisor:{name}.service"


def patient(question):
    """None while nobody answers."""
    with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.ProtocolError):
        return question()
    return None


def infos():
    return {info["name"]: info for info in rpc().getAllProcessInfo()}


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Client(threading.Thread):
    """Asks all the time. A call may be cut when the daemon ends; nobody may be refused."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.answers = 0
        self.refused = []

    def run(self):
        while not self.over.is_set():
            try:
                infos()
                self.answers += 1
            except (ConnectionRefusedError, FileNotFoundError) as error:
                self.refused.append((time.time(), error))
            except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError):
                pass
            time.sleep(0.01)


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for path, text in ((WRITER, WRITER_TEXT), (HOG, HOG_TEXT)):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            os.chmod(path, 0o755)
        os.makedirs(os.path.dirname(CONF), exist_ok=True)
        with open(CONF, "w", encoding="utf-8") as file:
            file.write(HEAD + PROGRAMS)
        systemctl("start", "supervisor.service")
        cls.addClassCleanup(systemctl, "stop", "supervisor.service", check=False)

    def pids(self):
        return {name: info["pid"] for name, info in infos().items()}

    def settled(self, expected):
        """All states, and pids that are there."""
        found = patient(infos)
        if not found or any(found[name]["statename"] != state for name, state in expected.items()):
            return None
        return found

    def wait_settled(self):
        expected = dict.fromkeys(STEADY, "RUNNING") | {"never": "FATAL", "off": "STOPPED"}
        try:
            return wait_until(lambda: self.settled(expected), "all programs to be as they should")
        except AssertionError as error:
            now = {name: (info["statename"], info["pid"], info["spawnerr"]) for name, info in (patient(infos) or {}).items()}
            raise AssertionError(f"{error}: {now}") from None

    # --- faults: each says which programs have a new process afterwards

    def kill_program(self, name):
        os.kill(self.pids()[name], self.random.choice((signal.SIGKILL, signal.SIGSEGV)))
        return {name}

    def systemctl_kill(self, name):
        systemctl("kill", "-s", "USR1", unit(name))
        return {name}

    def systemctl_stop(self, name):
        old = self.pids()[name]
        systemctl("stop", unit(name))
        # Right behind a daemon-reexec the end may go by between two connections, and with it why it was.
        wait_until(lambda: self.settled({name: "STOPPED"}) or self.settled({name: "EXITED"}), f"{name} to be down")
        self.assertFalse(is_alive(old))
        self.assertTrue(rpc().startProcess(name))
        return {name}

    def systemctl_restart(self, name):
        systemctl("restart", unit(name))
        return {name}

    def set_property(self, name):
        systemctl("set-property", "--runtime", unit(name), f"CPUWeight={self.random.randint(50, 500)}")
        return set()

    def edit(self, name):
        directory = f"/run/systemd/system/{unit(name)}.d"
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/zz-edit.conf", "w", encoding="ascii") as file:
            file.write(f"[Service]\nTasksMax={self.random.randint(100, 200)}\n")
        systemctl("daemon-reload")
        return set()

    def out_of_memory(self, _):
        if not os.path.exists(f"/sys/fs/cgroup/supervisor.slice/supervisor-hog.slice/{unit('hog')}/memory.max"):
            # This kernel has its memory controller elsewhere (cgroup v1): what the program would get is this signal.
            print("no memory controller here: the hog gets the signal alone", flush=True)
            return self.kill_program("hog")
        with open("/run/faults-eat", "w", encoding="ascii"):
            pass
        wait_until(lambda: not os.path.exists("/run/faults-eat"), "the hog to eat")
        return {"hog"}

    def daemon_reload(self, _):
        systemctl("daemon-reload")
        return set()

    def daemon_reexec(self, _):
        systemctl("daemon-reexec")
        return set()

    def restart_dbus(self, _):
        systemctl("restart", "dbus.service")
        return set()

    def restart_journald(self, _):
        systemctl("restart", "systemd-journald.service")
        return set()

    def kill_bridge(self, _):
        os.kill(main_pid(), signal.SIGKILL)
        return set()

    def restart_bridge(self, _):
        systemctl("restart", "supervisor.service")
        return set()

    def reload_bridge(self, _):
        systemctl("reload", "supervisor.service")
        return set()

    def stopped_bridge(self, name):
        """The program crashes and comes back while nobody looks."""
        old, bridge = self.pids()[name], main_pid()
        os.kill(bridge, signal.SIGSTOP)
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: systemctl("show", "-P", "MainPID", unit(name)) not in ("0", str(old)), "systemd to start it again")
        os.kill(bridge, signal.SIGCONT)
        return {name}

    def unit_removed_without_bridge(self, name):
        bridge = main_pid()
        os.kill(bridge, signal.SIGSTOP)
        systemctl("stop", unit(name))
        os.kill(bridge, self.random.choice((signal.SIGCONT, signal.SIGKILL)))
        if self.random.random() < 0.5:
            os.kill(bridge, signal.SIGCONT)
        # Whoever was dead cannot know why it is gone: stopped, or ended well.
        wait_until(lambda: self.settled({name: "STOPPED"}) or self.settled({name: "EXITED"}), f"{name} to be down")
        self.assertTrue(rpc().startProcess(name))
        return {name}

    def stop_during_reexec(self, name):
        """When a stop is answered the process is gone, whatever systemd is doing."""
        old = self.pids()[name]
        reexec = subprocess.Popen(["systemctl", "daemon-reexec"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(rpc().stopProcess(name))
        alive = is_alive(old)
        reexec.wait()
        self.assertFalse(alive, f"{name} was told to be stopped, but {old} is there")
        self.assertTrue(rpc().startProcess(name))
        return {name}

    def client_restart(self, name):
        self.assertTrue(rpc().stopProcess(name))
        self.assertTrue(rpc().startProcess(name))
        return {name}

    FAULTS = (kill_program, systemctl_kill, systemctl_stop, systemctl_restart, set_property, edit, out_of_memory, daemon_reload,
              daemon_reexec, restart_dbus, restart_journald, kill_bridge, restart_bridge, reload_bridge, stopped_bridge,
              unit_removed_without_bridge, stop_during_reexec, client_restart)

    # --- what must hold

    def check_pids(self, before, after, renewed):
        for name in STEADY:
            pid = after[name]["pid"]
            self.assertTrue(is_alive(pid), name)
            self.assertEqual(systemctl("show", "-P", "MainPID", unit(name)), str(pid), name)
            if name in renewed:
                self.assertNotEqual(pid, before[name]["pid"], name)
            else:
                self.assertEqual(pid, before[name]["pid"], name)

    def check_log(self, name):
        """Each process's lines are all there, in order: only the last ones of a killed process may be missing."""
        with open(f"{LOGS}/faults-{name}.log", "rb") as file:
            file.seek(self.read[name])
            text = file.read()
        end = text.rfind(b"\n") + 1
        self.read[name] += end
        for line in text[:end].decode("ascii").splitlines():
            word, number = line.split(" ", 1)
            if word == "begin":
                self.count[name] = (number, 0)
                continue
            process, count = self.count[name]
            self.assertEqual((word, int(number)), (process, count + 1), f"log of {name}")
            self.count[name] = (process, count + 1)

    def check_events(self):
        with open(f"{LOGS}/supervisord.log", encoding="utf-8") as file:
            file.seek(self.read["main"])
            text = file.read()
        end = text.rfind("\n") + 1
        self.read["main"] += len(text[:end].encode())
        for line in text[:end].splitlines():
            if "supervisord started with pid" in line:
                # What happened while there was no bridge has left no lines.
                self.last = {}
            match = LINE.search(line)
            if not match:
                continue
            name, event = next(filter(None, match.groups()[1:])), match[1].split(":")[0]
            if name in self.last and event in FOLLOWS:
                self.assertIn(self.last[name], FOLLOWS[event], f"{line} after {self.last[name]}")
            self.last[name] = event

    def other_units(self):
        directory = "/run/systemd/system"
        for i in range(5000):
            with open(f"{directory}/crowd-{i}.target", "w", encoding="ascii") as file:
                file.write("[Unit]\nDescription=One of many\n")
        with open(f"{directory}/crowd.target", "w", encoding="ascii") as file:
            file.write("[Unit]\n" + "".join(f"Wants=crowd-{i}.target\n" for i in range(5000)))
        systemctl("daemon-reload")
        systemctl("start", "crowd.target")

    def test_random_order(self):
        seed = int(os.environ.get("SUPERSEDE_SEED") or random.SystemRandom().randrange(1 << 30))
        print(f"SUPERSEDE_SEED={seed}", flush=True)
        self.random = random.Random(seed)
        self.read = {"first": 0, "second": 0, "main": 0}
        self.count, self.last = {}, {}
        if SECONDS > 60:
            self.other_units()
        before = self.wait_settled()
        clients = [Client() for _ in range(2)]
        for client in clients:
            client.start()
            self.addCleanup(client.over.set)
        end, done = time.monotonic() + SECONDS, 0
        queue = []
        while time.monotonic() < end:
            queue = queue or self.random.sample(self.FAULTS, len(self.FAULTS))
            fault, name = queue.pop(), self.random.choice(("first", "second", "quiet"))
            with self.subTest(seed=seed, number=done, fault=fault.__name__, program=name):
                began = time.time()
                renewed = fault(self, name)
                wait_until(lambda: all((patient(self.pids) or before_pids(before)).get(p) != before[p]["pid"] for p in renewed),
                           f"new processes of {renewed} after {fault.__name__}")
                after = self.wait_settled()
                self.check_pids(before, after, renewed)
                self.check_log("first")
                self.check_log("second")
                self.check_events()
                before = after
                for client in clients:
                    self.assertEqual([(when - began, error) for when, error in client.refused], [])
            if not self._outcome.success:
                with open(f"{LOGS}/supervisord.log", encoding="utf-8") as file:
                    print("".join(file.readlines()[-20:]), {name: (info["statename"], info["spawnerr"])
                                                            for name, info in infos().items()}, flush=True)
                break
            done += 1
        for client in clients:
            client.over.set()
            client.join()
        print(f"{done} faults, {sum(client.answers for client in clients)} answers", flush=True)
        self.assertEqual([client.refused for client in clients], [[], []])
        self.assertFalse(os.path.islink(SOCKET))


def before_pids(before):
    return {name: info["pid"] for name, info in before.items()}


if __name__ == "__main__":
    report.main()
