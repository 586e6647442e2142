#!/usr/bin/python3
"""Says, at build time, whether the oracle's Python overlooks a comment that begins left of another one (yes until 3.12), or not."""

import configparser

parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
parser.read_string("[section]\noption=a;b ;c #d\n")
print("yes" if parser["section"]["option"] == "a;b ;c" else "no")
