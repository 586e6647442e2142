#!/usr/bin/python3
"""Makes the table of unicode_printable.c: unicode_printable.py OUTPUT.

Each release of Python brings a Unicode of its own, with characters that the one before escapes. What the host's messages look like
is up to the Python that the oracle is run by, which is that of /usr/bin, whichever others there are."""

import itertools
import sys


def unprintable():
    """The first and the last character of each range."""
    for printable, characters in itertools.groupby(range(sys.maxunicode + 1), lambda character: chr(character).isprintable()):
        if not printable:
            first = last = next(characters)
            for last in characters:
                pass
            yield first, last


def main(output):
    with open(output, "w", encoding="ascii") as file:
        file.write("/* Made by common/unicode_printable.py. */\n#include \"common/unicode_printable.h\"\n\n")
        file.write("const UnicodeRange unicode_unprintable[] = {\n")
        file.writelines(f"    {{{first:#x}, {last:#x}}},\n" for first, last in unprintable())
        file.write("};\nconst size_t unicode_unprintable_count = sizeof unicode_unprintable / sizeof *unicode_unprintable;\n")


main(sys.argv[1])
