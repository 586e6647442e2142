"""The bridge dies, hangs, is stopped: not a byte of what programs write is lost or doubled, and nobody gets SIGPIPE."""

import os
import random
import re
import signal
import subprocess
import tempfile
import time
import unittest

import report
import writer
from service import Service
from stories import program
from waiting import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = os.environ.get("SUPERSEDE_LONG") == "1"
KILLS = 50 if LONG else 8
# Random and the same at every run.
DELAYS = random.Random(4)

# name, kind of bytes, descriptors, bytes per life, settings. Rotation keeps everything.
ROTATION = {"maxbytes": "4MB", "backups": "2000"}
WRITERS = [
    ("plain", "numbered", "1", "", {"maxbytes": "0"}),
    ("turning", "numbered", "1", "", {"maxbytes": "300KB", "backups": "2000"}),
    ("noisy", "noise", "1", "", ROTATION),
    ("double", "noise", "1,2", "", ROTATION),
    ("crumbly", "crumbs", "1,2", "", {"maxbytes": "0"}),
    ("merged", "numbered", "1,2", "", {**ROTATION, "redirect_stderr": "true"}),
    ("gigantic", "giants", "1", "", ROTATION),
    ("mortal", "numbered", "1,2", "5000000", ROTATION),
]


def write_go(name, then, **settings):
    """A program that waits for the file `go` and then says its last words."""
    script = f"while [ ! -e %(here)s/go ]; do sleep 0.02; done; {then}"
    return f"[program:{name}]\ncommand=/bin/sh -c '{script}'\nstdout_logfile=%(here)s/{name}.log\n" + "".join(
        f"{key}={value}\n" for key, value in settings.items())


def writer_section(name, kind, streams, life, settings):
    redirected = settings.get("redirect_stderr") == "true"
    lines = [f"[program:{name}]", f"command=/usr/bin/python3 -B {HERE}/writer.py %(here)s {name} {kind} {streams} {life}",
             "autorestart=true", "startsecs=0", f"redirect_stderr={'true' if redirected else 'false'}"]
    for stream in ("stdout", "stderr"):
        lines.append(f"{stream}_logfile=%(here)s/{name}.{stream}")
        lines += [f"{stream}_logfile_{key}={value}" for key, value in settings.items() if key in ROTATION]
    return "\n".join(lines) + "\n"


def parts(path):
    """A log file and what was rotated away from it, oldest first."""
    numbers = sorted((int(name.rpartition(".")[2]) for name in os.listdir(os.path.dirname(path))
                      if re.fullmatch(re.escape(os.path.basename(path)) + r"\.\d+", name)), reverse=True)
    return [f"{path}.{number}" for number in numbers] + [path]


def read_parts(path, size=1 << 20):
    for part in parts(path):
        with open(part, "rb") as file:
            while data := file.read(size):
                yield data


def expected(name, kind, streams, lives, wanted):
    """What went to one of the descriptors (or to both) through all lives."""
    for life, totals in enumerate(lives):
        left = sum(totals.values())
        for fd, block in writer.pieces(name, kind, streams, life):
            if left <= 0:
                break
            left -= len(block)
            if fd in wanted:
                yield block


def in_large_blocks(blocks, size=1 << 18):
    gathered = bytearray()
    for block in blocks:
        gathered += block
        if len(gathered) >= size:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def difference(actual, wanted):
    """The first place where two sequences of blocks differ as streams of bytes; None when they do not."""
    offset, have = 0, b""
    for want in in_large_blocks(wanted):
        while len(have) < len(want) and (more := next(actual, b"")):
            have += more
        if have[:len(want)] != want:
            at = next((i for i, (a, b) in enumerate(zip(have, want)) if a != b), len(have))
            return f"differs at {offset + at}: {have[at:at + 60]!r} instead of {want[at:at + 60]!r}"
        have = have[len(want):]
        offset += len(want)
    rest = have + next(actual, b"")
    return f"{len(rest)} bytes or more too many at {offset}: {rest[:60]!r}" if rest else None


class Unbroken(unittest.TestCase):
    def begin(self, text, properties=()):
        self.daemon = Service(f"unbroken_{self._testMethodName.removeprefix('test_')}", properties)
        self.daemon.configure(text)
        self.daemon.start()
        self.addCleanup(self.daemon.stop)

    def silence_and_kill(self, meanwhile):
        """Something happens that the bridge does not get to see before it dies."""
        pid = wait_until(self.daemon.main_pid, "a bridge")
        os.kill(pid, signal.SIGSTOP)
        meanwhile()
        os.kill(pid, signal.SIGKILL)
        self.daemon.wait_for_another(pid)

    def wait_until_gone(self, pid):
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), f"process {pid} to end")

    def test_last_words(self):
        """Nobody but systemd holds the FIFO between the end of the program and the next bridge."""
        self.begin(write_go("talker", "echo last words; echo more >&2; exit 3", autorestart="false",
                            stderr_logfile="%(here)s/talker.err"))
        talker = self.daemon.wait_state("talker", "RUNNING")["pid"]

        def let_it_end():
            self.daemon.write("go", "")
            self.wait_until_gone(talker)
        self.silence_and_kill(let_it_end)
        wait_until(lambda: self.daemon.read("talker.log"), "the last words")
        self.assertEqual(self.daemon.read("talker.log"), "last words\n")
        self.assertEqual(self.daemon.read("talker.err"), "more\n")

    def test_lives_between(self):
        """Programs come and go while there is no bridge: what each of them said is there, in order."""
        self.begin(write_go("serial", 'n=$(cat %(here)s/n 2>/dev/null || echo 0); echo life $n; echo $((n+1)) >%(here)s/n; '
                            '[ $n -lt 3 ] || exec sleep 1000', startsecs="0", autorestart="true"))
        self.daemon.wait_state("serial", "RUNNING")

        def let_them_live():
            self.daemon.write("go", "")
            wait_until(lambda: os.path.exists(self.daemon.path("n")) and self.daemon.read("n") == "4\n", "four lives", 60)
        self.silence_and_kill(let_them_live)
        wait_until(lambda: "life 3\n" in self.daemon.read("serial.log"), "the fourth life")
        self.assertEqual(self.daemon.read("serial.log"), "".join(f"life {n}\n" for n in range(4)))

    def test_stdin_stays_open(self):
        self.begin("[program:cat]\ncommand=/bin/cat\nstdout_logfile=%(here)s/cat.log\n")
        pid = self.daemon.wait_state("cat", "RUNNING")["pid"]
        for i in range(3):
            self.daemon.rpc.supervisor.sendProcessStdin("cat", f"{i}\n")
            self.silence_and_kill(lambda: None)
        wait_until(lambda: self.daemon.read("cat.log") == "0\n1\n2\n", "what was sent")
        self.assertEqual(self.daemon.pid("cat"), pid)

    def test_hung(self):
        """The watchdog ends a bridge that does not move any more; its programs notice nothing."""
        self.begin(program("one", stdout_logfile="%(here)s/one.log"), ["WatchdogSec=2s"])
        one = self.daemon.wait_state("one", "RUNNING")["pid"]
        pid = wait_until(self.daemon.main_pid, "a bridge")
        time.sleep(2.5)  # longer than the watchdog waits
        self.assertEqual(self.daemon.main_pid(), pid, "the watchdog must be fed")
        os.kill(pid, signal.SIGSTOP)
        self.daemon.wait_for_another(pid)
        self.assertEqual(self.daemon.wait_state("one", "RUNNING")["pid"], one)

    def count_in_main_log(self, text):
        return self.daemon.read("main.log").count(text)

    def test_full_disk(self):
        """The program goes on; what is lost is counted and told, once, and writing goes on when there is room."""
        disk = tempfile.mkdtemp(prefix="small-disk-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        counter = "i=0; while :; do i=$((i+1)); echo line $i; echo $i >%(here)s/counter; sleep 0.002; done"
        self.begin(f"[program:one]\ncommand=/bin/sh -c '{counter}'\nstdout_logfile={disk}/one.log\nstdout_logfile_maxbytes=0\n")
        with open(f"{disk}/filler", "wb") as file:
            file.write(b"x" * 61000)
        pid = self.daemon.wait_state("one", "RUNNING")["pid"]
        wait_until(lambda: self.count_in_main_log("cannot write the output of one"), "the disk to be full", 60)

        def count():
            return int(self.daemon.read("counter") or 0)
        before = count()
        wait_until(lambda: count() > before + 100, "the program to go on")
        os.unlink(f"{disk}/filler")
        wait_until(lambda: self.count_in_main_log("could not be written to"), "what is lost to be told")
        size = os.path.getsize(f"{disk}/one.log")
        wait_until(lambda: os.path.getsize(f"{disk}/one.log") > size, "writing to go on")
        self.assertEqual(self.count_in_main_log("cannot write the output of one"), 1)
        self.assertEqual(self.daemon.wait_state("one", "RUNNING")["pid"], pid)
        with open(f"{disk}/one.log", encoding="utf-8") as file:
            lines = file.read().split("\n")
        lost = int(re.search(r"(\d+) bytes of one could not be written", self.daemon.read("main.log"))[1])
        numbers = [int(line.removeprefix("line ")) for line in lines if re.fullmatch(r"line \d+", line)]
        gap = next(i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1)
        self.assertLess(numbers[gap - 1], numbers[gap])
        # Between the last whole line before and the first one after stand what is missing and the halves around it.
        missing = sum(len(f"line {n}\n") for n in range(numbers[gap - 1] + 1, numbers[gap]))
        halves = missing - lost
        self.assertTrue(0 <= halves < 20, f"{lost} bytes were told, {missing} are missing")

    def journald(self, signal_name):
        subprocess.run(["systemctl", "kill", "-s", signal_name, "systemd-journald.service"], check=True, timeout=30)

    def test_journald_hangs(self):
        """It costs nothing but the wait for the journal's copy: files go on, clients are answered, bridges come and go."""
        rows = [("patient", "bursts", "1", "", {"maxbytes": "20KB", "backups": "2000"})]
        self.begin_writers(rows)
        self.journald("STOP")
        self.addCleanup(self.journald, "CONT")
        path = self.daemon.path("patient.stdout")
        for _ in range(3):
            size = sum(os.stat(part).st_size for part in parts(path))
            wait_until(lambda size=size: sum(os.stat(part).st_size for part in parts(path)) > size + 20000, "the file to grow")
            began = time.monotonic()
            self.assertEqual(self.daemon.state("patient"), "RUNNING")
            self.assertLess(time.monotonic() - began, 3)
            pid = self.daemon.main_pid()
            os.kill(pid, signal.SIGKILL)
            self.daemon.wait_for_another(pid)
        self.finish_writers(rows)
        self.compare(*rows[0][:3], rows[0][4])
        self.journald("CONT")
        self.compare_journal("patient", "stdout")

    def kill_once(self):
        pid = wait_until(self.daemon.main_pid, "a bridge")
        time.sleep(DELAYS.uniform(0, 0.2))
        os.kill(pid, signal.SIGKILL)
        self.wait_until_gone(pid)

    def begin_writers(self, rows):
        self.begin("".join(writer_section(*row) for row in rows))
        for name, *_ in rows:
            path = self.daemon.path(f"{name}.stdout")
            wait_until(lambda path=path: os.path.exists(path) and os.path.getsize(path), f"{path} to be written to")

    def finish_writers(self, rows):
        self.daemon.write("stop", "")
        for name, *_ in rows:
            wait_until(lambda name=name: os.path.exists(self.daemon.path(name + ".done")), f"{name} to stop")
        self.assertEqual([name for name in os.listdir(self.daemon.directory) if name.endswith(".error")], [])

    def compare(self, name, kind, streams, settings):
        lives = [{int(fd): count for fd, count in life.items()} for life in writer.json.loads(self.daemon.read(name + ".done"))]
        descriptors = [int(fd) for fd in streams.split(",")]
        files = {"stdout": descriptors} if settings.get("redirect_stderr") else {"stdout": [1], "stderr": [2]}
        total = 0
        for stream, wanted in files.items():
            path = self.daemon.path(f"{name}.{stream}")
            size = sum(totals.get(fd, 0) for totals in lives for fd in wanted)
            wait_until(lambda path=path, size=size: sum(os.stat(part).st_size for part in parts(path)) >= size,
                       f"{size} bytes in {path}")
            found = difference(read_parts(path), expected(name, kind, descriptors, lives, wanted))
            self.assertIsNone(found, f"{path} after {KILLS} kills: {found}")
            total += size
        return total, len(lives)

    def test_every_byte_once(self):
        self.begin_writers(WRITERS)
        began = time.monotonic()
        for _ in range(KILLS):
            self.kill_once()
        seconds = time.monotonic() - began
        self.finish_writers(WRITERS)
        for name, kind, streams, _, settings in WRITERS:
            total, lives = self.compare(name, kind, streams, settings)
            self.assertGreater(total, 0)
            print(f"{name}: {total} bytes in {lives} lives, {KILLS} kills, {seconds:.1f} s")

    def journal(self, name, stream):
        return subprocess.run(["journalctl", "-q", "-o", "cat", "-u", f"{self.daemon.name}:{name}.service",
                               f"SUPERVISOR_STREAM={stream}"], stdout=subprocess.PIPE, check=True, timeout=60).stdout

    def compare_journal(self, name, stream):
        log = b"".join(read_parts(self.daemon.path(f"{name}.{stream}")))
        try:
            wait_until(lambda: len(self.journal(name, stream)) >= len(log), "the journal to have it all", 15, 0.5)
        except AssertionError:
            pass  # the difference says more
        self.assertIsNone(difference(iter([self.journal(name, stream)]), [log]), f"journal of {name}'s {stream}")

    def test_every_line_once_in_the_journal(self):
        rows = [("slow", "bursts", "1", "", {"maxbytes": "0"}),
                ("turns", "bursts", "1,2", "", {"maxbytes": "5KB", "backups": "2000"})]
        self.begin_writers(rows)
        for _ in range(KILLS):
            self.kill_once()
        self.finish_writers(rows)
        for name, kind, streams, _, settings in rows:
            self.compare(name, kind, streams, settings)
            for stream in ("stdout", "stderr"):
                self.compare_journal(name, stream)


if __name__ == "__main__":
    report.main()
