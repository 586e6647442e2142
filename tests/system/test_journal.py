"""`journalctl -u` and `systemctl status` of a process's unit show its lines, under its own pid."""

import json
import os
import subprocess
import unittest

import report
from daemon import OURS, Daemon, unit_of
from waiting import wait_until

TALKER = "/bin/sh -c 'echo out {0}; echo err {0} >&2; exec sleep 1000'"


def entries(unit):
    text = subprocess.run(["journalctl", "--no-pager", "-q", "-o", "json", "-u", unit], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    return [json.loads(line) for line in text.splitlines()]


class Journal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(OURS, "journals")
        cls.daemon.configure(
            f"[program:file]\ncommand={TALKER.format('file')}\nstdout_logfile=%(here)s/file.out\n"
            "stderr_logfile=%(here)s/file.err\n"
            f"[program:auto]\ncommand={TALKER.format('auto')}\n"
            f"[program:none]\ncommand={TALKER.format('none')}\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
            f"[program:both]\ncommand={TALKER.format('both')}\nredirect_stderr=true\n"
            f"[program:many]\ncommand={TALKER.format('many %(process_num)d')}\nnumprocs=2\n"
            "process_name=%(program_name)s_%(process_num)d\n"
            "[program:late]\ncommand=/bin/sh -c 'exec cat <>%(here)s/late.fifo'\nstdout_logfile=%(here)s/late.out\n"
            f"[program:brief]\ncommand=/bin/sh -c 'echo last words'\nstartsecs=0\n"
            f"[program:inner]\ncommand={TALKER.format('inner')}\n[group:g]\nprograms=inner\n")
        os.mkfifo(cls.daemon.path("late.fifo"))
        cls.addClassCleanup(cls.daemon.stop)
        cls.daemon.start()
        for name in ("late", "file", "auto", "none", "both", "many:many_0", "many:many_1", "g:inner"):
            cls.daemon.wait_state(name, "RUNNING")

    def said(self, name, *expected):
        """Waits until the unit's journal has these lines, from the process itself."""
        pid = self.daemon.pid(name)
        unit = unit_of(pid)

        def lines():
            return sorted(entry["MESSAGE"] for entry in entries(unit)
                          if entry.get("_PID") == str(pid) and entry.get("_SYSTEMD_UNIT") == unit)
        wait_until(lambda: lines() == sorted(expected), f"{unit} to have {expected} under pid {pid}", interval=0.2)
        return unit, pid

    def test_log_file(self):
        self.said("file", "out file", "err file")
        self.assertEqual(self.daemon.read("file.out"), "out file\n")
        self.assertEqual(self.daemon.read("file.err"), "err file\n")

    def test_auto_log_file(self):
        self.said("auto", "out auto", "err auto")
        with open(self.daemon.info("auto")["stdout_logfile"], encoding="utf-8") as file:
            self.assertEqual(file.read(), "out auto\n")

    def test_no_log_file(self):
        self.said("none", "out none", "err none")

    def test_redirected(self):
        self.said("both", "out both", "err both")

    def test_numbered(self):
        units = {self.said(f"many:many_{number}", f"out many {number}", f"err many {number}")[0] for number in (0, 1)}
        self.assertEqual(len(units), 2)

    def test_in_a_group(self):
        self.said("g:inner", "out inner", "err inner")

    def test_unit_is_named_after_the_process(self):
        unit, _ = self.said("g:inner", "out inner", "err inner")
        self.assertRegex(unit, r"^journals:g:inner\.service$")

    def test_status_of_systemd(self):
        # It leaves out what journald has stamped before PID 1 noted the unit's start. PID 1 notes that after the fork, and
        # on a busy machine first lines have been in the journal for some milliseconds then.
        with open(self.daemon.path("late.fifo"), "wb") as fifo:
            fifo.write(b"late line\n")
        unit, pid = self.said("late", "late line")

        def status():
            return subprocess.run(["systemctl", "status", "--no-pager", "-l", unit], stdout=subprocess.PIPE,
                                  text=True, check=True).stdout
        try:
            wait_until(lambda: "late line" in status() and str(pid) in status(), f"systemctl status of {unit} to show its line",
                       interval=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{status()}") from None

    def test_a_program_that_is_gone(self):
        """Its pid is no more when its last line is sent: the unit still shows it."""
        self.daemon.wait_state("brief", "EXITED")
        unit = unit_of(self.daemon.pid("g:inner")).replace("g:inner", "brief")
        wait_until(lambda: "last words" in [entry["MESSAGE"] for entry in entries(unit)], f"{unit} to have its line",
                   interval=0.2)


if __name__ == "__main__":
    report.main()
