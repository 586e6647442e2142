"""update --minimal: within a changed group, only the processes that differ are touched."""

import unittest

import report
from daemon import ORACLE, OURS, Daemon

MANY = "[program:many]\ncommand=/bin/sleep 1000\nprocess_name=%(program_name)s_%(process_num)d\nstartsecs=0\nnumprocs={}\n"
PAIR = "[program:one]\ncommand=/bin/sleep {}\nstartsecs=0\n[program:two]\ncommand=/bin/sleep 2000\nstartsecs=0\n[group:pair]\nprograms=one,two\n"


class Minimal(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(OURS, "minimal")
        self.addCleanup(self.daemon.stop)

    def start(self, text, *names):
        self.daemon.configure(text)
        self.daemon.start()
        for name in names:
            self.daemon.wait_state(name, "RUNNING")

    def pids(self):
        return {f"{i['group']}:{i['name']}": i["pid"] for i in self.daemon.rpc.supervisor.getAllProcessInfo()}

    def update(self, text, *arguments):
        self.daemon.configure(text)
        return self.daemon.control("update", "--minimal", *arguments)

    def test_numprocs_grows_and_shrinks(self):
        self.start(MANY.format(3), "many:many_0", "many:many_1", "many:many_2")
        before = self.pids()
        output = self.update(MANY.format(5))
        self.assertEqual((output.status, output.text),
                         (0, "many:many_3: added\nmany:many_4: added\nmany: updated process group\n"))
        for name in ("many:many_3", "many:many_4"):
            self.daemon.wait_state(name, "RUNNING")
        after = self.pids()
        self.assertEqual({n: after[n] for n in before}, before)
        output = self.update(MANY.format(2))
        self.assertEqual(output.text.splitlines(), ["many:many_2: removed", "many:many_3: removed", "many:many_4: removed",
                                                    "many: updated process group"])
        self.assertEqual(self.pids(), {n: before[n] for n in ("many:many_0", "many:many_1")})
        # What stayed is managed like before.
        self.assertEqual(self.daemon.control("restart", "many:many_0").text, "many:many_0: stopped\nmany:many_0: started\n")

    def test_one_of_a_group_changes(self):
        self.start(PAIR.format(1000), "pair:one", "pair:two")
        before = self.pids()
        output = self.update(PAIR.format(1001))
        self.assertEqual((output.status, output.text), (0, "pair:one: changed\npair: updated process group\n"))
        self.daemon.wait_state("pair:one", "RUNNING")
        after = self.pids()
        self.assertEqual(after["pair:two"], before["pair:two"])
        self.assertNotEqual(after["pair:one"], before["pair:one"])
        with open(f"/proc/{after['pair:one']}/cmdline", encoding="utf-8") as file:
            self.assertIn("1001", file.read())
        self.assertEqual(self.daemon.control("reread").text, "No config updates to processes\n")

    def test_new_and_gone_groups_are_as_ever(self):
        self.start(MANY.format(1), "many:many_0")
        output = self.update(PAIR.format(5))
        self.assertEqual(output.text, "many: stopped\nmany: removed process group\npair: added process group\n")

    def test_survives_the_bridge(self):
        self.start(PAIR.format(1000), "pair:one", "pair:two")
        self.update(PAIR.format(1001))
        self.daemon.wait_state("pair:one", "RUNNING")
        before = self.pids()
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.pids(), before)


class Oracle(unittest.TestCase):
    def test_says_that_it_cannot(self):
        daemon = Daemon(ORACLE, "theirs")
        self.addCleanup(daemon.stop)
        daemon.configure(MANY.format(1))
        daemon.start()
        daemon.wait_state("many:many_0", "RUNNING")
        pid = daemon.pid("many:many_0")
        daemon.configure(MANY.format(2))
        output = daemon.control("update", "--minimal", client=OURS)
        self.assertEqual((output.status, output.text),
                         (1, "ERROR: this supervisord can only update whole groups: leave out --minimal\n"))
        self.assertEqual(daemon.pid("many:many_0"), pid)


if __name__ == "__main__":
    report.main()
