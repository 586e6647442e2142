#!/usr/bin/python3
"""What a program sees, and what becomes of one that cannot be started: the oracle's children beside ours.

    compare.py PROBE --launcher EXEC GATE    ours by launch specs written here, without a bridge
    compare.py PROBE --daemon COMMAND...     ours by daemons that are started as the oracle's are (DAEMONS)

Runs inside a booted systemd. Every program of PROGRAMS runs once in both; those that need a daemon of another kind only
with --daemon. JSON of the probe is compared field by field; what
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
USERS = {"member": 4001, "leaver": 4002, "keeper": 4003}

# The daemons: the user that starts them, whether they stay in the foreground, what stands in [supervisord] or on the
# command line besides what every one has.
DAEMONS = {
    "plain": {},
    "unprivileged": {"uid": "nobody"},
    "settings": {"options": {"umask": "027", "environment": 'A="of daemon",C="%(here)s"', "directory": "/usr"}},
    "background": {"background": True,
                   "options": {"umask": "027", "environment": 'A="of daemon"', "directory": "/usr"}},
    "bare-background": {"background": True},
    "user": {"options": {"user": "keeper"}},
    "user-background": {"background": True, "arguments": ["-u", "keeper", "-m", "002", "-d", "/usr/share"]},
    "user-root": {"options": {"user": "root"}},
}
# What only a whole daemon does.
ONLY_DAEMON = ("settings", "background", "bare-background", "user", "user-background", "user-root")

# name: options of its section; "daemon" is the kind that runs it.
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
    "other-user": {"command": PROBE, "user": "member", "daemon": "unprivileged"},
    "same-user": {"command": PROBE, "user": "nobody", "daemon": "unprivileged"},
    "no-user": {"command": PROBE, "daemon": "unprivileged"},
}
for _kind in ONLY_DAEMON:
    PROGRAMS |= {
        f"{_kind}-plain": {"command": PROBE, "daemon": _kind},
        f"{_kind}-all": {"command": PROBE, "daemon": _kind, "user": "member", "umask": "07", "directory": "tmp",
                         "environment": 'B="own",A="own"'},
        f"{_kind}-relative": {"command": PROBE, "daemon": _kind, "directory": "share"},
        f"{_kind}-numbers": {"command": f"{PROBE} %(process_num)d %(numprocs)d", "daemon": _kind, "numprocs": "2",
                             "process_name": "%(program_name)s_%(process_num)d", "numprocs_start": "7",
                             "environment": 'NUMBER="%(process_num)03d",GROUP="%(group_name)s"'},
    }
DIFFERENCES = {
    "leads_session": "a service's main process leads a session of its own; systemd makes it",
    "mode": "FIFOs are opened for both directions, so that nothing waits and nobody gets SIGPIPE without a bridge",
    "of_systemd": "the oracle, being a service here, passes on to its children what systemd told it about itself",
    "reopened": "the oracle's pipes are root's: with user= /dev/stdout cannot be opened there, ours can",
}
# Only of programs that the user manager runs.
UNPRIVILEGED_DIFFERENCES = {
    "oom_score_adj": "the user manager raises it for its services, which cannot be undone without privileges",
}
# In the environment of any service, or of one with User=.
PRESSURE = tuple(f"{what}_PRESSURE_{how}" for what in ("MEMORY", "CPU", "IO") for how in ("WATCH", "WRITE"))
OF_SYSTEMD = ("INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", *PRESSURE, "USER", "LOGNAME", "HOME", "SHELL", "NOTIFY_SOCKET",
              "LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID", "MANAGERPID", "MANAGERPIDFDID")
# Ours never passes these on; the others come from User= and belong to the environment that programs inherit.
ABOUT_THE_DAEMON = ("INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", *PRESSURE, "NOTIFY_SOCKET", "LISTEN_FDS",
                    "LISTEN_PID", "LISTEN_PIDFDID")


def write(path, text, mode=0o644):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def installed(*programs):
    """Where every user can run them, wherever this tree is."""
    run("install", "-m", "755", *programs, os.path.dirname(PROBE))
    return [f"{os.path.dirname(PROBE)}/{os.path.basename(program)}" for program in programs]


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


def group_by_daemon():
    groups = {}
    for name, options in PROGRAMS.items():
        groups.setdefault(options.get("daemon", "plain"), []).append(name)
    return groups


# A daemon

def configuration(place, names, options):
    lines = ["[supervisord]", f"logfile={place}/log", f"pidfile={place}/pid", f"minfds={MINFDS}",
             f"minprocs={MINPROCS}", f"childlogdir={place}", f"identifier={os.path.basename(place)}"]
    lines += [f"{key}={value}" for key, value in options.items()]
    lines += ["[unix_http_server]", f"file={place}/socket", "[rpcinterface:supervisor]",
              "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface"]
    for name in names:
        # Of several processes the last one is looked at.
        lines += [f"[program:{name}]", "autostart=false", "autorestart=false", "startsecs=0",
                  f"stdout_logfile={place}/%(program_name)s.out%(process_num)d",
                  f"stderr_logfile={place}/%(program_name)s.err%(process_num)d"]
        lines += [f"{key}={value}" for key, value in PROGRAMS[name].items() if key != "daemon"]
    return "\n".join(lines) + "\n"


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def start_daemon(label, kind, place, command):
    """As a service, as it is at boot; in the background as an administrator would, from a service so that all else is equal."""
    daemon = DAEMONS[kind]
    service = ["systemd-run", "--quiet", f"--unit={label}-{kind}.service", f"--working-directory={PLACE}"]
    arguments = [*command, "-c", f"{place}/conf", *daemon.get("arguments", [])]
    if daemon.get("background"):
        run(*service, "--property=Type=oneshot", "--property=RemainAfterExit=yes", "--setenv=HOME=/root",
            "--setenv=USER=root", *arguments)
        return
    if "uid" in daemon:
        # Units of that user need its manager, which lingering or a login starts.
        uid = pwd.getpwnam(daemon["uid"]).pw_uid
        run("systemctl", "start", f"user@{uid}.service")
        service += [f"--uid={uid}", f"--setenv=XDG_RUNTIME_DIR=/run/user/{uid}"]
    run(*service, *arguments, "-n")


def process_of(name):
    options = PROGRAMS[name]
    if "numprocs" not in options:
        return name, "0"
    number = str(int(options["numprocs_start"]) + int(options["numprocs"]) - 1)
    return f"{name}:{name}_{number}", number


def run_in(server, place, names):
    """name → (exit status, output, errors)."""
    results = {}
    for name in names:
        try:
            server.supervisor.startProcess(process_of(name)[0], False)
        except xmlrpc.client.Fault as fault:
            # It may end, badly, before the answer is made.
            if fault.faultCode not in (Faults.ABNORMAL_TERMINATION, Faults.SPAWN_ERROR):
                raise
    for name in names:
        process, number = process_of(name)
        wait_for(lambda process=process: server.supervisor.getProcessInfo(process)["statename"] == "EXITED", process)
        results[name] = (server.supervisor.getProcessInfo(process)["exitstatus"], read(f"{place}/{name}.out{number}"),
                         read(f"{place}/{name}.err{number}"))
    return results


def by_daemon(label, command):
    """What run_in() tells, of all programs."""
    results = {}
    for kind, names in group_by_daemon().items():
        place = f"{PLACE}/{label}-{kind}"
        os.makedirs(place)
        os.chmod(place, 0o777)
        write(f"{place}/conf", configuration(place, names, DAEMONS[kind].get("options", {})))
        start_daemon(label, kind, place, command)
        server = xmlrpc.client.ServerProxy("http://localhost", SupervisorTransport(None, None, f"unix://{place}/socket"))
        wait_for(lambda place=place: os.path.exists(f"{place}/socket"), f"{label}'s socket of {kind}")
        if "leaver" in names:
            remove_user("leaver")
        results |= run_in(server, place, names)
        server.supervisor.shutdown()
        wait_for(lambda place=place: not os.path.exists(f"{place}/pid"), f"the end of {label} of {kind}")
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
    daemon_user = DAEMONS[options.get("daemon", "plain")].get("uid")
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
    wait_for(lambda: process.show("ExecMainCode")[0] == "1", f"end of {name}")
    status, = process.show("ExecMainStatus")
    if name == "leaver":
        restore_user("leaver")
    return int(status), streams["stdout"].read_all(), streams["stderr"].read_all()


# Comparing

def parse(output, hidden=OF_SYSTEMD):
    """The probe's fields, the environment as a dictionary and each descriptor's fields on their own."""
    line, _, rest = output.partition("\n")
    fields = json.loads(line)
    fields["after"] = rest
    names = [row.split("=", 1)[0] for row in fields["environment"]]
    fields["of_systemd"] = sorted(set(names) & set(OF_SYSTEMD))
    fields["twice"] = len(names) - len(set(names))
    for row in fields.pop("environment"):
        key, value = row.split("=", 1)
        if key not in hidden:
            # Each daemon has a socket of its own.
            fields[f"environment {key}"] = re.sub(f"^(unix://)?{PLACE}/(oracle|ours|socket).*", r"\1PLACE", value)
    for descriptor in fields.pop("descriptors"):
        number = descriptor.pop("fd")
        for key, value in descriptor.items():
            fields[f"{key} of {number}"] = value
    return fields


def compare(oracle, ours, hidden, differences):
    """Rows that tell of a difference which is none of `differences`."""
    rows = [] if oracle[0] == ours[0] else [f"status: {oracle[0]} and {ours[0]}"]
    if not oracle[1].startswith("{") or not ours[1].startswith("{"):
        return rows + [f"{what}: {one!r} and {other!r}" for what, one, other in
                       (("stdout", oracle[1], ours[1]), ("stderr", oracle[2], ours[2])) if one != other]
    if oracle[2] != ours[2]:
        rows.append(f"stderr: {oracle[2]!r} and {ours[2]!r}")
    one, other = parse(oracle[1], hidden), parse(ours[1], hidden)
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) != other.get(key) and key.split(" of ")[0] not in differences:
            rows.append(f"{key}: {one.get(key)!r} and {other.get(key)!r}")
    return rows


def own_claims(ours):
    """What DIFFERENCES promises is true of ours, not merely different."""
    if not ours[1].startswith("{"):
        return []
    fields = parse(ours[1])
    rows = [f"{key}: {value!r}" for key, value in fields.items() if key.startswith("reopened") and value]
    told = sorted(set(ABOUT_THE_DAEMON) & set(fields["of_systemd"]))
    if told:
        rows.append(f"of systemd: {told}")
    return rows


def main(probe, kind, *command):
    set_up(probe)
    # The launcher alone is given an environment made here, without what User= adds.
    hidden = (*OF_SYSTEMD, "XDG_RUNTIME_DIR") if kind == "--launcher" else ABOUT_THE_DAEMON
    if kind == "--launcher":
        for name in [name for name, options in PROGRAMS.items() if options.get("daemon") in ONLY_DAEMON]:
            del PROGRAMS[name]
    oracle = by_daemon("oracle", ["/usr/bin/supervisord"])
    if kind == "--launcher":
        command = installed(*command)
        ours = {name: launch(name, *command) for name in PROGRAMS}
    else:
        ours = by_daemon("ours", list(command))
    failed = 0
    for name in PROGRAMS:
        differences = set(DIFFERENCES)
        if kind != "--launcher" and PROGRAMS[name].get("daemon") == "unprivileged":
            differences |= set(UNPRIVILEGED_DIFFERENCES)
        rows = compare(oracle[name], ours[name], hidden, differences) + own_claims(ours[name])
        if rows:
            failed += 1
            print(f"{name} (oracle and ours):", *rows, sep="\n  ")
    print(f"{len(PROGRAMS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
