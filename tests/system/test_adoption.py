"""supersede adopt: an old supervisord's programs change hands while they run, and nobody notices."""

import os
import random
import re
import shutil
import subprocess
import threading
import time
import unittest

import report
from daemon import OURS, unit_of
from old_world import OldWorld, Poller
from waiting import wait_until

LONG = bool(os.environ.get("SUPERSEDE_LONG"))
ROUNDS = 20 if LONG else 2
FAULTS = 40 if LONG else 4
# Of a program that writes. Beside other tests every step takes several times as long.
PAUSE = 0.1 if LONG else 0.5
LOG_BYTES = 100 << 20
TALKERS = ("slow.log", "fast.log", "to_stderr.log", "merged.log")
# What the old daemon would do next by itself, and what ends with it.
ON_THE_MOVE = {"backoff:backoff", "ears:ears"}


# -D: the service's process is the daemon itself, or systemd would not be told how it ended.
WRAPPER = """\
#!/bin/sh
rm {once} 2>/dev/null || exec "$@"
exec /usr/bin/strace -D -f -qq -o /dev/null -e trace={call} -e inject={fault} "$@"
"""
# What strace is to do: the call, what becomes of it, and at which of many.
STEPS = [f"{call}:{what}:when={number}" for call, what, numbers in (
    ("fallocate", "error=ENOSPC", (1,)),
    ("rename", "error=ENOSPC", (1, 2, 3, 4, 5)),
    ("rename", "signal=KILL", (1, 2, 3, 4, 5)),
    ("sendmsg", "signal=KILL", (1, 3, 5, 10, 20, 30, 40, 50, 70, 90, 110, 130)),
    ("pidfd_send_signal", "error=EPERM", (1,)),
    ("pidfd_send_signal", "signal=KILL", (1, 2, 3)),
    ("pidfd_getfd", "error=EMFILE", (1, 2, 20, 50, 80)),
    ("pidfd_getfd", "signal=KILL", (1, 10, 40, 70, 90)),
    ("write", "error=ENOSPC", (1, 5, 10, 20, 40, 60, 80)),
    ("write", "signal=KILL", (1, 5, 10, 20, 40, 60, 80, 120, 160)),
    ("unlink", "signal=KILL", (1, 2, 3))) for number in numbers]


def cgroup_of(pid):
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        return next(line for line in file if line.startswith("0::")).strip()[3:]


class Adoption(unittest.TestCase):
    def adopt(self, world):
        done = world.supersede("adopt", world.daemon.conf)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def check_carried(self, before, after):
        self.assertEqual(set(before), set(after))
        for name in sorted(set(before) - ON_THE_MOVE):
            with self.subTest(name):
                self.assertEqual(after[name], before[name])
        self.assertIn(after["backoff:backoff"]["statename"], ("BACKOFF", "STARTING"))
        self.assertNotEqual(after["ears:ears"]["pid"], before["ears:ears"]["pid"])
        self.assertFalse(os.path.exists(f"/proc/{before['ears:ears']['pid']}"))

    def check_scopes(self, after):
        for name, info in after.items():
            if info["statename"] == "RUNNING" and name not in ON_THE_MOVE:
                self.assertRegex(unit_of(info["pid"]), r"^adopt.*\.scope$", name)
        # With its children, also those whose parents have ended.
        pid = after["family:family"]["pid"]
        with open(f"/sys/fs/cgroup{cgroup_of(pid)}/cgroup.procs", encoding="ascii") as file:
            self.assertEqual(len(file.readlines()), 4)

    def go_on(self, world, after):
        """Afterwards they are programs like any other."""
        supervisor = world.daemon.rpc.supervisor
        supervisor.sendProcessStdin("echo", "said after it\n")
        wait_until(lambda: "said after it" in world.daemon.read("echo.log"), "the echo")
        supervisor.stopProcess("pair:two")
        self.assertEqual(world.daemon.state("pair:two"), "STOPPED")
        supervisor.startProcess("pair:two")
        self.assertRegex(unit_of(world.daemon.pid("pair:two")), r"pair:two\.service$")
        os.kill(after["pair:one"]["pid"], 9)
        wait_until(lambda: world.daemon.pid("pair:one") not in (0, after["pair:one"]["pid"]), "a new process of pair:one")
        self.assertRegex(unit_of(world.daemon.wait_state("pair:one", "RUNNING")["pid"]), r"pair:one\.service$")
        for name in ("gate:*", "port"):
            supervisor.stopProcessGroup(name.partition(":")[0])
            supervisor.startProcessGroup(name.partition(":")[0])
        world.check_fcgi(self)
        family = after["family:family"]["pid"]
        scope = unit_of(family)
        supervisor.stopProcess("family")
        wait_until(lambda: subprocess.run(["systemctl", "is-active", "--quiet", scope], check=False).returncode != 0,
                   "the scope to go with all its processes")

    def check_survival(self, world):
        """The bridge dies: what was adopted is taken up again."""
        pids = {name: info["pid"] for name, info in world.infos().items() if info["statename"] == "RUNNING"}
        daemon = world.daemon_pid()
        os.kill(daemon, 9)
        wait_until(lambda: world.daemon_pid() != daemon and world.answers(), "the daemon to come back")
        after = world.infos()
        for name, pid in pids.items():
            if name not in ON_THE_MOVE:
                self.assertEqual(after[name]["pid"], pid, name)

    def round(self, number):
        world = OldWorld(f"adopt{number}").start()
        try:
            self.assertIn("Nothing was changed.", world.supersede("adopt", "--dry-run", world.daemon.conf).stdout)
            self.assertTrue(world.is_old())
            world.check_fcgi(self)
            counts = {name: len(world.lines(name)) for name in TALKERS}
            before = world.infos()
            poller = Poller(world)
            poller.start()
            began = time.monotonic()
            self.adopt(world)
            longest = poller.stop()
            self.assertFalse(world.is_old())
            after = world.infos()
            self.check_carried(before, after)
            self.check_scopes(after)
            for name, count in counts.items():
                world.check_log(self, name, count + 50)
            waits = {name: world.longest_wait(name, began) for name in ("slow", "fast", "to_stderr", "merged")}
            print(f"round {number}: longest wait of a client {longest:.3f} s, of programs {waits}", flush=True)
            self.assertLess(longest, 1)
            self.assertEqual(poller.refused, 0)
            self.assertLess(max(waits.values()), PAUSE)
            # Nothing else would start its programs at the next boot (Succession).
            self.assertEqual(subprocess.run(["systemctl", "is-enabled", "--quiet", world.unit], check=False).returncode, 0)
            self.assertNotEqual(subprocess.run(["systemctl", "is-active", "--quiet", world.unit], check=False).returncode, 0)
            world.check_fcgi(self)
            self.check_survival(world)
            world.check_fcgi(self)
            self.go_on(world, after)
            for name in TALKERS:
                world.check_log(self, name, len(world.lines(name)) + 50)
        finally:
            world.end()

    def test_everything_runs_on(self):
        for number in range(ROUNDS):
            self.round(number)


class Succession(unittest.TestCase):
    """A unit file of ours starts the same configuration: it goes on where the adoption has ended, and is there after a boot."""

    def setUp(self):
        self.world = OldWorld("adoptheir").start()
        self.addCleanup(self.world.end)
        self.unit = f"{self.world.daemon.name}.service"
        place = os.path.join(os.path.dirname(OURS.bin), "lib/systemd/system/supervisor.service")
        with open(place, encoding="utf-8") as file:
            text = re.sub(r"-c \S+", f"-c {self.world.daemon.conf}", file.read())
        text = re.sub("^(Slice|Wants)=.*$", "", text, flags=re.MULTILINE)
        with open(f"/etc/systemd/system/{self.unit}", "w", encoding="utf-8") as file:
            file.write(text)
        self.addCleanup(os.unlink, f"/etc/systemd/system/{self.unit}")
        self.addCleanup(subprocess.run, ["systemctl", "disable", "--quiet", self.unit], check=False)
        subprocess.run(["systemctl", "daemon-reload"], check=True)

    def ask(self, question, unit):
        return subprocess.run(["systemctl", question, unit], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()

    def main_pid(self):
        return int(subprocess.run(["systemctl", "show", "-P", "MainPID", self.unit], stdout=subprocess.PIPE, text=True,
                                  check=True).stdout)

    def check_pids(self, before):
        after = self.world.infos()
        self.assertEqual({name: info["pid"] for name, info in after.items() if name not in ON_THE_MOVE},
                         {name: info["pid"] for name, info in before.items() if name not in ON_THE_MOVE})

    def wait_for_heir(self):
        wait_until(lambda: self.ask("is-active", self.unit) == "active" and self.main_pid() == self.world.daemon_pid(), "the heir")
        wait_until(lambda: self.ask("is-active", f"supersede-{self.unit}") == "inactive", "the other one to be gone")
        wait_until(self.world.answers, "an answer")

    def test_the_unit_file_goes_on(self):
        before = self.world.infos()
        counts = {name: len(self.world.lines(name)) for name in TALKERS}
        poller = Poller(self.world)
        poller.start()
        done = self.world.supersede("adopt", self.world.daemon.conf)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.wait_for_heir()
        longest = poller.stop()
        self.assertLess(longest, 1)
        self.assertEqual(poller.refused, 0)
        self.check_pids(before)
        self.assertEqual(self.ask("is-enabled", self.unit), "enabled")
        self.assertEqual(self.ask("is-enabled", self.world.unit), "disabled")
        self.assertEqual(self.ask("is-active", self.world.unit), "inactive")
        # What an operator does next.
        for words in (["status"], ["restart"], ["start"]):
            self.assertEqual(subprocess.run(["systemctl", *words, self.unit], stdout=subprocess.DEVNULL, check=False).returncode, 0, words)
            self.wait_for_heir()
            self.check_pids(before)
        for name, count in counts.items():
            self.world.check_log(self, name, count + 50)
        self.world.check_fcgi(self)

    def test_what_was_there_for_the_time_being_is_forgotten(self):
        """Also when it fails after it was told to stop: nothing is left that is called failed."""
        directory = f"/run/systemd/system/supersede-{self.unit}.d"
        os.makedirs(directory)
        self.addCleanup(shutil.rmtree, directory)
        with open(f"{directory}/end.conf", "w", encoding="utf-8") as file:
            file.write("[Service]\nExecStopPost=/bin/sh -c 'sleep 2; exit 1'\n")
        self.world.supersede("adopt", self.world.daemon.conf)
        self.wait_for_heir()

    def test_there_is_one_of_it(self):
        self.world.supersede("adopt", self.world.daemon.conf)
        self.wait_for_heir()
        before = self.world.infos()
        main = self.main_pid()
        # Another one of the same name does not come up beside it.
        done = subprocess.run([OURS.program("supervisord"), "-c", self.world.daemon.conf], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("another supervisord", done.stdout)
        self.assertEqual(self.main_pid(), main)
        os.kill(main, 9)
        wait_until(lambda: self.main_pid() not in (0, main), "the heir to come back")
        self.wait_for_heir()
        self.check_pids(before)


def bridge_of(world):
    """The process of the bridge that is adopting, as soon as it is there."""
    name = f"supervisord --handoff /run/supersede/{world.daemon.name}/handoff"
    found = subprocess.run(["pgrep", "-f", name], stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    return int(found[0]) if found else None


class Faults(unittest.TestCase):
    """Something goes wrong in the middle: the old world or the new one, never between."""

    def setUp(self):
        self.world = None

    def tearDown(self):
        if self.world:
            self.world.end()

    def bridge_is_settled(self):
        """Not on its way: a bridge that died before it had begun begins anew."""
        state = subprocess.run(["systemctl", "is-active", f"{self.world.daemon.name}.service"], stdout=subprocess.PIPE, text=True,
                               check=False).stdout.strip()
        return state in ("active", "inactive", "failed")

    def check_world(self, before, name):
        """Whichever it is, it is whole."""
        wait_until(lambda: self.bridge_is_settled() and self.world.answers(), f"{name}: somebody to answer for good")
        old = self.world.is_old()
        after = self.world.infos()
        for process, info in before.items():
            if process not in ON_THE_MOVE:
                self.assertEqual((after[process]["pid"], after[process]["statename"]), (info["pid"], info["statename"]),
                                 f"{name}: {process}, old: {old}")
        for log in TALKERS:
            self.world.check_log(self, log, len(self.world.lines(log)) + 20)
        if old:
            pid = self.world.daemon.rpc.supervisor.getPID()
            self.assertEqual(unit_of(pid), self.world.unit)
            wait_until(lambda: unit_of(before["many:many_00"]["pid"]) == self.world.unit, "the programs to be back in place")
            wait_until(lambda: not os.path.exists(f"/run/systemd/system/{self.world.unit}.d"), "the drop-in to go")
        return old

    def test_the_bridge_dies_at_any_moment(self):
        chance = random.Random(int(os.environ.get("SUPERSEDE_SEED") or "7"))
        outcomes = {True: 0, False: 0}
        self.world = OldWorld("adoptdies").start()
        for number in range(FAULTS):
            before = self.world.infos()
            delay = chance.uniform(0, 0.4)
            done = []
            thread = threading.Thread(target=lambda: done.append(self.world.supersede("adopt", self.world.daemon.conf)),
                                      daemon=True)
            thread.start()
            pid = wait_until(lambda: bridge_of(self.world) or done, "the bridge that adopts", interval=0.001)
            self.assertEqual([ended.stdout for ended in done], [], "it ended by itself")
            time.sleep(delay)
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
            thread.join()
            old = self.check_world(before, f"killed after {delay:.3f} s")
            outcomes[old] += 1
            if not old:
                self.world.end()
                self.world = OldWorld(f"adoptdies{number}").start()
        print(f"the old world {outcomes[True]} times, the new one {outcomes[False]} times", flush=True)

    def refuse(self, before, expected):
        done = self.world.supersede("adopt", self.world.daemon.conf)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(expected, done.stdout)
        self.assertIn("run on as before", done.stdout)
        self.assertTrue(self.check_world(before, expected))

    def inject(self, fault):
        """The bridge's first life runs under strace, which does that to one of its system calls."""
        name = self.world.daemon.name
        directory, once = f"/run/systemd/system/{name}.service.d", f"/run/{name}.fault"
        wrapper = self.world.daemon.write("wrapper", WRAPPER.format(once=once, fault=fault, call=fault.partition(":")[0]), 0o755)
        with open(once, "w", encoding="ascii"):
            pass
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/fault.conf", "w", encoding="utf-8") as file:
            file.write(f"[Service]\nNotifyAccess=all\nExecStart=\nExecStart={wrapper} {OURS.program('supervisord')} "
                       f"--handoff /run/supersede/{name}/handoff\n")
        subprocess.run(["systemctl", "daemon-reload"], check=True)

    def heal(self):
        directory = f"/run/systemd/system/{self.world.daemon.name}.service.d"
        os.unlink(f"{directory}/fault.conf")
        os.rmdir(directory)
        subprocess.run(["systemctl", "daemon-reload"], check=True)

    def test_every_step_can_fail(self):
        """Killed at, or refused, one call after the other of those that the steps of an adoption consist of."""
        outcomes = {True: 0, False: 0}
        worlds = 0
        for fault in STEPS if LONG else STEPS[:1] + STEPS[6:8]:
            if not self.world:
                self.world = OldWorld(f"adoptstep{worlds}").start()
                worlds += 1
            before = self.world.infos()
            self.inject(fault)
            done = self.world.supersede("adopt", self.world.daemon.conf)
            old = self.check_world(before, f"{fault}: {done.stdout}")
            outcomes[old] += 1
            self.heal()
            # One that stays old is good for the next fault, as long as its logs can be read at every look.
            if not old or self.world.log_bytes() > LOG_BYTES:
                self.world.end()
                self.world = None
        print(f"the old world {outcomes[True]} times, the new one {outcomes[False]} times", flush=True)
        self.assertGreater(outcomes[True], 0)

    def test_what_is_not_permitted(self):
        self.world = OldWorld("adoptforbidden").start()
        before = self.world.infos()
        directory = f"/run/systemd/system/{self.world.daemon.name}.service.d"
        os.makedirs(directory)
        with open(f"{directory}/forbid.conf", "w", encoding="utf-8") as file:
            file.write("[Service]\nSystemCallFilter=~pidfd_getfd\nSystemCallErrorNumber=EPERM\n")
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        self.refuse(before, "could not take its pipes")
        os.unlink(f"{directory}/forbid.conf")
        os.rmdir(directory)
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        self.assertEqual(self.world.supersede("adopt", self.world.daemon.conf).returncode, 0)
        self.assertFalse(self.check_world(before, "permitted"))

    def test_no_room_to_write_anything_down(self):
        self.world = OldWorld("adoptfull").start()
        before = self.world.infos()
        place = f"/run/supersede/{self.world.daemon.name}"
        for size in ("4k", "64k", "256k", "512k", "2m"):
            os.makedirs(place, mode=0o700, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", place], check=True)
            try:
                done = self.world.supersede("adopt", self.world.daemon.conf)
                old = self.check_world(before, f"{size} for the bridge")
                self.assertEqual(done.returncode == 0, not old, done.stdout)
                if not old:
                    break
            finally:
                subprocess.run(["umount", "--lazy", place], check=True)

    def test_what_runs_but_is_not_configured(self):
        self.world = OldWorld("adoptunknown").start()
        before = self.world.infos()
        text = self.world.daemon.read("supervisord.conf")
        self.world.daemon.write("supervisord.conf", text.replace("[program:echo]", "[program:renamed]"))
        done = self.world.supersede("adopt", "--dry-run", self.world.daemon.conf)
        self.assertIn("NOT IN THE CONFIGURATION", done.stdout)
        self.assertEqual(done.returncode, 2)
        done = self.world.supersede("adopt", self.world.daemon.conf)
        self.assertIn("echo:echo runs", done.stdout)
        self.assertEqual(done.returncode, 2)
        self.world.daemon.write("supervisord.conf", text)
        self.assertTrue(self.check_world(before, "not configured"))

    def test_nobody_is_there(self):
        self.world = OldWorld("adoptnobody")
        done = self.world.supersede("adopt", self.world.daemon.conf)
        self.assertEqual((done.returncode, done.stdout),
                         (2, f"supersede: no supervisord of the old kind runs with {self.world.daemon.conf} here\n"))


if __name__ == "__main__":
    report.main()
