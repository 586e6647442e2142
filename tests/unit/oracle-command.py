#!/usr/bin/python3
"""What the oracle makes of commands: asks its own Subprocess.get_execv_args() and Python's repr(), for test-command.c.

Standard input holds NUL-terminated strings. "repr": strings, each answered by its repr. "resolve": pairs of search path and
command, each answered by the kind of result, the number of strings that follow, and them: message, or file and arguments."""

import os
import sys

from supervisor.options import BadCommand, NotFound, ProcessException, ServerOptions
from supervisor.process import Subprocess


class Config:
    options = ServerOptions()

    def __init__(self, search_path, command):
        self.search_path, self.command = search_path, command

    def get_path(self):
        return self.search_path.split(os.pathsep)


def resolve(search_path, command):
    process = Subprocess(Config(search_path, command))
    try:
        filename, argv = process.get_execv_args()
    except ProcessException as problem:
        kind = "BAD" if isinstance(problem, BadCommand) else "NOT_FOUND" if isinstance(problem, NotFound) \
            else "NOT_EXECUTABLE"
        return [kind, "1", problem.args[0]]
    return ["OK", str(len(argv) + 1), filename, *argv]


def main():
    strings = [os.fsdecode(text) for text in sys.stdin.buffer.read().split(b"\0")[:-1]]
    if sys.argv[1] == "repr":
        answers = [repr(text) for text in strings]
    else:
        answers = [field for pair in zip(strings[::2], strings[1::2]) for field in resolve(*pair)]
    sys.stdout.buffer.write(b"".join(os.fsencode(answer) + b"\0" for answer in answers))


main()
