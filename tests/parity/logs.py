#!/usr/bin/python3
"""Log files, rotation, the main log and the stripping of escapes beside the oracle's own loggers, on the same writes.

    logs.py DRIVER          DRIVER is drive-logs of this folder
"""

import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback
from types import SimpleNamespace

sys.path.insert(0, "/usr/lib/python3/dist-packages")
from supervisor import events, loggers  # noqa: E402
from supervisor.dispatchers import POutputDispatcher, stripEscapes  # noqa: E402

DRIVER = sys.argv[1]
SEED = 20261120
STAMP = re.compile(rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", re.MULTILINE)
cases = []


def for_each(*rows):
    def decorate(function):
        for row in rows:
            cases.append((f"{function.__name__.replace('_', ' ')} {row}", function, row))
        return function
    return decorate


def drive(mode, *arguments, records):
    text = b"".join(struct.pack("<I", len(record)) + record for record in records)
    return subprocess.run([DRIVER, mode, *map(str, arguments)], input=text, check=True, capture_output=True).stdout


def listing(directory):
    """What is there: name -> bytes."""
    found = {}
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as file:
            found[name] = file.read()
    return found


def joined(files):
    """The parts of a rotated log, oldest first."""
    names = sorted((name for name in files if name.startswith("log.")), key=lambda name: -int(name[4:]))
    return b"".join(files[name] for name in names + ["log"])


def sizes(files):
    return {name: len(data) for name, data in sorted(files.items())}


def same(ours, theirs):
    if ours != theirs:
        raise AssertionError(f"ours {sizes(ours)}, the oracle's {sizes(theirs)}")


class Two:
    """Two directories with the same files in them to begin with."""

    def __init__(self, before=()):
        self.root = tempfile.mkdtemp(prefix="logs-")
        self.ours, self.theirs = (os.path.join(self.root, name) for name in ("ours", "theirs"))
        for directory in (self.ours, self.theirs):
            os.mkdir(directory)
            for name, data in before:
                with open(os.path.join(directory, name), "wb") as file:
                    file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root)


def oracle_handler(path, maxbytes, backups):
    """As options.make_logger() and dispatchers.py get it."""
    logger = loggers.getLogger(loggers.LevelsByName.INFO)
    loggers.handle_file(logger, path, "%(message)s", rotating=bool(maxbytes), maxbytes=maxbytes, backups=backups)
    return logger


def oracle_write(path, maxbytes, backups, records):
    logger = oracle_handler(path, maxbytes, backups)
    for record in records:
        for handler in logger.handlers:
            if record == b"!reopen":
                handler.reopen()
            elif record == b"!remove":
                handler.remove()
                handler.reopen()
        if not record.startswith(b"!"):
            logger.info(record)
    logger.close()


def lines(count, longest, seed=SEED):
    """Lines of any bytes: blank ones, NUL, what is no UTF-8."""
    chance = random.Random(seed)
    return [bytes(chance.choice(b"ab\0\xff\xfe\t\r ") for _ in range(chance.randrange(longest))) + b"\n"
            for _ in range(count)]


def chunks(count, longest, seed=SEED):
    """Pieces without regard to lines."""
    chance = random.Random(seed)
    return [bytes(chance.choice(b"abc\n\0\xff") for _ in range(chance.randrange(1, longest))) for _ in range(count)]


LIMITS = [(0, 10), (1, 3), (100, 0), (100, 1), (100, 3), (1000, 2), (4096, 10), (50, 25)]


@for_each(*LIMITS)
def appended_records_rotate_as_the_oracles(row):
    """The same writes, of lines: the same files, byte for byte."""
    with Two() as two:
        records = lines(300, 60)
        oracle_write(f"{two.theirs}/log", *row, records)
        drive("file", f"{two.ours}/log", *row, records=records)
        same(listing(two.ours), listing(two.theirs))


@for_each(*LIMITS)
def lines_of_a_program_rotate_as_the_oracles(row):
    """A program that writes lines, each read before the next: through the FIFO the same files again."""
    with Two() as two:
        records = lines(300, 60)
        oracle_write(f"{two.theirs}/log", *row, records)
        drive("pump", f"{two.ours}/log", *row, 0, records=records)
        same(listing(two.ours), listing(two.theirs))


@for_each(*LIMITS)
def large_writes_of_a_program_are_cut_at_lines(row):
    """A write that holds many lines is one chunk to the oracle, which then lets a file grow by all of it. Ours rotates at the first
    line end at maxbytes: what the oracle does when it is fed line by line."""
    with Two() as two:
        records = lines(400, 60)
        writes = [b"".join(records[i:i + 40]) for i in range(0, len(records), 40)]
        oracle_write(f"{two.theirs}/log", *row, records)
        drive("pump", f"{two.ours}/log", *row, 0, records=writes)
        same(listing(two.ours), listing(two.theirs))


@for_each((0, 5), (1, 400), (64, 400), (1000, 200), (70000, 5))
def any_pieces_are_whole_over_the_parts(row):
    """Writes without regard to lines: joined, the parts are what was written, and none but the last is shorter than maxbytes."""
    with Two() as two:
        records = chunks(200, 20 if row[0] < 100 else 2000)
        drive("pump", f"{two.ours}/log", *row, 0, records=records)
        ours = listing(two.ours)
        if joined(ours) != b"".join(records):
            raise AssertionError(f"something is missing or twice: {sizes(ours)}")
        for name, data in ours.items():
            if name != "log" and (len(data) < row[0] or not data.endswith(b"\n")):
                raise AssertionError(f"{name} was rotated at {len(data)}")


@for_each((100, 2), (100, 0))
def a_long_line_without_end_is_cut(row):
    """No newline at all: the oracle rotates after its chunk of up to 128 KiB, ours 64 KiB beyond maxbytes."""
    with Two() as two:
        drive("pump", f"{two.ours}/log", *row, 0, records=[b"x" * 60000] * 10)
        ours = listing(two.ours)
        if max(map(len, ours.values())) > row[0] + 65536 + 60000:
            raise AssertionError(f"grew without bound: {sizes(ours)}")
        if row[1] > 0 and "log.1" not in ours:
            raise AssertionError("never rotated")


@for_each((100, 3), (100, 0), (0, 3))
def what_was_there_before_counts(row):
    before = [("log", b"old\n" * 40), ("log.1", b"older\n"), ("log.3", b"oldest\n"), ("log.7", b"stays\n")]
    with Two(before) as two:
        records = lines(30, 20)
        oracle_write(f"{two.theirs}/log", *row, records)
        drive("pump", f"{two.ours}/log", *row, 0, records=records)
        same(listing(two.ours), listing(two.theirs))


@for_each((100, 3), (0, 0))
def removing_and_reopening(row):
    with Two() as two:
        records = [*lines(10, 30), b"!reopen", *lines(10, 30, 2), b"!remove", *lines(5, 30, 3), b"!remove", b"!reopen"]
        oracle_write(f"{two.theirs}/log", *row, records)
        drive("file", f"{two.ours}/log", *row, records=records)
        same(listing(two.ours), listing(two.theirs))


@for_each("files")
def a_new_file_has_the_mode_of_the_oracles(row):
    with Two() as two:
        os.umask(0o022)
        oracle_write(f"{two.theirs}/log", 10, 1, lines(9, 20))
        drive("pump", f"{two.ours}/log", 10, 1, 0, records=lines(9, 20))
        modes = [{name: os.stat(f"{directory}/{name}").st_mode for name in os.listdir(directory)}
                 for directory in (two.ours, two.theirs)]
        if modes[0] != modes[1]:
            raise AssertionError(modes)


MESSAGES = [(50, "it is critical"), (40, "an error"), (30, "a warning"), (20, "spawned: 'x' with pid 5"), (10, "debug"),
            (5, "trace"), (3, "blather"), (20, "two\nlines\n"), (20, ""), (20, "100% of \u00fcml\u00e4uts %s %d %(x)s")]


@for_each(50, 40, 30, 20, 10, 5, 3)
def main_log_lines_and_levels(level):
    with Two() as two:
        logger = loggers.getLogger(level)
        loggers.handle_file(logger, f"{two.theirs}/log", "%(asctime)s %(levelname)s %(message)s\n", rotating=False)
        for number, message in MESSAGES:
            {50: logger.critical, 40: logger.error, 30: logger.warn, 20: logger.info, 10: logger.debug,
             5: logger.trace, 3: logger.blather}[number](message)
        logger.close()
        echoed = drive("main", f"{two.ours}/log", 0, 0, level, 1,
                       records=[f"{number} {message}".encode() for number, message in MESSAGES])
        ours, theirs = (listing(directory)["log"] for directory in (two.ours, two.theirs))
        if echoed != ours:
            raise AssertionError(f"echoed {echoed!r}, in the file {ours!r}")
        if STAMP.sub(b"", ours) != STAMP.sub(b"", theirs):
            raise AssertionError(f"{ours!r} instead of {theirs!r}")
        # Two of the messages span lines; every record has a stamp.
        if len(STAMP.findall(ours)) != sum(number >= level for number, _ in MESSAGES) != len(STAMP.findall(theirs)):
            raise AssertionError(f"stamps in {ours!r}")


@for_each((200, 2), (200, 0), (0, 2), (1, 4))
def main_log_rotates(row):
    """The stamps are equally long, so the sizes must be the same, and the text without them."""
    with Two() as two:
        messages = [line.rstrip(b"\n").replace(b"\0", b"0").decode("latin-1") for line in lines(100, 40)]
        logger = loggers.getLogger(20)
        loggers.handle_file(logger, f"{two.theirs}/log", "%(asctime)s %(levelname)s %(message)s\n",
                            rotating=bool(row[0]), maxbytes=row[0], backups=row[1])
        for message in messages:
            logger.info(message)
        logger.close()
        drive("main", f"{two.ours}/log", *row, 20, 0, records=[f"20 {message}".encode() for message in messages])
        same({name: STAMP.sub(b"", data) for name, data in listing(two.ours).items()},
             {name: STAMP.sub(b"", data) for name, data in listing(two.theirs).items()})


@for_each("log")
def main_log_is_cleared(row):
    """clearLog of the oracle: remove, "reopening log file" to each handler, reopen."""
    with Two() as two:
        echoed = drive("main", f"{two.ours}/log", 0, 0, 20, 1, records=[b"20 before", b"!clear", b"20 after"])
        text = STAMP.sub(b"", listing(two.ours)["log"])
        if text != b"INFO after\n":
            raise AssertionError(text)
        wanted = b"INFO before\nINFO reopening log file\nINFO reopening log file\nINFO after\n"
        if STAMP.sub(b"", echoed) != wanted:
            raise AssertionError(echoed)


ESCAPES = [b"plain", b"\033[31mred\033[0m", b"\033[1;32;40mx", b"\033", b"\033[", b"\033\033[1mx", b"a\033[2Jb\033[Hc", b"\033[5nstays in until m",
           b"\033]0;title\007x", b"\033[?25lhidden\033[?25h", b"\033[31", b"x\033[31\033[32mgreen", b"\033[\0m\xff"]


@for_each(*ESCAPES)
def escapes_are_stripped(text):
    """A lone sequence without end differs on purpose: the oracle forgets it at the end of a chunk, and so do both here."""
    ours = drive("strip", records=[text])
    if ours != stripEscapes(text):
        raise AssertionError(f"{ours!r} instead of {stripEscapes(text)!r}")


@for_each(*range(20))
def escapes_are_stripped_however_cut(seed):
    chance = random.Random(seed)
    text = b"".join(chance.choice(ESCAPES + [b"\033[0m", b"word", b"\n"]) for _ in range(200))
    cuts = sorted(chance.randrange(len(text)) for _ in range(60))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]
    ours = drive("strip", records=pieces)
    if ours != stripEscapes(text):
        raise AssertionError("not what the oracle makes of the whole")


@for_each("pump")
def a_program_with_colours_is_stripped(row):
    with Two() as two:
        records = [b"\033[31mred\033[0m\n", b"a\033", b"[1mb\033[0", b"mc\n", b"end\033"]
        drive("pump", f"{two.ours}/log", 0, 0, 1, records=[b"".join(records)])
        text = listing(two.ours)["log"]
        if text != stripEscapes(b"".join(records)):
            raise AssertionError(text)


class Options:
    """What the oracle's dispatcher asks of the daemon's options."""
    loglevel = loggers.LevelsByName.INFO

    def __init__(self, strip):
        self.strip_ansi = strip
        self.logger = loggers.getLogger(self.loglevel)
        self.input = b""

    def getLogger(self):
        return loggers.getLogger(self.loglevel)

    def readfd(self, _):
        return self.input


class Process:
    pid = 4711

    def __init__(self, config):
        self.config = config
        self.group = SimpleNamespace(config=SimpleNamespace(name="many"))


def oracle_events(path, stream, strip, capture, enabled, records):
    """The oracle's dispatcher with a pipe that holds one record at a time; returns its events."""
    heard = []
    events.clear()
    events.subscribe(events.Event, lambda event: heard.append((events.getEventNameByType(event.__class__), event.payload().encode())))
    channel = ["stdout", "stderr"][stream - 1]
    config = SimpleNamespace(name="x", options=Options(bool(strip)), stdout_events_enabled=bool(enabled), stderr_events_enabled=bool(enabled),
                             **{f"{channel}_logfile": path, f"{channel}_logfile_maxbytes": 0, f"{channel}_logfile_backups": 0,
                                f"{channel}_syslog": False, f"{channel}_capture_maxbytes": capture})
    kind = [events.ProcessCommunicationStdoutEvent, events.ProcessCommunicationStderrEvent][stream - 1]
    dispatcher = POutputDispatcher(Process(config), kind, 0)
    for record in records:
        config.options.input = record
        dispatcher.handle_read_event()
    for handler in dispatcher.normallog.handlers:
        handler.close()
    return heard


def our_events(path, stream, strip, capture, enabled, records):
    heard = []
    text = drive("events", path, stream, strip, capture, enabled, records=records)
    while text:
        head, text = text.split(b"\n", 1)
        name, size = head.decode().split(" ")
        heard.append((name, text[:int(size)]))
        text = text[int(size):]
    return heard


def events_beside(row, records):
    """(events, file) of each."""
    with Two() as two:
        theirs = oracle_events(f"{two.theirs}/log", *row, records)
        ours = our_events(f"{two.ours}/log", *row, records)
        return (ours, listing(two.ours)["log"]), (theirs, listing(two.theirs)["log"])


BEGIN, END = b"<!--XSUPERVISOR:BEGIN-->", b"<!--XSUPERVISOR:END-->"
# More than the oracle's 24 bytes below which it does not look yet.
LONG = b"a line that is long enough for the oracle\n"


@for_each((1, 0, 0, 1), (2, 0, 0, 1), (1, 1, 0, 1), (2, 0, 0, 0))
def output_is_told(row):
    """Each read is one event, whatever is in it."""
    records = [b"one\n", b"\n", b"two\nthree", b"nul \0 inside\n", b"\xff\xfe\n", b"it's \"both\" \xff", b"it's \xff\t\r\\",
               "\u00fc\u20ac\U0001f600\n".encode(), b"\033[1mbold\033[0m\n", b"x" * 65536]
    ours, theirs = events_beside(row, records)
    if ours != theirs:
        raise AssertionError(f"ours {ours}, the oracle's {theirs}")


@for_each("bytes")
def a_character_in_two_reads_is_one(_):
    """The oracle tells two pieces of Undecodable."""
    records = ["caf\u00e9".encode()[:-1], "\u00e9\n".encode()[1:], b"cut \xe2\x82"]
    (ours, file), _ = events_beside((1, 0, 0, 1), records)
    told = [payload.split(b"\n", 1)[1] for _, payload in ours]
    if told != [b"caf", "\u00e9\n".encode(), b"cut ", b"Undecodable: b'\\xe2\\x82'"]:
        raise AssertionError(told)
    if file != b"".join(records):
        raise AssertionError(file)


COMMUNICATIONS = [
    [LONG, BEGIN + b"hello" + END, LONG],
    [LONG + BEGIN + b"hello" + END + LONG],
    [BEGIN + b"one" + END + BEGIN + b"two" + END + LONG + BEGIN + END + LONG],
    [BEGIN + b"two reads, the first " + LONG, b"and the second" + LONG + END + LONG],
    [END + LONG + BEGIN + BEGIN + b"in it" + END + LONG],
    [BEGIN + b"nul \0 and \xff" + END + LONG],
    [BEGIN + b"\033[1mbold\033[0m" + END + LONG],
    [BEGIN + b"x" * 100 + END + LONG],
    [BEGIN + b"x" * 60 + LONG, b"y" * 60, b"z" * 60 + END + LONG],
    [BEGIN + b"never ends" + LONG, LONG],
    [LONG + b"<!--XSUPERVISOR:BEGI" + LONG, LONG + b"<!--", LONG],
    [LONG + BEGIN[:10], BEGIN[10:] + b"cut marks" + END[:7], END[7:] + LONG],
    [b"\xff\0" + LONG + BEGIN + b"a" + END + LONG],
]


@for_each(*[(row, number) for row in ((1, 0, 1000, 0), (2, 0, 1000, 0), (1, 0, 50, 1), (1, 1, 50, 1), (2, 0, 0, 1))
            for number in range(len(COMMUNICATIONS))])
def communications_are_told_and_kept_out_of_the_file(case):
    row, number = case
    ours, theirs = events_beside(row, COMMUNICATIONS[number])
    if ours != theirs:
        raise AssertionError(f"ours {ours}, the oracle's {theirs}")


@for_each(*range(20))
def communications_however_cut(seed):
    """Cut anywhere: the oracle's file and communications for the whole."""
    chance = random.Random(seed)
    text = b"".join(chance.choice([BEGIN, END, BEGIN[:9], END[:20], b"<", b"<!--", b"word\n", b"\0\xff", LONG]) for _ in range(60)) + LONG
    cuts = sorted(chance.randrange(len(text)) for _ in range(40))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)]) if a < b]
    with Two() as two:
        theirs = oracle_events(f"{two.theirs}/log", 1, 0, 1 << 20, 0, [text])
        ours = our_events(f"{two.ours}/log", 1, 0, 1 << 20, 0, pieces)
        if ours != theirs:
            raise AssertionError(f"ours {ours}, the oracle's {theirs}")
        same(listing(two.ours), listing(two.theirs))


@for_each("end")
def what_comes_last_is_not_held_back(_):
    """The oracle looks at no less than 25 bytes, and forgets those when the program ends."""
    records = [b"short\n", b"<!--XSUPERVISOR"]
    (_, file), _ = events_beside((1, 0, 100, 0), records)
    if file != b"".join(records):
        raise AssertionError(file)


def main():
    failed = 0
    for name, function, row in cases:
        try:
            function(row)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED: {name}", file=sys.stderr)
            traceback.print_exc()
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
