"""Configurations that cannot be used: the oracle's message with file and line, exit 2, and nothing started."""

import os
import re
import subprocess
import unittest

import report
from daemon import ORACLE, OURS, STAND_IN, Daemon

SECOND = STAND_IN if os.environ.get("SUPERSEDE_STAND_IN") else OURS

# A program that would be started, were the rest right: its marker must not appear.
STARTED = "[program:good]\ncommand=/bin/sh -c 'touch %(here)s/started; exec sleep 1000'\n"

# name: (what is appended to the file, the line of it that is to blame, from 1; 0: any)
REFUSED = {
    "no_command": ("[program:x]\nnumprocs=1\n", 1),
    "unknown_user": ("[program:x]\ncommand=/bin/true\nuser=nosuchuser\n", 3),
    "process_num_missing": ("[program:x]\ncommand=/bin/true\nnumprocs=2\n", 0),
    "numprocs_is_text": ("[program:x]\ncommand=/bin/true\nnumprocs=many\n", 3),
    "unknown_variable": ("[program:x]\ncommand=%(nothing)s\n", 2),
    "unknown_environment": ("[program:x]\ncommand=/bin/true\ndirectory=%(ENV_NOT_THERE)s\n", 3),
    "bad_format": ("[program:x]\ncommand=/bin/true %(process_num)\n", 2),
    "bad_signal": ("[program:x]\ncommand=/bin/true\nstopsignal=LOUD\n", 3),
    "bad_autorestart": ("[program:x]\ncommand=/bin/true\nautorestart=maybe\n", 3),
    "bad_boolean": ("[program:x]\ncommand=/bin/true\nredirect_stderr=perhaps\n", 3),
    "bad_size": ("[program:x]\ncommand=/bin/true\nstdout_logfile_maxbytes=lots\n", 3),
    "bad_number": ("[program:x]\ncommand=/bin/true\nstartsecs=soon\n", 3),
    "bad_exitcodes": ("[program:x]\ncommand=/bin/true\nexitcodes=0,many\n", 3),
    "bad_umask": ("[program:x]\ncommand=/bin/true\numask=999\n", 3),
    "bad_environment": ("[program:x]\ncommand=/bin/true\nenvironment=A\n", 3),
    "bad_name": ("[program:x:y]\ncommand=/bin/true\n", 1),
    "group_of_nobody": ("[group:g]\nprograms=nobody\n", 2),
    "unknown_event": ("[eventlistener:e]\ncommand=/bin/true\nevents=NOSUCH\n", 3),
    "listener_without_events": ("[eventlistener:e]\ncommand=/bin/true\n", 1),
    "bad_socket": ("[fcgi-program:f]\ncommand=/bin/true\nsocket=nowhere\n", 3),
    "bad_port": ("[inet_http_server]\nport=abc\n", 2),
    "include_without_files": ("[include]\nfile=x\n", 1),
    "no_section_value": ("[program:x]\nthis is no option\n", 2),
}


class Refused:
    """What one daemon makes of a configuration that it cannot use."""

    def __init__(self, role, name, addition):
        self.daemon = Daemon(role, f"refused{role.name.replace('-', '')}{name.replace('_', '')}")
        self.daemon.configure(STARTED + addition)
        with open(self.daemon.conf, encoding="utf-8") as file:
            self.first_line = len(file.read().split("\n")) - len(addition.split("\n"))
        done = subprocess.run([role.program("supervisord"), "-n", "-c", self.daemon.conf], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=30,
                              cwd="/")
        self.status = done.returncode
        self.told = done.stdout
        self.text = self.daemon.normal(done.stdout)

    def reason(self):
        """The oracle's first line without "Error: " and where it happened, which ours tells in its own way."""
        line = self.text.splitlines()[0].removeprefix("Error: ")
        return re.sub(r" in section '.*?' \(file: .*\)$|: 'DIR/supervisord.conf'$|(?<=Available names: ).*$", "", line).strip()


class Refusals(unittest.TestCase):
    def compare(self, name):
        addition, line = REFUSED[name]
        oracle, second = Refused(ORACLE, name, addition), Refused(SECOND, name, addition)
        self.assertEqual(oracle.status, 2, oracle.text)
        self.assertTrue(oracle.text.startswith("Error: "), oracle.text)
        self.assertEqual(second.status, 2, second.text)
        self.assertIn(oracle.reason(), second.text)
        if second.daemon.role is OURS:
            self.check_place(second, line)
        self.assertFalse(os.path.exists(second.daemon.path("started")), "a program was started")
        self.assertFalse(os.path.exists(second.daemon.path("socket")), "a server was opened")
        self.assertNotIn(second.daemon.name, self.units(), "a unit was made")

    def check_place(self, second, line):
        place = re.search(r"supervisord\.conf\W{1,5}(?:line:? +)?(\d+)", second.told)
        self.assertTrue(place, f"no file and line in: {second.told}")
        if line:
            self.assertEqual(int(place[1]), second.first_line + line, second.told)

    @staticmethod
    def units():
        return subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend"], stdout=subprocess.PIPE,
                              text=True, check=True).stdout

    def test_good_configuration_is_no_refusal(self):
        """Guards the others: without the addition the same file starts the program."""
        daemon = Daemon(SECOND, "refusednot")
        daemon.configure(STARTED)
        try:
            daemon.start()
            daemon.wait_state("good", "RUNNING")
            self.assertTrue(os.path.exists(daemon.path("started")))
        finally:
            daemon.stop()

    def test_missing_file(self):
        texts = []
        for role in (ORACLE, SECOND):
            done = subprocess.run([role.program("supervisord"), "-n", "-c", "/does/not/exist.conf"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=30)
            self.assertEqual(done.returncode, 2)
            texts.append(done.stdout.splitlines()[0])
        self.assertEqual(*texts)


for _name in REFUSED:
    setattr(Refusals, f"test_{_name}", lambda self, name=_name: self.compare(name))

if __name__ == "__main__":
    report.main()
