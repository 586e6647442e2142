"""Pages of docs/ as they are read: files are written and commands run as they stand there, and what they print is what the page says.

A page has blocks of two kinds:

    ```console            commands behind "# " (root) or "$ " (the user READER), and below each what it prints
    ```ini /path          what the file /path holds from then on (any language will do)

In what is printed "…" stands for anything within a line, a line "..." for any number of lines; pids, uptimes, dates and times may
be others. A command with nothing below it must succeed. One that ends in a line "^C" is interrupted when it has printed what
stands above that. Commands that only look are asked again until they say so. Other blocks are text.
"""

import contextlib
import os
import pathlib
import pwd
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field

from waiting import wait_until

DOCS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs"
READER = "jane"
PATIENCE = 20
LOOKS = re.compile(r"^(supervisorctl( -\S+ \S+)* (status|tail|maintail|avail|pid)\b|systemctl (status|is-active|list-|show)|journalctl\b|cat\b|ls\b"
                   r"|tail\b|curl\b|supersede status)")
# What is different in each run, as it looks on a page and as it may look in fact.
KINDS = (r"\bpid \d+", r"\[\d+\]", r"\b\d+:\d\d:\d\d\b(?:,\d{3})?", r"\b\d{4}-\d\d-\d\d\b", r"\b[A-Z][a-z]{2} \d\d\b")
VARIABLE = re.compile("|".join(KINDS))
SPACES = re.compile(r" +")


@dataclass
class Step:
    line: int
    root: bool
    command: str
    expected: list = field(default_factory=list)

    @property
    def interrupted(self):
        return bool(self.expected) and self.expected[-1] == "^C"


@dataclass
class File:
    line: int
    path: str
    text: str


def read(name):
    """The steps and files of a page in their order."""
    found, block = [], None
    for number, line in enumerate((DOCS / name).read_text(encoding="utf-8").split("\n"), 1):
        opening = re.match(r"^ *```(\w*)(?: (/\S+))?$", line)
        if block is None:
            if opening:
                block = (opening[1], opening[2], number, [])
        elif line.strip() == "```":
            found += finish(*block)
            block = None
        else:
            block[3].append(line)
    if block is not None:
        raise AssertionError(f"{name}:{block[2]}: the block does not end")
    return found


def finish(kind, path, number, lines):
    if path:
        return [File(number, path, "\n".join(lines) + "\n")]
    return list(read_steps(number, lines)) if kind == "console" else []


def read_steps(number, lines):
    step = None
    for offset, line in enumerate(lines, 1):
        if line[:2] in ("# ", "$ "):
            if step:
                yield step
            step = Step(number + offset, line[0] == "#", line[2:])
        elif step is None:
            raise AssertionError(f"line {number + offset}: output without a command")
        elif step.command.endswith("\\"):
            step.command += "\n" + line
        else:
            step.expected.append(line)
    if step:
        yield step


def pattern_of(line):
    """A line of a page as a regular expression."""
    line = SPACES.sub(" ", line.rstrip())
    parts, at = [], 0
    for hit in VARIABLE.finditer(line):
        parts.append(re.escape(line[at:hit.start()]))
        parts.append(next(kind for kind in KINDS if re.fullmatch(kind, hit[0])))
        at = hit.end()
    parts.append(re.escape(line[at:]))
    return "".join(parts).replace("…", ".*")


def fits(expected, printed):
    """Whether lines that were printed are those of the page; empty ones at the end are nobody's."""
    printed = "\n".join(printed).rstrip("\n").split("\n")
    text = "".join(SPACES.sub(" ", line.rstrip()) + "\n" for line in printed)
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "..." else pattern_of(line) + r"\n" for line in expected)
    return re.fullmatch(pattern, text) is not None


def words_of(step):
    if step.root:
        return ["/bin/bash", "-uc", step.command]
    user = pwd.getpwnam(READER)
    return ["env", f"--chdir={user.pw_dir}", "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups", "env", f"HOME={user.pw_dir}",
            f"XDG_RUNTIME_DIR=/run/user/{user.pw_uid}", "/bin/bash", "-uc", step.command]


def run(step, directory):
    done = subprocess.run(words_of(step), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=120, cwd=directory, errors="replace")
    return done.returncode, done.stdout.splitlines()


def run_and_interrupt(step, directory):
    """As somebody at a terminal who has seen enough."""
    expected = step.expected[:-1]
    process = subprocess.Popen(words_of(step), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               cwd=directory, start_new_session=True)
    os.set_blocking(process.stdout.fileno(), False)
    seen, deadline = b"", time.monotonic() + PATIENCE
    while not fits(expected, seen.decode(errors="replace").splitlines()) and time.monotonic() < deadline:
        seen += process.stdout.read() or b""
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    process.wait(PATIENCE)
    process.stdout.close()
    return seen.decode(errors="replace").splitlines()


def try_step(step, directory):
    """None, or what was wrong with it."""
    if step.interrupted:
        printed = run_and_interrupt(step, directory)
        return None if fits(step.expected[:-1], printed) else "\n".join(printed)
    status, printed = run(step, directory)
    if step.expected:
        return None if fits(step.expected, printed) else "\n".join(printed) or "(nothing)"
    return None if status == 0 else "\n".join([*printed, f"(status {status})"])


def carry_out(name, item, directory):
    """One step or file of a page; AssertionError tells what was different."""
    if isinstance(item, File):
        os.makedirs(os.path.dirname(item.path), exist_ok=True)
        pathlib.Path(item.path).write_text(item.text, encoding="utf-8")
        return
    problem = try_step(item, directory)
    if problem and LOOKS.match(item.command) and not item.interrupted:
        def question():
            nonlocal problem
            problem = try_step(item, directory)
            return problem is None
        with contextlib.suppress(AssertionError):
            wait_until(question, item.command, PATIENCE, 0.2)
    if problem:
        raise AssertionError("\n".join([f"docs/{name}:{item.line}: {item.command}", *(f"    {line}" for line in item.expected),
                                        "printed", *(f"    {line}" for line in problem.splitlines())]))


def walk(name, items, directory="/root"):
    """All of them, whatever fails on the way; AssertionError tells of each."""
    problems = []
    for item in items:
        try:
            carry_out(name, item, directory)
        except AssertionError as error:
            problems.append(str(error))
    if problems:
        raise AssertionError("\n".join(problems))


def make_reader():
    """An ordinary user with a systemd of his own."""
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/bash", READER], check=True)
    subprocess.run(["loginctl", "enable-linger", READER], check=True)
    runtime = f"/run/user/{pwd.getpwnam(READER).pw_uid}"
    wait_until(lambda: os.path.exists(f"{runtime}/systemd/private"), "the user's systemd")
