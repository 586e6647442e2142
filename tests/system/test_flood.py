"""A program that says more than a journal takes."""

import subprocess
import unittest

import report
from daemon import OURS, Daemon
from waiting import wait_until


class Flood(unittest.TestCase):
    def test_a_flood_is_limited_and_told(self):
        """The file has it all, and the program is not slowed down; the journal has a part and a note that counts."""
        daemon = Daemon(OURS, "flood")
        daemon.configure(
            "[program:loud]\n"
            "command=/bin/sh -c 'i=0; while [ $i -lt 50 ]; do seq 2000; i=$((i+1)); done; echo done; exec sleep 1000'\n"
            "stdout_logfile=%(here)s/loud.log\nstdout_logfile_maxbytes=0\n")
        self.addCleanup(daemon.stop)
        daemon.start()
        wait_until(lambda: daemon.read("loud.log").endswith("done\n"), "the flood to be over")
        self.assertEqual(daemon.read("loud.log"), "".join(f"{number}\n" for number in range(1, 2001)) * 50 + "done\n")

        def lines():
            return subprocess.run(["journalctl", "-q", "-o", "cat", "-u", "flood:loud.service"], stdout=subprocess.PIPE,
                                  check=True).stdout.decode().splitlines()

        def notes():
            return [line for line in lines() if "bytes of output suppressed" in line]
        # The note comes with the end of the interval.
        wait_until(notes, "a note about what is missing", seconds=60, interval=0.5)
        copied = sum(len(line) + 1 for line in lines() if line.isdecimal() or line == "done")
        self.assertRegex(notes()[0], rf"\b{len(daemon.read('loud.log')) - copied} bytes of output suppressed")


if __name__ == "__main__":
    report.main()
