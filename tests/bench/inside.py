"""Runs the benches one after the other, inside the box; tests/bench/run reads what they print."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))


# The order of the table; what is not named here comes after it.
ORDER = ("logs", "rpc", "units", "page", "events", "parse", "growth")


def available():
    names = [name[len("bench_"):-len(".py")] for name in os.listdir(HERE) if name.startswith("bench_") and name.endswith(".py")]
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


# Four times what the longest takes.
PATIENCE_SECONDS = 900


def measure(name):
    """Passes the rows on as they come, with the name of the bench."""
    with subprocess.Popen(["timeout", "-k", "5", str(PATIENCE_SECONDS), sys.executable, "-B", os.path.join(HERE, f"bench_{name}.py")],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as bench:
        for line in bench.stdout:
            print(json.dumps({**json.loads(line), "bench": name}), flush=True)
    return bench.returncode


def main():
    for name in sys.argv[1:] or available():
        print(json.dumps({"begins": name}), flush=True)
        status = measure(name)
        if status != 0:
            print(json.dumps({"failed": name, "status": status}), flush=True)


if __name__ == "__main__":
    main()
