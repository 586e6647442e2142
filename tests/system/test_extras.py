"""What our supervisorctl can do beyond the oracle's: JSON, patterns, rolling restarts. With our daemon and with the oracle's."""

import json
import os
import subprocess
import unittest

import report
from daemon import ORACLE, OURS, STAND_IN, Daemon
from stories import program

CONFIGURATION = """
[program:ticker]
command=/bin/sh -c "while :; do echo; sleep 0.05; done"
stdout_logfile=NONE

[program:web]
command=/bin/sleep 1000
numprocs=3
process_name=%(program_name)s_%(process_num)02d
startsecs=1

[program:one]
command=/bin/sleep 1000
startsecs=0
priority=20

[program:two]
command=/bin/sleep 1000
startsecs=0
priority=10

[program:fails]
command=/bin/sh -c "test -e %(here)s/allowed && exec sleep 1000"
startsecs=1
startretries=0
priority=15

[group:mixed]
programs=one,two,fails

[program:w?b]
command=/bin/sleep 1000
startsecs=0
""" + program("off", autostart="false")


class Extras:
    role = None

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(cls.role, f"extras-{cls.role.name}")
        cls.daemon.configure(CONFIGURATION)
        cls.daemon.write("allowed", "")
        cls.addClassCleanup(cls.daemon.stop)
        cls.daemon.start()
        cls.started("web:web_00", "web:web_01", "web:web_02", "mixed:fails", "w?b", "mixed:one", "mixed:two", "ticker")

    @classmethod
    def started(cls, *names):
        for name in names:
            cls.daemon.wait_state(name, "RUNNING")

    def run_ours(self, *arguments):
        """Standard output and standard error apart, as the programs have them who read JSON."""
        return subprocess.run([OURS.program("supervisorctl"), "-c", self.daemon.conf, *arguments], capture_output=True,
                              text=True, check=False, timeout=120, cwd="/", stdin=subprocess.DEVNULL)

    def check(self, arguments, status, text):
        output = self.daemon.control(*arguments, client=OURS)
        self.assertEqual((output.status, output.text), (status, text))

    def pids(self, *names):
        return {name: self.daemon.pid(name) for name in names}

    def infos(self):
        return {f"{info['group']}:{info['name']}": info for info in self.daemon.rpc.supervisor.getAllProcessInfo()}

    def test_json_is_what_the_daemon_tells(self):
        done = self.run_ours("status", "--json")
        told = {f"{info['group']}:{info['name']}": info for info in json.loads(done.stdout)}
        expected = self.infos()
        for info in [*told.values(), *expected.values()]:
            del info["now"]
            info["description"] = info["description"].partition(",")[0]
        self.assertEqual((done.returncode, done.stderr), (3, ""))
        self.assertEqual(told, expected)

    def test_json_of_some(self):
        done = self.run_ours("status", "--json", "web:web_01", "nobody", "mixed:*")
        self.assertEqual([info["name"] for info in json.loads(done.stdout)], ["web_01", "fails", "one", "two"])
        self.assertEqual((done.returncode, done.stderr), (4, "nobody: ERROR (no such process)\n"))
        done = self.run_ours("status", "web:*", "--json")
        self.assertEqual((done.returncode, len(json.loads(done.stdout))), (0, 3))

    def test_patterns_choose(self):
        self.check(["status", "web*"], 0, "".join(f"web:web_0{i:<23} RUNNING   pid N, uptime T\n" for i in range(3)))
        self.check(["status", "[o]ff"], 3, "off" + " " * 30 + "STOPPED   Not started\n")
        # Literally called so, though it fits more.
        self.check(["status", "w?b"], 0, "w?b" + " " * 30 + "RUNNING   pid N, uptime T\n")
        self.check(["signal", "CONT", "*:t[vw]o"], 0, "mixed:two: signalled\n")
        self.check(["clear", "web:*_0[12]"], 0, "web:web_01: cleared\nweb:web_02: cleared\n")
        self.check(["start", "web:*_0?"], 0, "".join(f"web:web_0{i}: ERROR (already started)\n" for i in range(3)))
        self.check(["tail", "web:*"], 1, "web:*: ERROR (no such process name)\n")
        self.check(["tail", "web:*?"], 1, "web:*?: ERROR (fits several processes: web:web_00, web:web_01, web:web_02)\n")
        self.check(["tail", "o*f"], 0, "\n")

    def test_patterns_that_nothing_fits(self):
        for command in ("status", "start", "stop", "signal HUP", "clear"):
            for name in ("n*e", "*", "[", "web:n?pe"):
                ours = self.daemon.control(*command.split(), name, client=OURS)
                oracle = self.daemon.control(*command.split(), name, client=ORACLE)
                self.assertEqual(ours, oracle)
                self.assertEqual(ours.text, f"{name}: ERROR (no such process)\n")

    def test_patterns_stop_and_start(self):
        before = self.pids("web:web_00", "web:web_01", "web:web_02", "w?b")
        self.check(["stop", "web:*_0[01]"], 0, "web:web_00: stopped\nweb:web_01: stopped\n")
        self.check(["restart", "web:*_0[12]"], 0, "web:web_01: ERROR (not running)\nweb:web_02: stopped\n"
                                                  "web:web_01: started\nweb:web_02: started\n")
        self.check(["start", "web:*[0]"], 0, "web:web_00: started\n")
        after = self.pids("web:web_00", "web:web_01", "web:web_02", "w?b")
        self.assertEqual([name for name, pid in before.items() if after[name] == pid], ["w?b"])

    def test_rolling_goes_one_by_one(self):
        self.check(["restart", "--rolling", "web"], 0,
                   "".join(f"web:web_0{i}: stopped\nweb:web_0{i}: started\n" for i in range(3)))
        infos = [self.infos()[f"web:web_0{i}"] for i in range(3)]
        self.assertEqual({info["statename"] for info in infos}, {"RUNNING"})
        # Each was RUNNING, after startsecs=1, before the next was stopped; seconds are cut off.
        for first, second in zip(infos, infos[1:]):
            self.assertGreaterEqual(second["stop"] - first["start"], 1)

    def test_rolling_by_priority_until_the_first_failure(self):
        before = self.pids("mixed:one")
        self.check(["restart", "--rolling", "mixed"], 0,
                   "".join(f"mixed:{name}: stopped\nmixed:{name}: started\n" for name in ("two", "fails", "one")))
        kept = self.pids("mixed:one")
        self.assertNotEqual(before, kept)
        os.unlink(self.daemon.path("allowed"))
        self.addCleanup(self.allow_again)
        self.check(["restart", "mixed:*o*", "mixed:f*", "--rolling"], 1,
                   "mixed:two: stopped\nmixed:two: started\nmixed:fails: stopped\n"
                   "mixed:fails: ERROR (spawn error)\n"
                   "ERROR: rolling restart ends at mixed:fails; not touched: mixed:one\n")
        self.assertEqual(self.pids("mixed:one"), kept)

    def allow_again(self):
        self.daemon.write("allowed", "")
        self.daemon.control("start", "mixed:fails")
        self.started("mixed:fails")

    def test_rolling_touches_nothing_when_a_name_is_unknown(self):
        before = self.pids("web:web_00")
        self.check(["restart", "--rolling", "web", "nobody"], 1, "nobody: ERROR (no such group)\n")
        self.assertEqual(self.pids("web:web_00"), before)


class WithOurs(Extras, unittest.TestCase):
    role = STAND_IN if os.environ.get("SUPERSEDE_STAND_IN") else OURS


class WithOracle(Extras, unittest.TestCase):
    role = ORACLE


if __name__ == "__main__":
    report.main()
