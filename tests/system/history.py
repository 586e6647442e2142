"""The sequence of states of every process of a daemon, as the daemon itself tells it.

The oracle tells by events, to a listener of ours; our daemon by its main log, which at level debug has a line
"state: NAMESPEC OLD -> NEW" for every change. Both are complete: polling would miss short states.
"""

import os
import re

from daemon import OURS

# The turner keeps the oracle's loop going round: its poll is not woken by SIGCHLD (a defect), so
# without output it notices ends up to a second late and the states come out differently by luck.
ORACLE_EXTRA = """
[eventlistener:recorder]
command=/usr/bin/python3 -B {here}/listener.py %(here)s/states
events=PROCESS_STATE
buffer_size=100000
priority=-1

[program:turner]
command=%(here)s/turner
stdout_logfile=NONE
priority=-1
startsecs=0
"""
TURNER = """#!/usr/bin/python3
import time
while True:
    print("turn", flush=True)
    time.sleep(0.05)
"""
HELPERS = ("recorder", "turner")

EVENT = re.compile(r"^(\S+) (\w+) (\w+)$")
LOG_LINE = re.compile(r" state: (\S+) (\w+) -> (\w+)$")


def configure_recorded(daemon, text):
    """Writes the configuration so that the states are recorded."""
    if daemon.role is OURS:
        daemon.configure(text, level="trace")
        return
    daemon.write("turner", TURNER, 0o755)
    extra = ORACLE_EXTRA.replace("{here}", os.path.dirname(os.path.abspath(__file__)))
    daemon.configure(text + extra, level="trace")


class History:
    def __init__(self, daemon):
        self.source, self.pattern = ("main.log", LOG_LINE) if daemon.role is OURS else ("states", EVENT)
        self.path = daemon.path(self.source)
        self.offset = 0
        self.rest = ""
        self.sequences = {}

    def update(self):
        """Reads what is new; returns {namespec: [state, state, …]} without the state at the very beginning."""
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                file.seek(self.offset)
                text = self.rest + file.read()
                self.offset = file.tell()
        except FileNotFoundError:
            return self.sequences
        *lines, self.rest = text.split("\n")
        for line in lines:
            match = self.pattern.search(line)
            if match and match[1] not in HELPERS:
                self.add(*match.groups())
        return self.sequences

    def add(self, name, old, new):
        sequence = self.sequences.setdefault(name, [])
        if sequence and sequence[-1] != old:
            raise AssertionError(f"{self.path}: {name} went from {old} to {new}, but was {sequence[-1]} before")
        sequence.append(new)

    def of(self, name):
        return self.update().get(name, [])
