"""supersede export: units that systemd-analyze accepts, for every configuration of the corpus."""

import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import corpus
import report
from daemon import OURS

SCRATCH = pathlib.Path("/tmp/export")
# systemd's opinion of what the configuration wants.
KNOWN = re.compile(r"^\S+: Special user nobody configured, this is not safe!\n", re.MULTILINE)
COMMAND = re.compile(r"^ExecStart=(?:\"((?:[^\"\\]|\\.)*)\"|(\S+))", re.MULTILINE)


def export(path, output, *arguments):
    return corpus.run([OURS.program("supersede"), "export", "--output", str(output), *arguments], path, SCRATCH)


def provide_programs(directory):
    """systemd-analyze looks for the programs."""
    for unit in directory.glob("*.service"):
        for quoted, plain in COMMAND.findall(unit.read_text(encoding="utf-8")):
            name = (quoted or plain).replace("%%", "%").replace("%i", "0")
            program = pathlib.Path(name if name.startswith("/") else f"/usr/local/bin/{name}")
            if not program.exists():
                program.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy("/bin/true", program)
                program.chmod(0o755)


def verify(directory):
    units = [str(path) for path in directory.iterdir() if path.suffix in (".service", ".socket", ".target", ".slice")]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60,
                          env={**os.environ, "SYSTEMD_UNIT_PATH": f"{directory}:"})
    return done.returncode, KNOWN.sub("", done.stdout)


class Corpus(unittest.TestCase):
    maxDiff = None

    def test_verify(self):
        SCRATCH.mkdir(exist_ok=True)
        exported, refused = {}, []
        for path in corpus.files():
            output = SCRATCH / path.stem
            done = export(path, output)
            if done.returncode == 0:
                exported[path.name] = output
            else:
                refused.append(f"{path.name}: {done.stderr}")
        self.assertEqual(len(exported), corpus.PARSES, "".join(refused))
        for output in exported.values():
            provide_programs(output)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            verdicts = dict(zip(exported, pool.map(verify, exported.values())))
        self.assertEqual({name: verdict for name, verdict in verdicts.items() if verdict != (0, "")}, {})
        self.check_kinds(exported)

    @staticmethod
    def mode(path):
        return 0o755 if path.name == "install" else 0o600 if path.suffix == ".env" else 0o644

    def check_kinds(self, exported):
        """What the corpus is known to hold has come out."""
        kinds = collections.Counter(path.suffix for output in exported.values() for path in output.iterdir())
        self.assertGreater(kinds[".service"], 200)
        self.assertGreater(kinds[".target"], 5)
        for output in exported.values():
            for path in output.iterdir():
                self.assertEqual(path.stat().st_mode & 0o777, self.mode(path), path)
                self.assertNotIn("supersede", path.read_text(encoding="utf-8").replace(str(corpus.TOP), ""))


if __name__ == "__main__":
    report.main()
