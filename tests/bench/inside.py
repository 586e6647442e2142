"""Runs the benches one after the other, inside the box; tests/bench/run reads what they print."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))


def available():
    return sorted(name[len("bench_"):-len(".py")] for name in os.listdir(HERE)
                  if name.startswith("bench_") and name.endswith(".py"))


def main():
    for name in sys.argv[1:] or available():
        print(f"bench: {name}", file=sys.stderr, flush=True)
        status = subprocess.run([sys.executable, "-B", os.path.join(HERE, f"bench_{name}.py")], check=False).returncode
        if status != 0:
            print(json.dumps({"failed": name, "status": status}), flush=True)


if __name__ == "__main__":
    main()
