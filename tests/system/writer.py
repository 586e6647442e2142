"""A program that writes as fast as it can, the same bytes for the same seed, and notes how many of them it got rid of.

    writer.py DIRECTORY NAME KIND STREAMS [BYTES-PER-LIFE]

KIND is how the bytes look, STREAMS the descriptors it writes to in turn ("1", "1,2"). With BYTES-PER-LIFE it exits after so
many and goes on in its next life. When DIRECTORY/stop appears it ends for good and leaves DIRECTORY/NAME.done behind."""

import json
import os
import random
import sys
import time


def numbered(rng):
    number = 0
    while True:
        count = rng.randrange(1, 2000)
        yield b"".join(b"%012d\n" % i for i in range(number, number + count))
        number += count


def noise(rng):
    while True:
        yield rng.randbytes(rng.randrange(1, 200_000))


def crumbs(rng):
    while True:
        yield rng.randbytes(rng.randrange(1, 40)) + b"\n" * rng.randrange(0, 3)


def giants(rng):
    while True:
        yield b"%d" % rng.randrange(10) * rng.randrange(1 << 20, 1 << 21) + b"\n"


def bursts(rng):
    number = 0
    while True:
        count = rng.randrange(1, 200)
        yield b"".join(b"%012d\n" % i for i in range(number, number + count))
        number += count


KINDS = {"bursts": bursts, "numbered": numbered, "noise": noise, "crumbs": crumbs, "giants": giants}


def blocks(name, kind, life):
    """What a life of this writer says: the writer and the test make it from the same seed."""
    return KINDS[kind](random.Random(f"{name} {life}"))


def pieces(name, kind, streams, life):
    """The same with the descriptor of each block."""
    for index, block in enumerate(blocks(name, kind, life)):
        yield streams[index % len(streams)], block


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


class Writer:
    def __init__(self, directory, name, kind, streams, limit):
        self.directory, self.name, self.kind, self.limit = directory, name, kind, limit
        self.streams = [int(fd) for fd in streams.split(",")]
        self.lives_path = os.path.join(directory, name + ".lives")
        self.lives = []  # bytes written to each stream, life after life
        if os.path.exists(self.lives_path):
            with open(self.lives_path, encoding="utf-8") as file:
                self.lives = json.load(file)

    def live(self):
        totals = dict.fromkeys(self.streams, 0)
        stop = os.path.join(self.directory, "stop")
        stopped = False
        for fd, block in pieces(self.name, self.kind, self.streams, len(self.lives)):
            write_all(fd, block)
            totals[fd] += len(block)
            stopped = os.path.exists(stop)
            if self.kind == "bursts":
                time.sleep(0.1)  # the journal takes only so much of one service
            if stopped or self.limit and sum(totals.values()) >= self.limit:
                break
        self.lives.append(totals)
        temporary = self.lives_path + ".new"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(self.lives, file)
        os.rename(temporary, self.lives_path)
        return stopped


def main():
    directory, name, kind, streams = sys.argv[1:5]
    writer = Writer(directory, name, kind, streams, int(sys.argv[5]) if len(sys.argv) > 5 else 0)
    try:
        stopped = writer.live()
    except OSError as error:
        with open(os.path.join(directory, name + ".error"), "w", encoding="utf-8") as file:
            file.write(str(error))
        raise
    if stopped:
        os.rename(writer.lives_path, os.path.join(directory, name + ".done"))
        while True:
            time.sleep(1000)


if __name__ == "__main__":
    main()
