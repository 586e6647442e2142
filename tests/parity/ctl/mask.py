"""What may differ between two runs of the same command: pids, uptimes, dates, paths. And how the oracle's way of showing an
unexpected exception is brought down to what docs/differences.md promises of ours."""

import re

# A line that is nothing but the output of a Python exception: class and place are Python's, the text is compared.
EXCEPTION = re.compile(r"error: <class '[^']*'>, (.*): file: \S+ line: \d+$", re.MULTILINE)
# Python warns in two lines of its own before it asks for a password on a standard input that is no terminal.
GETPASS = re.compile(r"^.*GetPassWarning: .*\n.*\n", re.MULTILINE)

# Python 3.14 lists what a shortened option could be.
POSSIBLE = re.compile(r"(option --\S* not a unique prefix); possible options: .*$", re.MULTILINE)

# The oracle's client ends on Ctrl-C by an exception, and where that hits it at work its HTTP client takes it for a failed connection.
INTERRUPTED = re.compile(r"^CLOSED Cannot connect, error: <class 'SystemExit'> \(\)\n", re.MULTILINE)

# Our messages about a configuration say where.
PLACE = re.compile(r" \(file: '[^']*'(, line: \d+)?\)$", re.MULTILINE)

MASKS = (
    (PLACE, ""),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\bPID \d+"), "PID N"),
    (re.compile(r"\buptime (\d+ days?, )?\d+:\d\d:\d\d"), "uptime T"),
    (re.compile(r"\b[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M"), "DATE"),
    (re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", re.MULTILINE), "TIME"),
    (re.compile(r"(^|(?<=> ))[1-9]\d*$", re.MULTILINE), "N"),
)

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07")
BEYOND = re.compile(r"^\nBeyond Supervisor:\n(?:.*\t.*\n)+", re.MULTILINE)
HELP_LINE = re.compile(r"^(.*?)\t+[^\t]*$")


def exceptions(text):
    for pattern, word in ((EXCEPTION, r"error: \1"), (GETPASS, ""), (INTERRUPTED, ""), (POSSIBLE, r"\1")):
        text = pattern.sub(word, text)
    return text


def mask(text, replacements):
    """`replacements`: pairs of a literal and what stands for it, the longest literals first."""
    for literal, word in replacements:
        text = text.replace(literal, word)
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    return text


def screen(text):
    """What a terminal shows at the end: carriage returns and backspaces carried out, colours and bells gone."""
    lines = []
    for line in CONTROL.sub("", text).split("\n"):
        shown, at = [], 0
        for character in line:
            if character == "\r":
                at = 0
            elif character == "\b":
                at = max(0, at - 1)
            else:
                shown[at:at + 1] = [character]
                at += 1
        lines.append("".join(shown).rstrip())
    return "\n".join(lines)


def usage(text):
    """Of help texts the usage is compared; the explanations behind it are our own words, and so is what we can beyond."""
    lines = []
    for line in BEYOND.sub("", text).split("\n"):
        if line.startswith("Note: "):
            continue
        match = HELP_LINE.match(line)
        lines.append(match[1].rstrip() if match else line)
    return "\n".join(lines)


def command_line_help(text):
    """Of -h the usage line and the options."""
    return "\n".join(line.partition(" -- ")[0] for line in text.split("\n") if re.match(r"-\w/--|Usage:", line))


def without_ticks(text):
    """A program that prints "tick" all the time: how often is chance, and where the log begins too."""
    return re.sub(r"^(tick|ick|ck|k)\n", "", text, flags=re.MULTILINE)


def length(text):
    """The end of the main log: whose line came last is chance, how much of it was asked for is not."""
    return str(len(text))


def in_any_order(text):
    """Processes that are stopped together end as chance will have it."""
    return "\n".join(sorted(text.split("\n")))


def without_interrupted_handler(text):
    """Ctrl-C in the middle of a chunk shows up in another place in the oracle: as an error, without the newline."""
    return "\n".join(line for line in text.split("\n") if line and "KeyboardInterrupt" not in line)


def anything_behind_error(text):
    """For what Python words by itself: only that it is an error counts."""
    return re.sub(r"^error: .*$", "error: …", text, flags=re.MULTILINE)
