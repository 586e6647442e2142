"""Writes numbered lines and keeps account of those that the pipe has taken, so that whoever kills it knows what must be in the log.

    counted_writer.py DIRECTORY NAME LINES PAUSE

Every line is "TOKEN NUMBER"; TOKEN begins with the process's ID and is never used again. DIRECTORY/NAME/TOKEN holds the number
of the last line that was written (the one behind it may have been written as well)."""

import mmap
import os
import struct
import sys
import time


def main(directory, name, lines, pause):
    token = f"{os.getpid()}.{time.monotonic_ns()}"
    path = f"{directory}/{name}/{token}"
    with open(path, "w+b") as file:
        file.truncate(8)
        account = mmap.mmap(file.fileno(), 8)
    number = 0
    while True:
        for _ in range(lines):
            number += 1
            os.write(1, f"{token} {number}\n".encode())
            account[:] = struct.pack("Q", number)
        time.sleep(pause)


def written(directory, name):
    """What every process of that name has written: token → lines."""
    found = {}
    for token in os.listdir(f"{directory}/{name}"):
        with open(f"{directory}/{name}/{token}", "rb") as file:
            found[token] = struct.unpack("Q", file.read(8).ljust(8, b"\0"))[0]
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
