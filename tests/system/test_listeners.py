"""Event listeners as processes: what they see, what the field does with them, what becomes of bad ones, and of all of them when
the daemon dies."""

import json
import os
import re
import subprocess
import time
import unittest

import pool_load
import report
from daemon import ORACLE, OURS, Daemon, unit_of
from together import together
from waiting import wait_until

RECORDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorder.py")

SEES = """\
import json, os, resource, stat, sys
def kind(fd):
    mode = os.fstat(fd).st_mode
    return "fifo" if stat.S_ISFIFO(mode) else "other %o" % mode
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
umask = os.umask(0)
seen = {"environment": {name: value for name, value in os.environ.items()},
        "descriptors": {fd: kind(fd) for fd in (0, 1, 2)},
        "others": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if int(fd) > 2)[1:],
        "group leader": os.getpgrp() == os.getpid(), "directory": os.getcwd(), "umask": umask, "uid": os.getresuid(),
        "gid": os.getresgid(), "groups": sorted(os.getgroups()), "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "ignored": status["SigIgn"].strip(), "blocked": status["SigBlk"].strip(), "caught": status["SigCgt"].strip(),
        "parent": os.getppid() == int(open(sys.argv[2]).read()), "argv": sys.argv[3:]}
with open(sys.argv[1] + ".new", "w") as file:
    json.dump(seen, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
sys.stdout.write("READY\\n")
sys.stdout.flush()
sys.stdin.read()
"""

# The exit-on-FATAL listeners that images and answers on the web are full of.
ENDERS = {
    "parent_of_shell": """#!/bin/bash
printf "READY\\n"
while read line; do
  echo "Processing Event: $line" >&2
  kill -TERM $PPID
done </dev/stdin
""",
    "pidfile": """#!/bin/bash
printf "READY\\n"
while read line; do
  kill -3 $(cat "$1")
done
""",
    "python": """#!/usr/bin/python3
import os, signal, sys
while True:
    sys.stdout.write("READY\\n")
    sys.stdout.flush()
    line = sys.stdin.readline()
    headers = dict(x.split(":") for x in line.split())
    sys.stdin.read(int(headers["len"]))
    os.kill(os.getppid(), signal.SIGTERM)
    sys.stdout.write("RESULT 2\\nOK")
    sys.stdout.flush()
""",
}


def units(identifier):
    listed = subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", f"{identifier}:*"],
                            stdout=subprocess.PIPE, text=True, check=True)
    return [line.split()[0] for line in listed.stdout.splitlines()]


def exists(path):
    return os.path.exists(path)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Daemons(unittest.TestCase):
    def daemon(self, role, name):
        daemon = Daemon(role, name)
        self.addCleanup(daemon.stop)
        return daemon


class Seen(Daemons):
    def seen(self, role, options, name):
        daemon = self.daemon(role, f"sees{name}{role.name}")
        script = daemon.write("sees.py", SEES)
        os.chmod(daemon.directory, 0o777)
        daemon.configure("[eventlistener:sees]\n"
                         f"command=/usr/bin/python3 -S {script} %(here)s/seen%(process_num)d %(here)s/supervisord.pid 'two words' %(process_num)d\n"
                         "events=TICK_60\n" + options)
        daemon.start()
        wait_until(lambda: exists(daemon.path("seen0")), "the listener's report")
        text = daemon.normal(daemon.read("seen0"))
        daemon.stop()
        return json.loads(text)

    def compare(self, options, name):
        oracle, ours = together(lambda: self.seen(ORACLE, options, name), lambda: self.seen(OURS, options, name))
        self.assertEqual(oracle, ours)
        self.assertTrue(ours["parent"])
        return ours

    def test_plain(self):
        ours = self.compare("", "plain")
        self.assertEqual(set(ours["descriptors"].values()), {"fifo"})
        self.assertEqual(ours["others"], [])

    def test_with_options(self):
        ours = self.compare("user=nobody\numask=027\ndirectory=/usr/share\nenvironment=ONE=1,TWO=\"a b\"\nnumprocs=2\n"
                            "process_name=%(program_name)s_%(process_num)s\n", "options")
        self.assertEqual(ours["environment"]["TWO"], "a b")
        self.assertNotEqual(ours["uid"][0], 0)


class Enders(Daemons):
    def ended_by(self, role, name):
        daemon = self.daemon(role, f"ends{name.replace('_', '')}{role.name}")
        script = daemon.write("ender", ENDERS[name], 0o755)
        daemon.configure(f"[eventlistener:ender]\ncommand={script} %(here)s/supervisord.pid\nevents=PROCESS_STATE_FATAL\n"
                         "[program:steady]\ncommand=sleep 1000\n"
                         "[program:bad]\ncommand=sh -c 'sleep 0.1; exit 1'\nstartretries=1\n")
        daemon.start()
        steady = daemon.pid("steady")
        status = daemon.process.wait(60)
        wait_until(lambda: not is_alive(steady), "the other program to be gone")
        if role is OURS:
            wait_until(lambda: not units(daemon.name), "every unit to be gone")
        self.assertFalse(exists(daemon.path("supervisord.pid")))
        log = re.findall(r"^\S+ \S+ (WARN received .*|INFO gave up: .*)$", daemon.read("main.log"), re.MULTILINE)
        return status, log

    def test_they_stop_the_daemon_and_nothing_else(self):
        subprocess.run(["systemd-run", "--unit=bystander", "sleep", "1000"], check=True, stderr=subprocess.DEVNULL)
        self.addCleanup(subprocess.run, ["systemctl", "stop", "bystander"], check=False)
        jobs = [lambda name=name, role=role: self.ended_by(role, name) for name in ENDERS for role in (ORACLE, OURS)]
        results = together(*jobs)
        for number, name in enumerate(ENDERS):
            with self.subTest(name):
                self.assertEqual(results[2 * number], results[2 * number + 1])
                self.assertEqual(results[2 * number + 1][0], 0)
        asked = subprocess.run(["systemctl", "is-active", "bystander"], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(asked.stdout.strip(), "active")
        asked = subprocess.run(["systemctl", "is-system-running"], stdout=subprocess.PIPE, text=True, check=False)
        self.assertIn(asked.stdout.strip(), ("running", "degraded"))


class Deaths(Daemons):
    def test_the_daemon_dies(self):
        daemon = self.daemon(OURS, "killed")
        daemon.configure(f"[eventlistener:one]\ncommand=/usr/bin/python3 {RECORDER} %(here)s/record\n"
                         "events=REMOTE_COMMUNICATION\nstartsecs=0\n"
                         "[eventlistener:parent]\ncommand=sh -c 'sleep 1000 & echo $! >%(here)s/orphan; exec sleep 1000'\n"
                         "events=TICK_3600\nstartsecs=0\n"
                         "[eventlistener:stopped]\ncommand=cat\nevents=TICK_3600\nstartsecs=0\n"
                         "[program:steady]\ncommand=sleep 1000\nstartsecs=0\n")
        daemon.start()
        for name in ("one", "parent", "stopped", "steady"):
            daemon.wait_state(name, "RUNNING")
        daemon.rpc.supervisor.stopProcess("stopped")
        wait_until(lambda: exists(daemon.path("orphan")) and daemon.read("orphan").strip(), "the orphan to be")
        before = {name: daemon.pid(name) for name in ("one", "parent", "steady")}
        orphan = int(daemon.read("orphan"))
        self.assertEqual(unit_of(before["one"]), "killed:one.scope")
        self.assertEqual(unit_of(orphan), "killed:parent.scope")
        daemon.kill()
        wait_until(lambda: not is_alive(before["one"]), "the listener to die with the daemon")
        daemon.start()
        for name in ("one", "parent"):
            self.assertNotEqual(daemon.wait_state(name, "RUNNING")["pid"], before[name])
        wait_until(lambda: not is_alive(orphan), "what the listener left behind to be gone")
        self.assertEqual(daemon.state("stopped"), "STOPPED")
        self.assertEqual(daemon.pid("steady"), before["steady"])
        daemon.rpc.supervisor.sendRemoteCommEvent("still", "here")
        wait_until(lambda: exists(daemon.path("record")) and "still" in daemon.read("record"), "an event to arrive")

    def test_a_stubborn_one_is_killed_with_all_it_has(self):
        daemon = self.daemon(OURS, "stubborn")
        script = daemon.write("stubborn.sh", "trap '' TERM\nsleep 1000 &\necho $! >%s\nwait\nwait\n" % daemon.path("child"))
        daemon.configure(f"[eventlistener:x]\ncommand=/bin/bash {script}\nevents=TICK_3600\nstartsecs=0\nstopwaitsecs=1\n")
        daemon.start()
        daemon.wait_state("x", "RUNNING")
        wait_until(lambda: exists(daemon.path("child")) and daemon.read("child").strip(), "its child")
        pid, child = daemon.pid("x"), int(daemon.read("child"))
        self.assertTrue(daemon.rpc.supervisor.stopProcess("x"))
        self.assertFalse(is_alive(pid))
        wait_until(lambda: not is_alive(child), "the child to go with it")
        self.assertIn(f"killing 'x' ({pid}) with SIGKILL", daemon.read("main.log"))
        self.assertTrue(daemon.rpc.supervisor.startProcess("x"))
        self.assertNotEqual(daemon.pid("x"), pid)

    def test_somebody_stops_the_scope(self):
        daemon = self.daemon(OURS, "scoped")
        daemon.configure("[eventlistener:x]\ncommand=sleep 1000\nevents=TICK_3600\nstartsecs=0\n")
        daemon.start()
        daemon.wait_state("x", "RUNNING")
        subprocess.run(["systemctl", "stop", "scoped:x.scope"], check=True)
        daemon.wait_state("x", "STOPPED")


POOL = """\
[eventlistener:pool]
command=/usr/bin/python3 {recorder} %(here)s/pool
process_name=%(program_name)s_%(process_num)d
numprocs=2
events={events}
buffer_size={size}
startsecs=0
[eventlistener:never]
command=sh -c 'exit 3'
events=TICK_3600
startretries=1
[eventlistener:missing]
command=/no/such/listener
events=TICK_3600
startretries=1
[eventlistener:ends]
command=sh -c 'sleep 1.5; exit 4'
events=TICK_3600
autorestart=false
; Keeps the oracle's loop turning: SIGCHLD does not wake it.
[program:turns]
command=sh -c 'while :; do echo; sleep 0.05; done'
stdout_logfile=NONE
"""


class Control(Daemons):
    """Pools under supervisorctl, and listeners that fail, beside the oracle."""

    def story(self, role):
        daemon = self.daemon(role, f"control{role.name}")
        daemon.configure(POOL.format(recorder=RECORDER, events="TICK_3600", size=5))
        daemon.start()
        told = []
        for name, state in (("never", "FATAL"), ("missing", "FATAL"), ("ends", "EXITED"), ("pool:pool_1", "RUNNING")):
            info = daemon.wait_state(name, state)
            told.append({key: info[key] for key in ("name", "group", "statename", "exitstatus", "spawnerr")})
        for command in ("status", "stop pool:pool_0", "status pool:*", "start pool:pool_0", "signal WINCH pool:pool_1", "restart pool:*",
                        "start never", "start missing", "reread", "update"):
            output = daemon.control(*command.split())
            # Of those that stop together whoever dies first is told first: a matter of the scheduler, with the oracle as well.
            told.append((command, output.status, sorted(output.text.splitlines()) if command == "restart pool:*" else output.text))
            if command == "start never":
                daemon.wait_state("never", "FATAL")
        daemon.configure(POOL.format(recorder=RECORDER, events="REMOTE_COMMUNICATION", size=7))
        told.append(daemon.control("reread"))
        told.append(daemon.control("update"))
        daemon.wait_state("pool:pool_0", "RUNNING")
        daemon.wait_state("pool:pool_1", "RUNNING")
        daemon.rpc.supervisor.sendRemoteCommEvent("to the", "new pool")
        wait_until(lambda: exists(daemon.path("pool")) and "new pool" in daemon.read("pool"), "the event to arrive")
        daemon.control("stop", "pool:*")
        for command in ("remove pool", "status", "add pool", "avail", "shutdown"):
            told.append((command, daemon.control(*command.split())))
        told.append(daemon.process.wait(30))
        log = daemon.normal(daemon.read("main.log"))
        found = re.findall(r"^\S+ \S+ \w+ ((?:spawned|exited|gave up|spawnerr|success): .*)$", log, re.MULTILINE)
        told.append({name: [line for line in found if name in line] for name in ("never", "missing", "ends")})
        return told

    def test_the_same_is_told(self):
        self.maxDiff = None
        oracle, ours = together(lambda: self.story(ORACLE), lambda: self.story(OURS))
        for first, second in zip(oracle, ours):
            with self.subTest(first):
                self.assertEqual(first, second)


class Service(Daemons):
    def test_one_that_ends_a_daemon_of_its_own(self):
        """Without -n the daemon is a service, and its listeners' parent all the same; with user= they are that user's."""
        daemon = self.daemon(OURS, "served")
        os.chmod(daemon.directory, 0o777)
        script = daemon.write("ender", "#!/bin/bash\nid -un >%s\necho READY\nread line\nkill -TERM $PPID\nsleep 1000\n" %
                              daemon.path("who"), 0o755)
        daemon.configure(f"[eventlistener:ender]\ncommand={script}\nevents=REMOTE_COMMUNICATION\nstartsecs=0\n"
                         "[program:steady]\ncommand=sleep 1000\nstartsecs=0\n[supervisord]\nuser=daemon\n")
        subprocess.run([OURS.program("supervisord"), "-c", daemon.conf], check=True, cwd="/")
        pid = int(daemon.read("supervisord.pid"))
        daemon.wait_state("steady", "RUNNING")
        daemon.wait_state("ender", "RUNNING")
        steady = daemon.pid("steady")
        wait_until(lambda: exists(daemon.path("who")) and daemon.read("who").strip(), "the listener to say who it is")
        self.assertEqual(daemon.read("who").strip(), "daemon")
        self.assertEqual(unit_of(pid), "served.service")
        daemon.rpc.supervisor.sendRemoteCommEvent("the", "end")
        wait_until(lambda: not is_alive(pid) and not is_alive(steady), "the daemon and its program to end")
        wait_until(lambda: not units("served"), "every unit to be gone")


class Many(Daemons):
    def test_ten_thousand_events_arrive_once_each_and_in_order(self):
        daemon = self.daemon(OURS, "many")
        pool_load.configure(daemon)
        daemon.start()
        for number in range(pool_load.LISTENERS):
            daemon.wait_state(f"pool:pool_{number}", "RUNNING")
        pool_load.run(daemon, 10000, "go")
        shares = pool_load.check(daemon, 10000)
        self.assertEqual(len(shares), pool_load.LISTENERS)
        self.assertGreater(min(shares), 0)


BAD = {
    "rubbish": "echo hello there; exec cat",
    "spurious": "printf 'READY\\n'; sleep 0.3; printf 'more\\n'; exec cat",
    "talks_back": "printf 'READY\\n'; read line; printf 'what?\\n'; exec cat",
    "silent": "exec cat",
    "never_answers": "printf 'READY\\n'; exec sleep 1000",
    "dies_busy": "printf 'READY\\n'; read line; exit 1",
    "result_0": "printf 'READY\\n'; read line; printf 'RESULT 0\\nREADY\\n'; exec sleep 1000",
    "early_ready": "printf 'READY\\n'; read line; printf 'RESULT 2\\nOKREADY\\n'; read line; printf 'RESULT 2\\nOKREADY\\n'; exec sleep 1000",
    "other_prefix": "printf 'READY\\n'; read line; printf 'ANSWER:2\\nOK'; exec sleep 1000",
    "huge": "printf 'READY\\n'; read line; printf 'RESULT 999999999999999999\\nOK'; exec sleep 1000",
    "fails": "while :; do printf 'READY\\n'; read line; sleep 0.3; printf 'RESULT 4\\nFAIL'; done",
    "closes": "printf 'READY\\n'; exec 0<&-; exec sleep 1000",
}


# What the log says when the first event goes to the one that rejects it.
FIRST_EVENT_SENT = "event 0 sent to listener fails"


class Bad(Daemons):
    """Listeners that do not keep to the protocol: the main log says the same, in the same order, for each."""

    def log_of(self, role):
        daemon = self.daemon(role, f"bad{role.name}")
        sections = []
        for name, body in BAD.items():
            script = daemon.write(f"{name}.sh", body + "\n")
            # startsecs=0: what dies is EXITED. Priorities differ, or the oracle would requeue in every pool.
            sections.append(f"[eventlistener:{name}]\ncommand=/bin/bash {script}\nevents=REMOTE_COMMUNICATION\nbuffer_size=2\n"
                            f"priority={-20 + len(sections)}\nstartsecs=1\nautorestart=false\n"
                            f"[program:p_{name}]\ncommand=true\nautostart=false\n")
        daemon.configure("\n".join(sections), level="debug")
        daemon.start()
        for name in BAD:
            daemon.wait_state(name, "RUNNING")
        quiet = [name for name in BAD if name not in ("spurious",)]
        for number in range(4):
            daemon.rpc.supervisor.sendRemoteCommEvent("number", str(number))
            self.settle(daemon, quiet)
            # Whether the next event comes before or after it rejects would be luck.
            wait_until(lambda: daemon.read("main.log").count(FIRST_EVENT_SENT) >= 2, "an event to be rejected and sent again")
        wait_until(lambda: "spurious: has entered the UNKNOWN state" in daemon.read("main.log"), "UNKNOWN")
        daemon.wait_state("dies_busy", "EXITED")
        text = daemon.normal(daemon.read("main.log"))
        daemon.stop()
        return {name: self.about(name, text) for name in BAD}

    @staticmethod
    def settle(daemon, names):
        """The log has stopped growing, but for the one that rejects for ever."""
        def lines():
            return [line for line in daemon.read("main.log").splitlines() if "fails" not in line]
        last, same = None, 0
        while same < 5:
            now = lines()
            same = same + 1 if now == last else 0
            last = now
            time.sleep(0.05)

    @staticmethod
    def about(name, text):
        found = []
        for line in re.findall(r"^\d\S+ \S+ (?:DEBG|INFO|WARN|ERRO|CRIT) (.*)$", text, re.MULTILINE):
            if re.search(rf"(?<![\w.-]){name}(?![\w.-])", line) and not re.search("^fd |output:$|^killing|^stopped|^waiting", line):
                found.append(line)
        # Rejecting for ever: until the first event is sent again. What closes its input is tried again at every turn of the oracle's loop.
        if name == "fails":
            again = [number for number, line in enumerate(found) if line == FIRST_EVENT_SENT][1]
            return found[:again + 1]
        return list(dict.fromkeys(found))

    def test_the_log_says_the_same(self):
        oracle, ours = together(lambda: self.log_of(ORACLE), lambda: self.log_of(OURS))
        self.maxDiff = None
        for name in BAD:
            with self.subTest(name):
                self.assertEqual("\n".join(oracle[name]), "\n".join(ours[name]))


if __name__ == "__main__":
    report.main()
