#!/usr/bin/env python3
"""Makes a C file of the static parts of the web page: embed.py OUTPUT FILE..."""

import hashlib
import os
import sys

# What is served under its own name; the rest are templates.
TYPES = {".css": "text/css;charset=utf-8", ".js": "text/javascript;charset=utf-8", ".svg": "image/svg+xml"}


def c_bytes(data):
    """Decimal numbers, 24 a line, with a NUL behind them."""
    numbers = [str(byte) for byte in data + b"\0"]
    return ",\n".join(",".join(numbers[start:start + 24]) for start in range(0, len(numbers), 24))


def main(output, paths):
    digest = hashlib.sha256()
    arrays, rows = [], []
    for number, path in enumerate(sorted(paths, key=os.path.basename)):
        name = os.path.basename(path)
        with open(path, "rb") as file:
            data = file.read()
        digest.update(name.encode() + b"\0" + data)
        kind = TYPES.get(os.path.splitext(name)[1])
        arrays.append(f"static const unsigned char bytes_{number}[] = {{\n{c_bytes(data)}}};\n")
        shown = f'"{kind}"' if kind else "NULL"
        rows.append(f'    {{"{name}", {shown}, (const char *)bytes_{number}, {len(data)}}},\n')
    with open(output, "w", encoding="ascii") as file:
        file.write("/* Made by bridge/web/embed.py. */\n#include \"bridge/web_asset.h\"\n\n")
        file.writelines(arrays)
        file.write("\nconst WebAsset web_assets[] = {\n" + "".join(rows) + "};\n")
        file.write(f"const size_t web_asset_count = {len(rows)};\n")
        file.write(f'const char web_asset_version[] = "{digest.hexdigest()[:12]}";\n')


main(sys.argv[1], sys.argv[2:])
