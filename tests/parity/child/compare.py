#!/usr/bin/python3
"""What a program sees, and what becomes of one that cannot be started: the oracle's children beside ours.

    compare.py PROBE --launcher EXEC GATE    ours by launch specs written here, without a bridge
    compare.py PROBE --daemon COMMAND...     ours by a daemon that is given `-n -c CONF`, as the oracle is

Runs inside a booted systemd. Every program of PROGRAMS runs once in both. JSON of the probe is compared field by field; what
differs on purpose is a row of DIFFERENCES with its reason."""

import json
import os
import pwd
import re
import subprocess
import sys
import time
import xmlrpc.client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../system"))
from launched import Launched, run, wait_for  # noqa: E402
from supervisor.xmlrpc import Faults, SupervisorTransport  # noqa: E402

PLACE = "/run/child-parity"
PROBE = "/usr/local/bin/supersede-probe"
MINFDS, MINPROCS = 3000, 20
# Users of the box: in several groups, and gone when its program is started.
USERS = {"member": 4001, "leaver": 4002}

# name: options of its section; "daemon_user" starts the daemon itself as that user.
PROGRAMS = {
    "plain": {"command": f"{PROBE} 'a b' \"\""},
    "found": {"command": "supersede-probe"},
    "path": {"command": "tool", "environment": f'PATH="{PLACE}/tools:/nowhere"'},
    "relative": {"command": "tools/tool"},
    "redirect": {"command": PROBE, "redirect_stderr": "true"},
    "nobody": {"command": PROBE, "user": "nobody"},
    "member": {"command": PROBE, "user": "member", "umask": "077", "directory": "/usr/share"},
    "number": {"command": PROBE, "user": "4001"},
    "root": {"command": PROBE, "user": "root"},
    "umask": {"command": PROBE, "umask": "027"},
    "directory": {"command": PROBE, "directory": "tools"},
    "environment": {"command": PROBE, "environment": 'A="x y",B="\'%%(z)s\'",SUPERVISOR_ENABLED="0"'},
    # Those that never become a program: what they say and how they end.
    "bad-directory": {"command": PROBE, "directory": "/no/such"},
    "file-directory": {"command": PROBE, "directory": "/etc/passwd"},
    "closed-directory": {"command": PROBE, "directory": "/root", "user": "nobody"},
    "no-interpreter": {"command": f"{PLACE}/tools/no-interpreter x"},
    "no-format": {"command": f"{PLACE}/tools/no-format"},
    "private": {"command": f"{PLACE}/tools/private", "user": "nobody"},
    "relative-elsewhere": {"command": "tools/tool", "directory": "/"},
    "leaver": {"command": PROBE, "user": "leaver"},
    "other-user": {"command": PROBE, "user": "member", "daemon_user": "nobody"},
    "same-user": {"command": PROBE, "user": "nobody", "daemon_user": "nobody"},
    "no-user": {"command": PROBE, "daemon_user": "nobody"},
}
DIFFERENCES = {
    "leads_session": "a service's main process leads a session of its own; systemd makes it",
    "mode": "FIFOs are opened for both directions, so that nothing waits and nobody gets SIGPIPE without a bridge",
    "of_systemd": "the oracle, being a service here, passes on to its children what systemd told it about itself",
    "reopened": "the oracle's pipes are root's: with user= /dev/stdout cannot be opened there, ours can",
}
# In the environment of any service, or of one with User=.
OF_SYSTEMD = ("INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE",
              "USER", "LOGNAME", "HOME", "SHELL", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "MANAGERPID")


def write(path, text, mode=0o644):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def set_up(probe):
    run("install", "-m", "755", probe, PROBE)
    os.makedirs(f"{PLACE}/tools")
    os.chmod(PLACE, 0o777)
    os.symlink(PROBE, f"{PLACE}/tools/tool")
    write(f"{PLACE}/tools/no-interpreter", "#!/no/such/interpreter\n", 0o755)
    write(f"{PLACE}/tools/no-format", "true\n", 0o755)
    write(f"{PLACE}/tools/private", "#!/bin/sh\n", 0o700)
    for name, uid in USERS.items():
        with open("/etc/passwd", "a") as passwd, open("/etc/group", "a") as group:
            passwd.write(f"{name}:x:{uid}:{uid}::/:/bin/sh\n")
            group.write(f"{name}:x:{uid}:\nprobe-{uid}:x:{uid + 100}:x,{name}\nown-{uid}:x:{uid + 200}:{name},y\n")


def remove_user(name):
    with open("/etc/passwd") as file:
        lines = [line for line in file if not line.startswith(f"{name}:")]
    write("/etc/passwd", "".join(lines))


def restore_user(name):
    with open("/etc/passwd", "a") as passwd:
        passwd.write(f"{name}:x:{USERS[name]}:{USERS[name]}::/:/bin/sh\n")


def group_by_daemon_user():
    groups = {}
    for name, options in PROGRAMS.items():
        groups.setdefault(options.get("daemon_user"), []).append(name)
    return groups


# A daemon

def configuration(place, names):
    lines = ["[supervisord]", f"logfile={place}/log", f"pidfile={place}/pid", f"minfds={MINFDS}",
             f"minprocs={MINPROCS}", f"childlogdir={place}", "[unix_http_server]", f"file={place}/socket",
             "[rpcinterface:supervisor]",
             "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface"]
    for name in names:
        lines += [f"[program:{name}]", "autostart=false", "autorestart=false", "startsecs=0",
                  f"stdout_logfile={place}/{name}.out", f"stderr_logfile={place}/{name}.err"]
        lines += [f"{key}={value}" for key, value in PROGRAMS[name].items() if key != "daemon_user"]
    return "\n".join(lines) + "\n"


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def by_daemon(label, command):
    """name → (exit status, output, errors) from a daemon that runs as a service of systemd."""
    results = {}
    for user, names in group_by_daemon_user().items():
        place = f"{PLACE}/{label}-{user}"
        os.makedirs(place)
        os.chmod(place, 0o777)
        write(f"{place}/conf", configuration(place, names))
        unit = f"{label}-{user}.service"
        run("systemd-run", "--quiet", f"--unit={unit}", f"--working-directory={PLACE}", *([f"--uid={user}"] if user else []), *command, "-n", "-c",
            f"{place}/conf")
        server = xmlrpc.client.ServerProxy("http://localhost", SupervisorTransport(None, None, f"unix://{place}/socket"))
        wait_for(lambda place=place: os.path.exists(f"{place}/socket"), 15, f"{label}'s socket")
        if "leaver" in names:
            remove_user("leaver")
        for name in names:
            try:
                server.supervisor.startProcess(name, False)
            except xmlrpc.client.Fault as fault:
                # It may end, badly, before the answer is made.
                if fault.faultCode not in (Faults.ABNORMAL_TERMINATION, Faults.SPAWN_ERROR):
                    raise
        for name in names:
            wait_for(lambda name=name: server.supervisor.getProcessInfo(name)["statename"] == "EXITED", 15, name)
            results[name] = (server.supervisor.getProcessInfo(name)["exitstatus"], read(f"{place}/{name}.out"),
                             read(f"{place}/{name}.err"))
        server.supervisor.shutdown()
        if "leaver" in names:
            restore_user("leaver")
    return results


# The launcher alone

def default_limit(name, minimum):
    values = dict(line.split("=") for line in run("systemctl", "show", "-p", f"Default{name},Default{name}Soft").split())
    soft, hard = values[f"Default{name}Soft"], values[f"Default{name}"]
    if soft != "infinity" and int(soft) < minimum:
        soft = minimum
    return f"{soft}:{hard}"


def environment_of(name, options):
    """The plan's work, for the few forms used above. Last one wins, as in a dictionary."""
    service = run("systemd-run", "--quiet", "--pipe", "--wait", "env").splitlines()
    rows = dict(row.split("=", 1) for row in service if row.split("=")[0] not in OF_SYSTEMD)
    rows |= {"SUPERVISOR_ENABLED": "1", "SUPERVISOR_PROCESS_NAME": name, "SUPERVISOR_GROUP_NAME": name,
             "SUPERVISOR_SERVER_URL": f"unix://{PLACE}/socket"}
    extra = {"path": {"PATH": f"{PLACE}/tools:/nowhere"},
             "environment": {"A": "x y", "B": "%(z)s", "SUPERVISOR_ENABLED": "0"}}.get(name, {})
    return [f"{key}={value}" for key, value in (rows | extra).items()]


class Stream:
    """A FIFO as the bridge makes it: of the program's user."""

    def __init__(self, path, user):
        os.mkfifo(path, 0o600)
        os.chown(path, user, -1)
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def read_all(self):
        data = b""
        try:
            while True:
                data += os.read(self.fd, 65536)
        except BlockingIOError:
            return data.decode()


def launch(name, launcher, gate):
    options = PROGRAMS[name]
    daemon_user = options.get("daemon_user")
    owner = pwd.getpwnam(daemon_user or "root").pw_uid
    place = f"{PLACE}/launcher-{name}"
    os.makedirs(place)
    os.chown(place, owner, -1)
    streams = {stream: Stream(f"{place}/{stream}", owner) for stream in ("stdin", "stdout", "stderr")}
    fields = {key: options[key] for key in ("user", "directory") if key in options}
    if "user" in fields:  # the configuration's reader looks it up: messages show the number
        fields["user"] = options["user"] if options["user"].isdigit() else pwd.getpwnam(options["user"]).pw_uid
    environment = environment_of(name, options)
    process = Launched(name, launcher, gate, options["command"], autorestart="false", runtime=place, startsecs=0,
                       environment=environment, base_directory=PLACE, umask=options.get("umask", "022"),
                       search_path=dict(row.split("=", 1) for row in environment)["PATH"],
                       open_files=default_limit("LimitNOFILE", MINFDS), processes=default_limit("LimitNPROC", MINPROCS),
                       redirect_stderr=int("redirect_stderr" in options),
                       **{f"{stream}_path": fifo.path for stream, fifo in streams.items()}, **fields)
    os.chown(process.path, owner, -1)
    process.properties += [("RemainAfterExit", ["b", "true"])] + ([("User", ["s", daemon_user])] if daemon_user else [])
    if name == "leaver":
        remove_user("leaver")
    process.start()
    wait_for(lambda: process.show("ExecMainCode")[0] == "1", 15, f"end of {name}")
    status, = process.show("ExecMainStatus")
    if name == "leaver":
        restore_user("leaver")
    return int(status), streams["stdout"].read_all(), streams["stderr"].read_all()


# Comparing

def parse(output):
    """The probe's fields, the environment as a dictionary and each descriptor's fields on their own."""
    line, _, rest = output.partition("\n")
    fields = json.loads(line)
    fields["after"] = rest
    names = [row.split("=", 1)[0] for row in fields["environment"]]
    fields["of_systemd"] = sorted(set(names) & set(OF_SYSTEMD))
    fields["twice"] = len(names) - len(set(names))
    for row in fields.pop("environment"):
        key, value = row.split("=", 1)
        if key not in OF_SYSTEMD:
            # Each daemon has a socket of its own.
            fields[f"environment {key}"] = re.sub(f"^unix://{PLACE}/.*", "unix://SOCKET", value)
    for descriptor in fields.pop("descriptors"):
        number = descriptor.pop("fd")
        for key, value in descriptor.items():
            fields[f"{key} of {number}"] = value
    return fields


def compare(name, oracle, ours):
    """Rows that tell of a difference which is none of DIFFERENCES."""
    rows = [] if oracle[0] == ours[0] else [f"status: {oracle[0]} and {ours[0]}"]
    if not oracle[1].startswith("{") or not ours[1].startswith("{"):
        return rows + [f"{what}: {one!r} and {other!r}" for what, one, other in
                       (("stdout", oracle[1], ours[1]), ("stderr", oracle[2], ours[2])) if one != other]
    if oracle[2] != ours[2]:
        rows.append(f"stderr: {oracle[2]!r} and {ours[2]!r}")
    one, other = parse(oracle[1]), parse(ours[1])
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) != other.get(key) and key.split(" of ")[0] not in DIFFERENCES:
            rows.append(f"{key}: {one.get(key)!r} and {other.get(key)!r}")
    return rows


def own_claims(name, ours):
    """What DIFFERENCES promises is true of ours, not merely different."""
    if not ours[1].startswith("{"):
        return []
    fields = parse(ours[1])
    rows = [f"{key}: {value!r}" for key, value in fields.items() if key.startswith("reopened") and value]
    if fields["of_systemd"]:
        rows.append(f"of systemd: {fields['of_systemd']}")
    return rows


def main(probe, kind, *command):
    set_up(probe)
    oracle = by_daemon("oracle", ["/usr/bin/supervisord"])
    if kind == "--launcher":
        ours = {name: launch(name, *command) for name in PROGRAMS}
    else:
        ours = by_daemon("ours", list(command))
    failed = 0
    for name in PROGRAMS:
        rows = compare(name, oracle[name], ours[name]) + own_claims(name, ours[name])
        if rows:
            failed += 1
            print(f"{name} (oracle and ours):", *rows, sep="\n  ")
    print(f"{len(PROGRAMS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
