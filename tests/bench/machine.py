"""What the numbers were taken on, and what was measured."""

import os
import re
import subprocess
import time


def first_line(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False)
    return done.stdout.partition("\n")[0]


def value_of(path, pattern):
    with open(path, encoding="utf-8") as file:
        found = re.search(pattern, file.read(), re.MULTILINE)
    return found[1].strip() if found else "unknown"


def describe(top):
    return {
        "cpu": value_of("/proc/cpuinfo", r"^model name\s*:(.*)"),
        "cpus": os.cpu_count(),
        "memory_gb": round(int(value_of("/proc/meminfo", r"^MemTotal:\s*(\d+)")) / 1024 ** 2),
        "kernel": os.uname().release,
        "system": value_of("/etc/os-release", r'^PRETTY_NAME="(.*)"'),
        "systemd": first_line("systemctl", "--version"),
        "supervisor": first_line("/usr/bin/supervisord", "--version"),
        "python": first_line("/usr/bin/python3", "--version"),
        "commit": first_line("git", "-C", top, "describe", "--always", "--dirty"),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "load": round(os.getloadavg()[0], 2),
    }


def as_sentence(machine):
    return (f"{machine['date']}, commit {machine['commit']}; {machine['cpu']}, {machine['cpus']} CPUs, "
            f"{machine['memory_gb']} GB; {machine['system']}, Linux {machine['kernel']}, {machine['systemd']}, "
            f"{machine['python']}, Supervisor {machine['supervisor']}; load at the start {machine['load']}")
