"""A configuration of 5,000 programs, each with a section of its own: `supersede check`, its report included, and what
supervisord does with it before it starts anything."""

import os
import subprocess
import sys

import bench
from daemon import OURS, SCRATCH

ROUNDS = bench.scaled(5, 1)
COUNT = bench.scaled(5000, 50)
HEAD = """\
[unix_http_server]
file=%(here)s/socket

[supervisord]
logfile=%(here)s/main.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

"""
PROGRAM = """\
[program:p{number:04d}]
command=/bin/sleep {number} "%(program_name)s" ; what it does
directory=/tmp
user=root
autorestart=unexpected
startsecs=5
exitcodes=0,2
stopsignal=TERM
stopwaitsecs=20
priority={priority}
environment=NUMBER="{number}",PATH="/usr/bin:/bin",HOME="/root"
stdout_logfile=%(here)s/%(program_name)s.log
stdout_logfile_maxbytes=10MB
redirect_stderr=true

"""
REALIZE = """\
import sys
from supervisor.options import ServerOptions
options = ServerOptions()
options.realize(["-n", "-c", sys.argv[1]])
print(len(options.process_group_configs))
"""


def write_configuration():
    path = os.path.join(SCRATCH, "parse", "supervisord.conf")
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD)
        file.writelines(PROGRAM.format(number=number, priority=number % 1000) for number in range(COUNT))
    return path


def ask(command):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout


def check(command, mark, times):
    found = ask(command).count(mark)
    if found != times:
        raise AssertionError(f"{command[0]}: {found} of {times} {mark!r}")


def rows():
    path = write_configuration()
    ours = [OURS.program("supersede"), "check", path], "\n[program:p", COUNT
    oracle = [sys.executable, "-c", REALIZE, path], f"{COUNT}\n", 1
    times = bench.alternate((ours, oracle), lambda command: 1000 * bench.timed(check, *command), ROUNDS)
    yield bench.row(f"parse {COUNT} programs", "ms", *times, better="lower", goal=1)


if __name__ == "__main__":
    bench.main(rows)
