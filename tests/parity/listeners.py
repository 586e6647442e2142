#!/usr/bin/python3
"""What becomes of what an event listener writes, beside the oracle's own dispatcher: states, log lines, rejected events.

    listeners.py DRIVER     DRIVER is drive-listener of this folder
"""

import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from types import SimpleNamespace

sys.path.insert(0, "/usr/lib/python3/dist-packages")
from supervisor import events  # noqa: E402
from supervisor.dispatchers import PEventListenerDispatcher, default_handler  # noqa: E402
from supervisor.states import EventListenerStates  # noqa: E402

DRIVER = sys.argv[1]
SEED = int(os.environ.get("SUPERSEDE_SEED") or 20261120)
ROUNDS = 400
READY = b"READY\n"

# A list is one life after the other of a listener: bytes it writes, GIVE: an event is on offer, DIE.
GIVE, DIE = object(), object()
FIXED = {
    "well": [READY, GIVE, b"RESULT 2\nOK", READY, GIVE, b"RESULT 2\nOK" + READY],
    "byte by byte": [bytes([byte]) for byte in READY] + [GIVE] + [bytes([byte]) for byte in b"RESULT 2\nOK" + READY] + [GIVE],
    "fails": [READY, GIVE, b"RESULT 4\nFAIL", READY, GIVE],
    "ready twice": [READY, READY, GIVE],
    "ready twice at once": [READY + READY, GIVE],
    "ready instead of a result": [READY, GIVE, READY, READY],
    "rubbish": [b"hello\n", READY, GIVE],
    "short rubbish": [b"he", b"llo", READY],
    "no bytes": [b"", READY, b"", GIVE, b""],
    "empty line": [READY, GIVE, b"\n"],
    "result of nothing": [READY, GIVE, b"RESULT 0\n", READY, GIVE],
    "result of nothing at once": [READY, GIVE, b"RESULT 0\n" + READY, GIVE],
    "bad number": [READY, GIVE, b"RESULT two\nOK"],
    "no number": [READY, GIVE, b"RESULT \nOK"],
    "not UTF-8": [READY, GIVE, b"RESULT \xff\xfe\nOK"],
    "another word": [READY, GIVE, b"ANSWER 2\nOK" + READY],
    "quotes": [READY, GIVE, b"RESULT '\"\\\nOK"],
    "too much": [READY, GIVE, b"RESULT 2\nOKOK", READY],
    "too little": [READY, GIVE, b"RESULT 3\nOK" + READY, READY],
    "very long": [READY, GIVE, b"RESULT 100000\n" + b"x" * 99999, b"x" + READY, GIVE],
    "ok and a bit": [READY, GIVE, b"RESULT 3\nOK " + READY],
    "dies ready": [READY, DIE, READY, GIVE, b"RESULT 2\nOK"],
    "dies with an event": [READY, GIVE, DIE, READY, GIVE, b"RESULT 2\nO", DIE, READY],
    "dies unknown": [b"rubbish", DIE, READY, GIVE],
    "number beyond all": [READY, GIVE, b"RESULT " + b"9" * 4301 + b"\n"],
}
for number, text in enumerate([b" 2", b"2 ", b"+2", b"0002", b"\t2\v\f", b"1_1", b"_2", b"2_", b"1__1", b"- 2", b"2.0", b"0x2",
                               b"\xc2\xb2", b"++2", b"+", b"-0", b"2\r"]):
    FIXED[f"number {number} {text!r}"] = [READY, GIVE, b"RESULT " + text + b"\nOK" + b"OK" * 20 + READY, GIVE]


class Logger:
    def __init__(self):
        self.lines = []

    def debug(self, message):
        self.lines.append("DEBG " + message)

    def info(self, message):
        self.lines.append("INFO " + message)

    def warn(self, message):
        self.lines.append("WARN " + message)


class Oracle:
    def __init__(self):
        self.logger = Logger()
        self.chunk = b""
        self.serial = 0
        options = SimpleNamespace(logger=self.logger, readfd=lambda fd: self.chunk, strip_ansi=False)
        config = SimpleNamespace(name="name", stdout_logfile=None, options=options)
        self.process = SimpleNamespace(config=config, group=SimpleNamespace(
            config=SimpleNamespace(result_handler=default_handler)), event=None, listener_state=None)
        events.clear()
        events.subscribe(events.EventRejectedEvent, lambda event: self.logger.info(f"rejected {event.event}"))
        self.dispatcher = PEventListenerDispatcher(self.process, "stdout", 1)

    def act(self, what):
        if what is GIVE:
            if self.process.listener_state == EventListenerStates.READY:
                self.process.listener_state = EventListenerStates.BUSY
                self.process.event = self.serial
                self.serial += 1
        elif what is DIE:
            if self.process.event is not None:
                events.notify(events.EventRejectedEvent(self.process, self.process.event))
            self.process.event = None
            self.dispatcher = PEventListenerDispatcher(self.process, "stdout", 1)
        elif what:  # an empty read closes it
            self.chunk = what
            self.dispatcher.handle_read_event()


def theirs(script):
    oracle = Oracle()
    for what in script:
        oracle.act(what)
    return "\n".join(oracle.logger.lines)


def ours(script):
    records = [b"G" if what is GIVE else b"D" if what is DIE else b"F" + what for what in script]
    with tempfile.TemporaryDirectory(prefix="listeners-") as directory:
        path = os.path.join(directory, "log")
        subprocess.run([DRIVER, path], input=b"".join(struct.pack("=I", len(record)) + record for record in records), check=True)
        with open(path, encoding="utf-8") as file:
            text = file.read()
    return re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "", text, flags=re.MULTILINE).rstrip("\n")


def made_at_random(chance):
    """Mostly what listeners do, cut into pieces anywhere, with something else in between now and then."""
    pieces = [READY, b"RESULT 2\nOK", b"RESULT 4\nFAIL", b"RESULT 2\nNO"]
    odd = [b"x", b"\n", b"RESULT 0\n", b"RESULT", b"READY", b"OK", b"RESULT 12\nOK", b"\xff", b" 2\n"]
    script = []
    for _ in range(chance.randrange(1, 25)):
        kind = chance.random()
        if kind < 0.4:
            script.append(GIVE)
        elif kind < 0.43:
            script.append(DIE)
        else:
            text = b"".join(chance.choice(odd if chance.random() < 0.06 else pieces) for _ in range(chance.randrange(1, 3)))
            cut = chance.randrange(len(text) + 1)
            script += [part for part in (text[:cut], text[cut:]) if part]
    return script


def orderly(chance):
    """A listener that keeps to the protocol, cut into pieces anywhere."""
    script = []
    for _ in range(chance.randrange(1, 20)):
        for what in (READY, GIVE, chance.choice([b"RESULT 2\nOK", b"RESULT 4\nFAIL"])):
            if what is GIVE:
                script.append(what)
                continue
            cut = chance.randrange(len(what) + 1)
            script += [part for part in (what[:cut], what[cut:]) if part]
    return script


def main():
    chance = random.Random(SEED)
    scripts = list(FIXED.items())
    scripts += [(f"at random {number}", made_at_random(chance)) for number in range(ROUNDS)]
    scripts += [(f"orderly {number}", orderly(chance)) for number in range(ROUNDS // 4)]
    failed = 0
    for name, script in scripts:
        first, second = theirs(script), ours(script)
        if first != second:
            failed += 1
            shown = ["GIVE" if what is GIVE else "DIE" if what is DIE else what[:200] for what in script]
            print(f"FAILED {name} (SUPERSEDE_SEED={SEED}): {shown}\n--- oracle\n{first[:3000]}\n--- ours\n{second[:3000]}")
    print(f"{len(scripts) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
