"""The bridge is killed with SIGKILL: programs go on, and the next bridge knows them all and starts none twice."""

import contextlib
import os
import random
import signal
import subprocess
import unittest

import report
from daemon import OURS, Daemon, Role, unit_of
from hanging_up import Answer, HangingUp, in_front
from stories import program
from waiting import wait_until

HERE = os.path.dirname(os.path.realpath(__file__))
# Appends a line for every run, so that nobody can start it twice unnoticed.
COUNTED = "/bin/sh -c 'echo run >>%(here)s/%(program_name)s.runs; {then}'"
KEPT = ("name", "group", "start", "stop", "state", "statename", "spawnerr", "exitstatus", "pid", "logfile",
        "stdout_logfile", "stderr_logfile")


def counted(name, then="exec sleep 1000", **settings):
    return f"[program:{name}]\ncommand={COUNTED.format(then=then)}\n" + "".join(
        f"{key}={value}\n" for key, value in settings.items())


def process_start(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[19]


def process_status(pid):
    """What is left of a process; None when it is gone, or waits for systemd to take note of that."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            text = file.read()
        return None if "\nState:\tZ" in text else text
    except (FileNotFoundError, ProcessLookupError):
        return None


def shown(unit, name):
    return subprocess.run(["systemctl", "show", "-P", name, unit], check=True, capture_output=True, text=True).stdout.strip()


class Survival(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(OURS, f"survives{self.id().rpartition('_')[2]}")
        self.addCleanup(self.daemon.stop)

    def runs(self, name):
        return self.daemon.read(f"{name}.runs").count("run\n") if os.path.exists(self.daemon.path(f"{name}.runs")) else 0

    def all_info(self):
        return {f"{info['group']}:{info['name']}": {key: info[key] for key in KEPT}
                for info in self.daemon.rpc.supervisor.getAllProcessInfo()}

    def start(self, text, **states):
        self.daemon.configure(text)
        self.daemon.start()
        for name, state in states.items():
            self.daemon.wait_state(name.replace("__", ":"), state)

    def test_nothing_changes_over_several_kills(self):
        self.start(counted("steady") + counted("second", redirect_stderr="true") + counted("ends", "exit 0", startsecs=0)
                   + counted("never", "exit 1", startretries=1, startsecs=2) + program("off", autostart="false")
                   + program("halted") + "[program:many]\ncommand=/bin/sleep 1000\nnumprocs=3\n"
                   "process_name=%(program_name)s_%(process_num)d\n" + program("inner") + "[group:g]\nprograms=inner\n",
                   steady="RUNNING", second="RUNNING", ends="EXITED", never="FATAL", halted="RUNNING",
                   many__many_0="RUNNING", many__many_1="RUNNING", many__many_2="RUNNING", g__inner="RUNNING")
        self.daemon.rpc.supervisor.stopProcess("halted")
        before = self.all_info()
        started = {name: process_start(info["pid"]) for name, info in before.items() if info["pid"]}
        self.assertEqual(len(started), 6)
        for _ in range(5):
            self.daemon.kill()
            for name, clock in started.items():
                self.assertEqual(process_start(before[name]["pid"]), clock, name)
            self.daemon.start()
            self.assertEqual(self.all_info(), before)
        self.assertEqual([self.runs(name) for name in ("steady", "second", "ends", "never")], [1, 1, 1, 2])

    def start_and_die(self, call, number):
        """A daemon that is killed when it makes that call for the numberth time, or at the latest when it answers."""
        with open(self.daemon.path("output"), "ab") as output:
            # -D: the daemon is our child, not strace's.
            self.daemon.process = subprocess.Popen(
                ["strace", "-D", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}",
                 OURS.program("supervisord"), "-n", "-c", self.daemon.conf], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        with contextlib.suppress(AssertionError):
            wait_until(self.daemon.answers, "the daemon to be killed or to answer")
        self.daemon.kill()

    def test_it_dies_while_it_starts(self):
        """Once, and the next one as well: whatever ran, or was to run, does in the end, and is not started twice."""
        seed = int(os.environ.get("SUPERSEDE_SEED") or random.SystemRandom().randrange(1 << 30))
        print(f"SUPERSEDE_SEED={seed}", flush=True)
        moments = [(call, number) for call in ("write", "sendmsg") for number in range(1, 41)]
        if not os.environ.get("SUPERSEDE_LONG"):
            moments = random.Random(seed).sample(moments, 8)
        self.start(counted("steady") + program("halted") + f"[eventlistener:ear]\ncommand=/usr/bin/python3 {HERE}/recorder.py "
                   "%(here)s/events\nevents=TICK_3600\n", steady="RUNNING", halted="RUNNING", ear="RUNNING")
        self.daemon.rpc.supervisor.stopProcess("halted")
        pid = self.all_info()["steady:steady"]["pid"]
        for call, number in moments:
            with self.subTest(call=call, number=number):
                self.daemon.kill()
                self.start_and_die(call, number)
                self.start_and_die("write", 41 - number)
                self.daemon.start()
                self.daemon.wait_state("ear", "RUNNING")
                self.assertEqual(self.all_info()["halted:halted"]["statename"], "STOPPED")
                self.assertEqual(self.all_info()["steady:steady"]["pid"], pid)
        self.assertEqual(self.runs("steady"), 1)

    def test_systemd_hangs_up_while_the_next_one_looks(self):
        """Before it has told which units there are, and once more in the middle of telling about them."""
        self.start(counted("one") + counted("two") + counted("never", "exit 1", startretries=0) + program("off", autostart="false"),
                   one="RUNNING", two="RUNNING", never="FATAL")
        before = self.all_info()
        self.daemon.kill()
        # Its first connection only asks whether there is somebody.
        between = HangingUp(self.daemon.path("private"), None, Answer(b"(ssssssouso)", False), Answer(b"ExecMainPID", True))
        in_front(self.daemon.directory, self.daemon.path("private"), OURS.program("supervisord"))
        self.daemon.role = Role("ours", self.daemon.directory)
        self.daemon.start()
        self.assertEqual(between.hung_up, 2)
        self.assertEqual(self.all_info(), before)
        self.assertEqual([self.runs(name) for name in ("one", "two", "never")], [1, 1, 1])
        log = self.daemon.read("main.log")
        self.assertEqual([log.count(f"resumed: '{name}' RUNNING") for name in ("one", "two")], [1, 1])
        # It goes on hearing what systemd has to say.
        os.kill(self.daemon.pid("one"), signal.SIGKILL)
        wait_until(lambda: self.runs("one") == 2, "one to run again")
        self.daemon.wait_state("one", "RUNNING")

    def test_what_was_taken_over_can_be_stopped_and_started(self):
        self.start(counted("one") + counted("two", autorestart="true"), one="RUNNING", two="RUNNING")
        pid = self.daemon.pid("one")
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.daemon.control("stop", "one").text, "one: stopped\n")
        self.assertIsNone(process_status(pid))
        self.assertEqual(self.daemon.state("one"), "STOPPED")
        self.assertEqual(self.daemon.control("start", "one").text, "one: started\n")
        self.assertEqual((self.runs("one"), self.runs("two")), (2, 1))
        old = self.daemon.pid("two")
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: self.daemon.pid("two") not in (0, old), "a new process")
        self.daemon.wait_state("two", "RUNNING")
        self.assertEqual(self.runs("two"), 2)

    def test_programs_are_restarted_without_a_bridge(self):
        self.start(counted("one", startsecs=1), one="RUNNING")
        old = self.daemon.pid("one")
        self.daemon.kill()
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: self.runs("one") == 2, "systemd to start it again")
        self.daemon.start()
        info = self.daemon.wait_state("one", "RUNNING")
        self.assertNotEqual(info["pid"], old)
        self.assertTrue(os.path.exists(f"/proc/{info['pid']}"))
        self.assertEqual(self.runs("one"), 2)

    def test_ends_without_a_bridge_are_learnt_later(self):
        names = ("fine", "bad", "killed", "expected", "either")
        self.start(counted("fine", "sleep 2; while [ ! -e %(here)s/go ]; do sleep 0.1; done; exit 0", startsecs=1)
                   + counted("bad", "sleep 2; while [ ! -e %(here)s/go ]; do sleep 0.1; done; exit 3", startsecs=1,
                             autorestart="false")
                   + counted("killed", "sleep 2; while [ ! -e %(here)s/go ]; do sleep 0.1; done; kill -9 $$", startsecs=1,
                             autorestart="false")
                   + counted("expected", "sleep 2; while [ ! -e %(here)s/go ]; do sleep 0.1; done; exit 2", startsecs=1,
                             exitcodes="2")
                   + counted("either", "sleep 2; while [ ! -e %(here)s/go ]; do sleep 0.1; done; exit 5", startsecs=1,
                             exitcodes="0,5"),
                   **dict.fromkeys(names, "RUNNING"))
        pids = [self.daemon.pid(name) for name in names]
        self.daemon.kill()
        self.daemon.write("go", "")
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "all to end")
        self.daemon.start()
        self.assertEqual(self.daemon.wait_state("fine", "EXITED")["exitstatus"], 0)
        # To systemd every end of this one is a success, and it forgets such units.
        self.assertEqual(self.daemon.wait_state("bad", "EXITED")["exitstatus"], 3)
        self.assertEqual(self.daemon.wait_state("killed", "EXITED")["exitstatus"], -1)
        self.assertEqual(self.daemon.wait_state("expected", "EXITED")["exitstatus"], 2)
        self.assertEqual(self.daemon.wait_state("either", "EXITED")["exitstatus"], 5)
        self.assertEqual((self.runs("fine"), self.runs("bad")), (1, 1))

    def test_an_end_that_is_not_over_is_learnt(self):
        """systemd is still busy with what follows it when the next bridge looks."""
        self.start(counted("killed", "sleep 2; while [ ! -e %(here)s/go ]; do sleep 0.1; done; kill -9 $$", autorestart="false",
                           **{"systemd.ExecStopPost": "/bin/sh -c 'until [ -e %(here)s/over ]; do sleep 0.1; done'"}),
                   killed="RUNNING")
        pid = self.daemon.pid("killed")
        unit = unit_of(pid)
        self.daemon.kill()
        self.daemon.write("go", "")
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the end")
        self.daemon.start()
        self.assertEqual(shown(unit, "ActiveState"), "deactivating")
        info = self.daemon.info("killed")
        self.assertEqual((info["statename"], info["exitstatus"]), ("EXITED", -1))
        self.assertGreaterEqual(info["stop"], info["start"])
        self.daemon.write("over", "")
        wait_until(lambda: shown(unit, "ActiveState") == "inactive", "the unit to be done")
        self.assertEqual(self.daemon.info("killed"), info | {"now": self.daemon.info("killed")["now"]})

    def test_a_wait_before_a_restart(self):
        """What was RUNNING when it crashed is EXITED until systemd starts it anew; what came to nothing is in BACKOFF."""
        self.start(counted("up", autorestart="true") + counted("early", "exit 1", startretries=5), up="RUNNING", early="BACKOFF")
        pid = self.daemon.pid("up")
        units = [unit_of(pid).rpartition(":")[0] + f":{name}.service" for name in ("up", "early")]
        for unit in units:
            os.makedirs(f"/run/systemd/system/{unit}.d", exist_ok=True)
            with open(f"/run/systemd/system/{unit}.d/zz-pause.conf", "w", encoding="ascii") as file:
                file.write("[Service]\nRestartSec=5\n")
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        self.daemon.kill()
        os.kill(pid, signal.SIGKILL)
        for unit in units:
            wait_until(lambda unit=unit: shown(unit, "SubState") == "auto-restart", f"{unit} to wait")
        self.daemon.start()
        states = [self.daemon.state(name) for name in ("up", "early")]
        self.assertEqual([shown(unit, "SubState") for unit in units], ["auto-restart"] * 2)
        self.assertEqual(states, ["EXITED", "BACKOFF"])
        self.assertEqual(self.daemon.info("up")["exitstatus"], -1)
        self.assertNotEqual(self.daemon.wait_state("up", "RUNNING")["pid"], pid)
        self.assertEqual(self.runs("up"), 2)

    def test_giving_up_needs_no_bridge(self):
        self.start(counted("never", "exit 1", startsecs=2, startretries=2))
        wait_until(lambda: self.runs("never") >= 1, "the first try")
        self.daemon.kill()
        wait_until(lambda: self.runs("never") == 3, "all tries")
        self.daemon.start()
        self.daemon.wait_state("never", "FATAL")
        self.assertEqual(self.runs("never"), 3)

    def test_what_is_not_configured_any_more_goes(self):
        """Whatever systemd thinks of how it ends: nothing is left that is called failed."""
        self.start(counted("stays") + counted("goes", stopsignal="KILL"), stays="RUNNING", goes="RUNNING")
        stays, goes = self.daemon.pid("stays"), self.daemon.pid("goes")
        unit = unit_of(goes)
        self.daemon.kill()
        self.daemon.configure(counted("stays"))
        self.daemon.start()
        wait_until(lambda: process_status(goes) is None, "the program to go")
        wait_until(lambda: shown(unit, "LoadState") == "not-found", f"{unit} to be forgotten")
        self.assertEqual(self.daemon.pid("stays"), stays)
        self.assertIn(f"unit {unit} belongs to no program of the configuration: stopping it", self.daemon.read("main.log"))

    def test_term_after_a_kill_stops_everything(self):
        self.start(counted("one") + counted("two"), one="RUNNING", two="RUNNING")
        pids = [self.daemon.pid(name) for name in ("one", "two")]
        units = [unit_of(pid) for pid in pids]
        self.assertEqual(len(set(units)), 2)
        self.daemon.kill()
        self.daemon.start()
        self.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(30), 0)
        for pid in pids:
            self.assertIsNone(process_status(pid))


if __name__ == "__main__":
    report.main()
