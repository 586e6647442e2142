"""What programs of the field do with the oracle's own library: find the daemon by their environment and talk to it."""

import json
import unittest

import report
from daemon import ORACLE, OURS, Daemon
from together import together
from waiting import wait_until

PROGRAM = """\
import json, os, sys
from supervisor import childutils
rpc = childutils.getRPCInterface(os.environ)
me = os.environ["SUPERVISOR_GROUP_NAME"] + ":" + os.environ["SUPERVISOR_PROCESS_NAME"]
info = rpc.supervisor.getProcessInfo(me)
seen = {"state": rpc.supervisor.getState(), "name": info["name"], "group": info["group"], "mine": info["pid"] == os.getpid(),
        "identification": rpc.supervisor.getIdentification() == sys.argv[2], "api": rpc.supervisor.getAPIVersion(),
        "stopped": rpc.supervisor.stopProcess("other"), "other": rpc.supervisor.getProcessInfo("other")["statename"],
        "event": rpc.supervisor.sendRemoteCommEvent("from", "me"),
        "multicall": rpc.system.multicall([{"methodName": "supervisor.getState", "params": []}, {"methodName": "none.none"}])}
with open(sys.argv[1] + ".new", "w") as file:
    json.dump(seen, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
import time
time.sleep(1000)
"""


def tell(role, name):
    daemon = Daemon(role, name)
    script = daemon.write("program.py", PROGRAM)
    daemon.configure("[program:other]\ncommand=/bin/sleep 1000\nstartsecs=0\npriority=1\n"
                     f"[program:asks]\ncommand=/usr/bin/python3 {script} %(here)s/seen {name}\nprocess_name=one\npriority=2\n")
    try:
        daemon.start()
        wait_until(lambda: daemon.read("seen") if daemon_has(daemon) else None, "the program's report")
        return json.loads(daemon.read("seen"))
    finally:
        daemon.stop()


def daemon_has(daemon):
    try:
        daemon.read("seen")
        return True
    except FileNotFoundError:
        return False


class Childutils(unittest.TestCase):
    def test_the_library_sees_no_difference(self):
        first, second = together(lambda: tell(ORACLE, "theirs"), lambda: tell(OURS, "ours"))
        self.assertEqual(first, second)
        self.assertTrue(second["mine"] and second["identification"] and second["stopped"])
        self.assertEqual(second["other"], "STOPPED")


if __name__ == "__main__":
    report.main()
