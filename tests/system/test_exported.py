"""Exported units run as the programs do under our daemon: five configurations of the corpus with a probe in place of
each program, which tells what it sees and then waits to be killed."""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

import corpus
import report
from daemon import OURS, Daemon
from together import together
from waiting import wait_until

FILES = ("015-laradock-laradock", "045-Netflix-security_monkey", "072-3kynox-TCF-AllianceAuth", "079-Aratep-geteth",
         "092-D3f0-coreemu_vnc")
SCRATCH = pathlib.Path("/tmp/exported")
PROBE = """\
#!/usr/bin/python3 -I
import json, os, resource, signal, sys
mask = os.umask(0)
os.umask(mask)
seen = {"argv": sys.argv[1:], "environment": dict(os.environ), "directory": os.getcwd(), "user": os.getresuid(),
        "group": os.getresgid(), "groups": sorted(os.getgroups()), "umask": mask,
        "socket": os.fstat(0).st_mode & 0o170000 == 0o140000, "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0]}
print("probe", *sys.argv[1:], flush=True)
print("problem", *sys.argv[1:], file=sys.stderr, flush=True)
path = "%s.records/%d" % (os.path.realpath(sys.argv[0]), os.getpid())
with open(path + ".new", "w") as file:
    json.dump(seen, file)
os.rename(path + ".new", path)
while True:
    signal.pause()
"""
# What the corpus has none of: all that systemd would read in its own way, secrets, instances that differ.
ODD = r"""
[program:odd]
command=/bin/x $HOME ${HOME} $$ %%%% %%%%i 'a;b' ";" \\; "" "two words" 'quo"te' "apo'strophe" back\\slash '\n' "\$x" # @y -z +w !v :u
environment=A="$HOME ${B} %%%%i",B=';',C="back\slash",DB_PASSWORD="a$b`c\d'e",E="#x",F=" lead",PORT="%%(process_num)d"
stdout_logfile=/var/log/odd 100%%%%i.log
redirect_stderr=true
umask=027
[program:odd2]
command=@weird ok
directory=/tmp
stopsignal=USR1
[program:many]
command=/bin/x --port=90%(process_num)02d %(process_num)d %%%%i
process_name=m%(process_num)03d
numprocs=12
numprocs_start=3
environment=N="%(process_num)d",API_KEY="k%(process_num)d"
stdout_logfile=/var/log/many-%(process_num)02d.log
[program:tied]
command=/bin/x 1 --port=90%(process_num)d
process_name=%(process_num)d
numprocs=2
numprocs_start=1
[fcgi-program:php]
socket=unix:///tmp/php-%(program_name)s.sock
socket_mode=0660
command=/bin/x fcgi
process_name=%(process_num)d
numprocs=2
[group:pair]
programs=first,second
[program:first]
command=/bin/x first
user=www-data
environment=HOME="/nowhere"
priority=1
[program:second]
command=/bin/x second
"""
# What each manager says of itself, and what README of an export says that User= sets.
MANAGERS = ("SUPERVISOR_ENABLED", "SUPERVISOR_SERVER_URL", "SUPERVISOR_PROCESS_NAME", "SUPERVISOR_GROUP_NAME",
            "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS",
            "LISTEN_FDNAMES", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE")
OF_THE_USER = ("HOME", "USER", "LOGNAME", "SHELL")
# systemd's own environment for services; its PATH differs from one version to the next.
CLEAN = {"LANG": "C.UTF-8",
         "PATH": subprocess.run(["systemd-run", "--quiet", "--pipe", "--wait", "printenv", "PATH"], check=True, capture_output=True,
                                text=True, stdin=subprocess.DEVNULL).stdout.strip()}


def runnable(text, probe):
    """The programs and groups of a configuration, with the probe in front of each command, and no long waits."""
    text = re.sub(r"^(\s*command\s*=\s*)", rf"\1{probe} ", text, flags=re.MULTILINE)
    text = re.sub(r"^\s*startsecs\s*=.*$", "startsecs=1", text, flags=re.MULTILINE)
    for variable in set(re.findall(r"ENV_(\w+)", text)):
        text = text.replace(f"%(ENV_{variable})s", CLEAN.get(variable, "7001"))
    sections = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    return "".join(section for section in sections if re.match(r"\[(program|fcgi-program|group):", section))


class Story:
    """One configuration, as our daemon runs it and as units; its probes tell into a directory of its own."""

    def __init__(self, name, original):
        self.directory = SCRATCH / name
        self.directory.mkdir()
        self.units = self.directory / "units"
        self.probe = self.directory / "probe"
        self.probe.write_text(PROBE, encoding="utf-8")
        self.probe.chmod(0o755)
        self.told = self.directory / "probe.records"
        self.last = None  # what all_running() saw that was not running
        self.forget()
        self.text = runnable(original, self.probe)
        self.daemon = Daemon(OURS, name)
        self.daemon.configure(self.text)
        self.prepare()

    def forget(self):
        shutil.rmtree(self.told, ignore_errors=True)
        self.told.mkdir()
        self.told.chmod(0o1777)

    def prepare(self):
        """Exports, and makes the users and directories that the configuration names."""
        done = corpus.run([OURS.program("supersede"), "export", "--output", str(self.units)], pathlib.Path(self.daemon.conf),
                          self.directory)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        for directory in re.findall(r"^\s*directory\s*=\s*(\S+)", self.text, re.MULTILINE):
            os.makedirs(directory, exist_ok=True)

    def records(self):
        """What the living probes have told."""
        seen = {}
        for path in self.told.iterdir():
            if path.name.isdigit() and os.path.exists(f"/proc/{path.name}"):
                seen[int(path.name)] = json.loads(path.read_text(encoding="utf-8"))
        return seen

    def comparable(self, seen):
        configured = set(re.findall(r"(\w+)\s*=", " ".join(re.findall(r"^\s*environment\s*=(.*)$", self.text, re.MULTILINE))))
        for record in seen.values():
            record["environment"] = {name: value for name, value in record["environment"].items() if name not in MANAGERS
                                     and (name in configured or name not in OF_THE_USER)}
        return sorted(seen.values(), key=lambda record: json.dumps(record, sort_keys=True))

    def take_logs(self):
        """How often each log has which line."""
        names = {name for name in re.findall(r"^\s*std\w+_logfile\s*=\s*(/\S+)", self.text, re.MULTILINE)
                 if not name.startswith("/dev/") and os.path.exists(name)}
        logs = {name: collections.Counter(pathlib.Path(name).read_text(encoding="utf-8").splitlines()) for name in names}
        for name in names:
            os.unlink(name)
        return logs

    def observe(self, count):
        """What runs, and what runs after each was killed."""
        first = wait_until(lambda: (found := self.records()) and len(found) == count and found, f"{count} probes")
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        again = count - len(re.findall(r"^\s*autorestart\s*=\s*false", self.text, re.MULTILINE))
        second = wait_until(lambda: (found := self.records()) and len(found) == again and not set(found) & set(first) and found,
                            f"{again} new probes")
        self.forget()
        return {"first": self.comparable(first), "second": self.comparable(second)}

    def all_running(self):
        try:
            infos = self.daemon.rpc.supervisor.getAllProcessInfo()
        except OSError as error:
            self.last = repr(error)
            return None
        self.last = {info["name"]: (info["statename"], info["spawnerr"]) for info in infos if info["statename"] != "RUNNING"}
        return infos if infos and not self.last else None

    def under_our_daemon(self):
        subprocess.run(["prlimit", "--nofile=1024:", OURS.program("supervisord"), "-c", self.daemon.conf], check=True, cwd="/",
                       timeout=60, stdin=subprocess.DEVNULL, env=CLEAN)
        try:
            infos = wait_until(self.all_running, "all to run")
        except AssertionError as problem:
            raise AssertionError(f"{self.daemon.name}: {self.last}\n{self.daemon.read('main.log')[-3000:]}") from problem
        try:
            seen = self.observe(len(infos))
        finally:
            self.daemon.rpc.supervisor.shutdown()
            wait_until(lambda: not os.path.exists(self.daemon.path("supervisord.pid")), "the end of the daemon")
        # Only now: what a program has said may still be on its way into the log while the daemon runs.
        return len(infos), {**seen, "logs": self.take_logs()}

    def as_units(self, count):
        """Installed as README says."""
        readme = (self.units / "README").read_text(encoding="utf-8")
        steps = [line for line in readme.replace("\\\n", "").splitlines() if
                 re.match(r"  (find|systemctl (daemon-reload|enable)) ", line + " ")]
        if len(steps) != 3:
            raise AssertionError(readme)
        for step in steps:
            subprocess.run(["/bin/bash", "-euc", step], check=True, cwd=self.units, timeout=60, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            seen = self.observe(count)
        finally:
            units = re.findall(r"\S+\.(?:service|target|socket)", steps[-1])
            subprocess.run(["systemctl", "disable", "--now", *units], check=True, timeout=60, stderr=subprocess.DEVNULL)
        return {**seen, "logs": self.take_logs()}

    def run(self):
        count, ours = self.under_our_daemon()
        return ours, self.as_units(count)


class Exported(unittest.TestCase):
    maxDiff = None

    def test_beside_our_daemon(self):
        shutil.rmtree(SCRATCH, ignore_errors=True)
        SCRATCH.mkdir()
        stories = [Story(f"story{name[:3]}", corpus.CORPUS.joinpath(f"{name}.conf").read_text(encoding="utf-8"))
                   for name in FILES] + [Story("odd", ODD)]
        results = together(*(story.run for story in stories))
        lines = sum(sum(log.values()) for ours, _ in results for log in ours["logs"].values())
        self.assertGreater(lines, 20)
        for story, (ours, exported) in zip(stories, results):
            with self.subTest(story.daemon.name):
                self.assertEqual(exported, ours)
                self.assertGreaterEqual(len(ours["first"]), 1)


if __name__ == "__main__":
    report.main()
