"""Transient units with the launcher and the gate, without a bridge: for tests inside a booted systemd.

The properties are those of design.md section 4; the bridge's own come from translator/mapping.c."""

import os
import subprocess
import time

# Root uses the system's manager, everybody else the own one.
USER_MANAGER = os.getuid() != 0
MANAGER = "--user" if USER_MANAGER else "--system"
RUNTIME = f"/run/user/{os.getuid()}/supersede/test" if USER_MANAGER else "/run/supersede/test"
INFINITY = 2**64 - 1
SECOND = 1000000
# Generous: only a failing test waits that long.
PATIENCE = 60


def run(*argv, **keywords):
    return subprocess.run(argv, check=True, capture_output=True, text=True, **keywords).stdout


def wait_for(condition, what, seconds=PATIENCE):
    """The value of condition() as soon as it is true."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def status_set(codes, signals):
    return ["(aiai)", len(codes), *codes, len(signals), *signals]


def restart_properties(autorestart, startsecs, exitcodes):
    """`autorestart` of the oracle in systemd's words."""
    rows = [("RestartUSec", ["t", SECOND if startsecs == 0 else 0])]
    if autorestart == "true":
        rows.append(("Restart", ["s", "always"]))
    elif autorestart == "unexpected":
        forced = [] if 0 in exitcodes else [0]
        rows += [("Restart", ["s", "on-failure"]), ("SuccessExitStatus", status_set(exitcodes, [])),
                 ("RestartForceExitStatus", status_set(forced, [1, 2, 13, 15]))]
    else:
        rows += [("Restart", ["s", "on-failure"]),
                 ("SuccessExitStatus", status_set(list(range(256)), list(range(1, 32))))]
    return rows


class Launched:
    """One process: its spec, its unit, and what can be seen of them."""

    def __init__(self, name, launcher, gate, command, *, autorestart="unexpected", exitcodes=(0,), stopsignal=15,
                 runtime=RUNTIME, environment=("PATH=/usr/bin:/bin",), **spec):
        self.unit = f"test:{name}.service"
        self.runtime = runtime
        self.path = f"{runtime}/{name}"
        self.starts_file = f"{runtime}/{name}.starts"
        self.startsecs = spec.get("startsecs", 1)
        os.makedirs(runtime, exist_ok=True)
        fields = {"unit": self.unit, "user_manager": int(USER_MANAGER), "process_name": name,
                  "command": command.replace("STARTS", self.starts_file), "base_directory": runtime,
                  "search_path": "/usr/bin:/bin", "startsecs": 1, "startretries": 3, **spec}
        records = [f"{key}={value}" for key, value in fields.items()] + [f"env={row}" for row in environment]
        with open(self.path, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write("".join(record + "\0" for record in records).encode())
        self.properties = [
            ("Type", ["s", "simple"]),
            ("ExecStart", ["a(sasb)", 1, launcher, 2, launcher, self.path, "false"]),
            ("ExecStartPost", ["a(sasb)", 1, gate, 2, gate, self.path, "false"]),
            ("TimeoutStartUSec", ["t", INFINITY]), ("TimeoutStopUSec", ["t", 10 * SECOND]),
            ("KillMode", ["s", "mixed"]), ("KillSignal", ["i", stopsignal]),
            ("StartLimitIntervalUSec", ["t", 0]),
        ] + restart_properties(autorestart, self.startsecs, exitcodes)

    def start(self):
        arguments = [str(word) for name, value in self.properties for word in [name, *value]]
        self.started = time.time()
        # "--": arguments of the unit's commands begin with dashes, too.
        run("busctl", MANAGER, "--", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
            "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))", self.unit, "replace",
            str(len(self.properties)), *arguments, "0")
        return self

    def systemctl(self, *argv):
        return run("systemctl", MANAGER, *argv)

    def stop(self):
        self.systemctl("stop", self.unit)

    def show(self, *names):
        lines = self.systemctl("show", "-p", ",".join(names), self.unit).splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return [values[name] for name in names]

    def journal(self):
        return run("journalctl", "--user-unit" if USER_MANAGER else "--unit", self.unit, "-o", "cat")

    def complaints(self):
        """What launcher and gate say about its spec. By name: journald asks which of a user's units a process belongs to, and is
        told nothing when that one has ended already."""
        lines = run("journalctl", "-t", "supersede-exec", "-t", "supersede-gate", "-o", "cat").splitlines()
        return [line for line in lines if self.path in line.replace(":", " ").split()]

    def state(self):
        return "/".join(self.show("ActiveState", "SubState"))

    def wait_state(self, *states, seconds=PATIENCE):
        return wait_for(lambda: self.state() in states and self.state(), f"{self.unit}: {states}", seconds)

    def companion(self, suffix):
        try:
            with open(self.path + suffix) as file:
                return file.read()
        except FileNotFoundError:
            return None

    def starts(self):
        """When the program was started, as it noted itself."""
        try:
            with open(self.starts_file) as file:
                return [float(line) for line in file]
        except FileNotFoundError:
            return []

    def wait_starts(self, count, seconds=PATIENCE):
        return wait_for(lambda: len(self.starts()) >= count and self.starts(), f"{count} starts", seconds)
