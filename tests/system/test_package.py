#!/usr/bin/python3 -B
"""The Debian package is built from this tree and tried: over Debian's supervisor in a booted box (package_life.py says what must
hold there), and on a host that is booted with it and powered off (test_reboot.py).

Runs on the host, which is what builds and boots: test_package.py BUILDDIR; with a package as argument nothing is built.
"""

import os
import subprocess
import sys
import unittest

import report
import test_reboot
from test_reboot import HERE, SANDBOX

TESTS = os.path.dirname(HERE)
TOP = os.path.dirname(TESTS)


class Package(unittest.TestCase):
    """All of it, step by step: a package that cannot be built or installed is one failure, not five."""

    def built(self):
        if sys.argv[1].endswith(".deb"):
            return os.path.realpath(sys.argv[1])
        done = subprocess.run([f"{TESTS}/package", os.path.join(sys.argv[1], "package")], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.splitlines()[-1]

    def test_package(self):
        deb = self.built()
        directory = os.path.dirname(deb)
        with self.subTest("life"):
            done = subprocess.run([SANDBOX, "run", "--overlay", TOP, "--bind-ro", f"{directory}:/packages", "--",
                                   "/usr/bin/python3", "-B", f"{HERE}/package_life.py",
                                   f"/packages/{os.path.basename(deb)}", "/packages/next.deb"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
        with self.subTest("reboot"):
            reboot = test_reboot.Reboot("test_boot_and_power_off")
            reboot.package = deb
            outcome = unittest.TestResult()
            reboot.run(outcome)
            self.assertTrue(outcome.wasSuccessful(), "\n".join(text for _, text in outcome.failures + outcome.errors))


if __name__ == "__main__":
    report.main()
