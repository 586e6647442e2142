"""Logs without a file (NONE, syslog): answers come out of the journal and are those that a file gives."""

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import time
import unittest
import xmlrpc.client

import report
from daemon import OURS, Daemon
from waiting import wait_until

# The same into a file and into the journal alone. Opened for both, so that the end of one writer is not the end for them.
SPEAKER = "/bin/sh -c 'exec cat <>%(here)s/{0}.fifo{1}'"
CONFIGURATION = (
    f"[program:file]\ncommand={SPEAKER.format('file', '')}\nstdout_logfile=%(here)s/file.log\nstdout_logfile_maxbytes=0\n"
    f"[program:none]\ncommand={SPEAKER.format('none', '')}\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
    f"[program:both]\ncommand={SPEAKER.format('both', ' >&2')}\nstderr_logfile=NONE\nstderr_syslog=true\n"
    f"[program:off]\ncommand={SPEAKER.format('off', '')}\nstdout_logfile=NONE\nstdout_journal=false\n"
    "[program:later]\ncommand=/bin/cat\nautostart=false\nstdout_logfile=NONE\n")
SPEAKERS = ("file", "none", "both", "off")
OFFSETS = (0, 1, 2, 17, 65535, 65536, 65537, 200000, -1, -2, -100, -1600, -70000, -10**9, 10**9)
LENGTHS = (0, 1, 2, 100, 65536, 100000, 10**9, -1)


count = itertools.count()


def lines():
    """Another last line each time."""
    chance = random.Random(4)
    parts = [bytes(chance.choice(b"abc\t \xc3\xa4") for _ in range(chance.randrange(200))) + b"\n" for _ in range(2500)]
    parts[300:300] = [b"\n", b"\n", b"nul \0 in it\n", b"invalid \xff\xfe\n", b"x" * 150000 + b"\n"]
    return b"".join([*parts, b"last of %d\n" % next(count)])


class Journal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(OURS, "unfiled")
        cls.daemon.configure(CONFIGURATION)
        for name in SPEAKERS:
            os.mkfifo(cls.daemon.path(f"{name}.fifo"))
        cls.addClassCleanup(cls.daemon.stop)
        cls.daemon.start()
        for name in SPEAKERS:
            cls.daemon.wait_state(name, "RUNNING")

    def setUp(self):
        for name in ("file", "none", "both"):
            self.daemon.rpc.supervisor.clearProcessLogs(name)

    def say(self, name, data):
        with open(self.daemon.path(f"{name}.fifo"), "wb") as fifo:
            fifo.write(data)

    def say_to_both(self, data):
        for name in ("file", "none"):
            before = self.size(name)
            self.say(name, data)
            wait_until(lambda name=name, before=before: self.size(name) == before + len(data), f"{name} to have it all")

    def size(self, name):
        return self.daemon.rpc.supervisor.tailProcessStdoutLog(name, 0, 0)[1]

    def answer(self, method, *arguments):
        try:
            return getattr(self.daemon.rpc.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            return fault.faultCode, fault.faultString

    def compare(self):
        different = []
        for method in ("readProcessStdoutLog", "tailProcessStdoutLog"):
            for offset in OFFSETS:
                for length in LENGTHS:
                    file, none = (self.answer(method, name, offset, length) for name in ("file", "none"))
                    if file != none:
                        different.append((method, offset, length, str(file)[:100], str(none)[:100]))
        self.assertEqual(different, [])

    def in_journal(self, name, data, stream="stdout"):
        """Waits until journald has written the last line."""
        last = data.rstrip(b"\n").rpartition(b"\n")[2].decode()

        def question():
            text = subprocess.run(["journalctl", "-q", "-n", "3", "-o", "cat", "-u", f"unfiled:{name}.service",
                                   f"SUPERVISOR_STREAM={stream}"], stdout=subprocess.PIPE, check=True).stdout
            return last in text.decode(errors="replace").splitlines()
        wait_until(question, f"{last!r} of {name} in the journal", interval=0.1)

    def test_little_comes_from_memory(self):
        self.say_to_both(b"one\ntwo\n\nan unfinished line")
        self.compare()

    def test_much_comes_from_the_journal(self):
        text = lines()
        self.say_to_both(text)
        self.in_journal("none", text)
        self.compare()
        self.say_to_both(b"and more\n")
        self.compare()

    def test_it_outlives_the_bridge(self):
        text = lines()[-300000:]
        self.say_to_both(text)
        self.in_journal("none", text)
        self.daemon.kill()
        self.daemon.start()
        for name in SPEAKERS:
            self.daemon.wait_state(name, "RUNNING")
        self.compare()
        self.say_to_both(b"after the restart\n")
        self.in_journal("none", b"after the restart\n")
        self.compare()

    def test_clearing(self):
        self.say_to_both(b"before\n")
        self.daemon.rpc.supervisor.clearProcessLogs("none")
        self.assertEqual(self.answer("tailProcessStdoutLog", "none", 0, 100), ["", 0, False])
        self.say("none", b"after\n")
        wait_until(lambda: self.answer("readProcessStdoutLog", "none", 0, 0) == "after\n", "only what came after it")

    def test_strangers_are_not_believed(self):
        """Anybody may write into the journal, with any field but those that begin with an underscore."""
        text = lines()
        self.say_to_both(text)
        self.in_journal("none", text)
        entry = subprocess.run(["journalctl", "-q", "-n", "1", "-o", "export", "-u", "unfiled:none.service",
                                "SUPERVISOR_STREAM=stdout"], stdout=subprocess.PIPE, check=True).stdout
        log = next(line for line in entry.splitlines() if line.startswith(b"SUPERVISOR_LOG=")).decode()
        fields = f"{log}\nSUPERVISOR_OFFSET=0\nSUPERVISOR_END=7\nSUPERVISOR_BLOCK={log.partition('=')[2]}:0\nMESSAGE=forged\n"
        subprocess.run([sys.executable, "-c", "import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                        f"s.sendto({fields.encode()!r}, '/run/systemd/journal/socket')"], user="nobody", check=True)
        wait_until(lambda: b"forged" in subprocess.run(["journalctl", "-q", "-o", "cat", log], stdout=subprocess.PIPE,
                                                      check=True).stdout, "the forged entry in the journal")
        self.compare()

    def test_standard_error_and_syslog(self):
        self.say("both", b"an error\n")
        wait_until(lambda: self.answer("readProcessStderrLog", "both", 0, 0) == "an error\n", "the error")
        self.in_journal("both", b"an error\n", "stderr")
        priority = subprocess.run(["journalctl", "-q", "-n", "1", "-o", "verbose", "-u", "unfiled:both.service",
                                   "SUPERVISOR_STREAM=stderr"], stdout=subprocess.PIPE, check=True).stdout
        self.assertIn(b" PRIORITY=4\n", priority)

    def test_nothing_yet(self):
        self.assertEqual(self.answer("readProcessStdoutLog", "later", 0, 0), "")
        self.assertEqual(self.answer("tailProcessStdoutLog", "later", 0, 100), ["", 0, False])

    def test_switched_off(self):
        self.say("off", b"nobody hears this\n")
        self.assertEqual(self.answer("readProcessStdoutLog", "off", 0, 0)[0], xmlrpc.client.Fault(20, "").faultCode)
        sign = b"a sign %d\n" % next(count)
        self.say("none", sign)
        self.in_journal("none", sign)
        text = subprocess.run(["journalctl", "-q", "-o", "cat", "-u", "unfiled:off.service"], stdout=subprocess.PIPE, check=True).stdout
        self.assertNotIn(b"nobody hears this", text)

    def test_others_are_answered_meanwhile(self):
        """Reading takes a while when much is asked for; nobody waits for it."""
        text = lines()
        self.say_to_both(text)
        self.in_journal("none", text)
        read = b"".join((b"<?xml version='1.0'?><methodCall><methodName>supervisor.readProcessStdoutLog</methodName><params>",
                         b"<param><value>none</value></param><param><value><int>0</int></value></param>",
                         b"<param><value><int>0</int></value></param></params></methodCall>"))
        readers = []
        for _ in range(20):
            reader = socket.socket(socket.AF_UNIX)
            reader.connect(self.daemon.path("socket"))
            reader.sendall(b"POST /RPC2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(read), read))
            readers.append(reader)
        # One that does not wait for the answer.
        readers.pop().close()
        slowest = 0
        for _ in range(50):
            begin = time.monotonic()
            self.daemon.rpc.supervisor.getState()
            slowest = max(slowest, time.monotonic() - begin)
        self.assertLess(slowest, 1)
        for reader in readers:
            answer = b""
            while piece := reader.recv(1 << 20):
                answer += piece
            reader.close()
            self.assertGreater(len(answer), len(text) // 2)
        children = subprocess.run(["pgrep", "-P", str(self.daemon.process.pid)], stdout=subprocess.PIPE, check=False).stdout
        self.assertEqual(children, b"")

    def test_following(self):
        text = lines()
        self.say_to_both(text)
        self.in_journal("none", text)
        output = self.daemon.path("followed")
        with open(output, "wb") as file, subprocess.Popen(
                [OURS.program("supervisorctl"), "-c", self.daemon.conf, "tail", "-f", "none"], stdin=subprocess.DEVNULL, stdout=file) as client:
            def shown():
                with open(output, "rb") as followed:
                    return followed.read()
            wait_until(lambda: shown().endswith(text[-1024:]), "the end of what there was")
            self.say("none", b"one ")
            wait_until(lambda: shown().endswith(text[-1024:] + b"one "), "what came then")
            self.say("none", b"two\n" + b"y" * 5000 + b"\n")
            wait_until(lambda: shown().endswith(text[-1024:] + b"one two\n" + b"y" * 5000 + b"\n"), "and then")
            self.daemon.rpc.supervisor.clearProcessLogs("none")
            self.say("none", b"after the clearing\n")
            wait_until(lambda: shown().endswith(b"==> File truncated <==\nafter the clearing\n"), "the clearing")
            client.send_signal(signal.SIGINT)

    def test_following_after_a_restart_of_the_bridge(self):
        text = lines()[-100000:]
        self.say_to_both(text)
        self.in_journal("none", text)
        self.daemon.kill()
        self.daemon.start()
        self.daemon.wait_state("none", "RUNNING")
        with subprocess.Popen([OURS.program("supervisorctl"), "-c", self.daemon.conf, "tail", "-f", "none"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE) as client:
            shown = b""
            while not shown.endswith(text[-1024:]):
                shown += os.read(client.stdout.fileno(), 65536)
            client.send_signal(signal.SIGINT)


if __name__ == "__main__":
    report.main()
