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
from waiting import wait_until

FILES = ("015-laradock-laradock", "045-Netflix-security_monkey", "072-3kynox-TCF-AllianceAuth", "079-Aratep-geteth",
         "092-D3f0-coreemu_vnc")
SCRATCH = pathlib.Path("/tmp/exported")
RECORDS = pathlib.Path("/tmp/records")
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
path = "/tmp/records/%d" % os.getpid()
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
            "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
OF_THE_USER = ("HOME", "USER", "LOGNAME", "SHELL")
# systemd's own environment for services.
CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def runnable(text):
    """The programs and groups of a configuration, with the probe in front of each command, and no long waits. The
    users' files are theirs to open in neither world: the probe writes through its own descriptors."""
    text = re.sub(r"^(\s*command\s*=\s*)", r"\1/tmp/probe ", text, flags=re.MULTILINE)
    text = re.sub(r"^\s*startsecs\s*=.*$", "startsecs=1", text, flags=re.MULTILINE)
    sections = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    return "".join(section for section in sections if re.match(r"\[(program|fcgi-program|group):", section))


def records():
    """What the living probes have told, in an order of its own."""
    seen = {}
    for path in RECORDS.iterdir():
        if path.name.isdigit() and os.path.exists(f"/proc/{path.name}"):
            seen[int(path.name)] = json.loads(path.read_text(encoding="utf-8"))
    return seen


def comparable(record, configured):
    environment = {name: value for name, value in record["environment"].items() if name not in MANAGERS and
                   (name in configured or name not in OF_THE_USER)}
    return json.dumps({**record, "environment": environment}, sort_keys=True)


def log_files(text, directory):
    names = re.findall(r"^\s*(std\w+_logfile)\s*=\s*(/\S+)", text, re.MULTILINE)
    names += [("", str(path)) for path in directory.rglob("*.log")]
    return {name for _, name in names if not name.startswith("/dev/")}


class Exported(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        for directory in (SCRATCH, RECORDS):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        RECORDS.chmod(0o1777)
        pathlib.Path("/tmp/probe").write_text(PROBE, encoding="utf-8")
        os.chmod("/tmp/probe", 0o755)

    def prepare(self, original):
        """The configuration as our daemon gets it; users and directories that it names are made."""
        text = runnable(original)
        for variable in set(re.findall(r"ENV_(\w+)", text)):
            text = text.replace(f"%(ENV_{variable})s", CLEAN.get(variable, "7001"))
        daemon = Daemon(OURS, "supervisor")
        daemon.configure(text)
        conf = pathlib.Path(daemon.conf)
        # Makes what is missing; its output is not looked at.
        done = corpus.run([OURS.program("supersede"), "export", "--force", "--output", str(SCRATCH / "units")], conf, SCRATCH)
        self.assertEqual(done.returncode, 0, done.stderr)
        for directory in re.findall(r"^\s*directory\s*=\s*(\S+)", text, re.MULTILINE):
            os.makedirs(directory, exist_ok=True)
        return daemon, text

    def observe(self, count, text):
        """What runs; what runs after each was killed; how often each log has which line."""
        configured = set(re.findall(r"(\w+)\s*=", " ".join(re.findall(r"^\s*environment\s*=(.*)$", text, re.MULTILINE))))
        first = wait_until(lambda: (found := records()) and len(found) == count and found, f"{count} probes")
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        again = count - len(re.findall(r"^\s*autorestart\s*=\s*false", text, re.MULTILINE))
        second = wait_until(lambda: (found := records()) and len(found) == again and not set(found) & set(first) and found,
                            f"{again} new probes")
        logs = {name: collections.Counter(pathlib.Path(name).read_text(encoding="utf-8").splitlines())
                for name in log_files(text, SCRATCH) if os.path.exists(name)}
        for name in logs:
            os.unlink(name)
        shutil.rmtree(RECORDS)
        RECORDS.mkdir()
        RECORDS.chmod(0o1777)
        return [sorted(comparable(record, configured) for record in seen.values()) for seen in (first, second)], logs

    def under_our_daemon(self, daemon, text):
        subprocess.run(["prlimit", "--nofile=1024:", OURS.program("supervisord"), "-c", daemon.conf], check=True, cwd="/", timeout=60,
                       stdin=subprocess.DEVNULL, env=CLEAN)
        infos = wait_until(lambda: self.all_running(daemon), "all to run")
        try:
            return len(infos), self.observe(len(infos), text)
        finally:
            daemon.rpc.supervisor.shutdown()
            wait_until(lambda: not os.path.exists(daemon.path("supervisord.pid")), "the end of the daemon")

    @staticmethod
    def all_running(daemon):
        try:
            infos = daemon.rpc.supervisor.getAllProcessInfo()
        except OSError:
            return None
        return infos if infos and all(info["statename"] == "RUNNING" for info in infos) else None

    def as_units(self, count, text):
        """Installed as README says."""
        readme = (SCRATCH / "units/README").read_text(encoding="utf-8")
        steps = [line for line in readme.replace("\\\n", "").splitlines() if line.startswith("  ") and
                 re.match(r"  (find|systemctl (daemon-reload|enable)) ", line + " ")]
        self.assertEqual(len(steps), 3, readme)
        for step in steps:
            subprocess.run(["/bin/bash", "-euc", step], check=True, cwd=SCRATCH / "units", timeout=60,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        units = re.findall(r"\S+\.(?:service|target|socket)", steps[-1])
        try:
            return self.observe(count, text)
        finally:
            subprocess.run(["systemctl", "disable", "--now", *units], check=True, timeout=60, stderr=subprocess.DEVNULL)
            subprocess.run(["systemctl", "stop", "supervisor.slice"], check=True, timeout=60)
            for path in (SCRATCH / "units").iterdir():
                (pathlib.Path("/etc/systemd/system") / path.name).unlink(missing_ok=True)
            subprocess.run(["systemctl", "daemon-reload"], check=True, timeout=60)
        return None

    def check(self, original):
        daemon, text = self.prepare(original)
        count, ours = self.under_our_daemon(daemon, text)
        exported = self.as_units(count, text)
        self.assertEqual([[json.loads(record) for record in world] for world in exported[0]],
                         [[json.loads(record) for record in world] for world in ours[0]])
        self.assertEqual(exported[1], ours[1])
        self.assertGreaterEqual(count, 1)

    def test_odd(self):
        self.check(ODD)


def add(name):
    text = corpus.CORPUS.joinpath(f"{name}.conf").read_text(encoding="utf-8")
    setattr(Exported, f"test_{name[:3]}", lambda self: self.check(text))


for file in FILES:
    add(file)

if __name__ == "__main__":
    report.main()
