"""What the fault suite looks at: logs whose every line is accounted for, events as a listener got them, clients that ask all
the time. Each of them remembers what it has seen and checks what has come since."""

import contextlib
import http.client
import json
import os
import re
import subprocess
import threading
import time
import xmlrpc.client

from counted_writer import written
from daemon import UnixTransport
from test_service import SOCKET, rpc
from waiting import wait_until

ACCOUNTS = "/run/faults-accounts"
UPTIME = re.compile(r"pid \d+, uptime (\d+ days?, )?\d+:\d\d:\d\d")
STATES = {"STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL"}
# A call is cut when the daemon ends.
CUT = (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError)


def patient(question):
    """None while nobody answers."""
    with contextlib.suppress(*CUT):
        return question()
    return None


def infos(server=None):
    return {info["name"]: info for info in (server or rpc()).getAllProcessInfo()}


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class NewLines:
    """What has been appended to a file since the last look, in whole lines."""

    def __init__(self, path):
        self.path = path
        self.position = 0
        self.rest = b""

    def read(self):
        with open(self.path, "rb") as file:
            file.seek(self.position)
            text = file.read()
        self.position += len(text)
        lines = (self.rest + text).split(b"\n")
        self.rest = lines.pop()
        return lines


class Log:
    """The log of a counted writer: of each of its processes all lines, once, in order, and the processes one after the other."""

    def __init__(self, name, path):
        self.name, self.path = name, path
        self.new_lines = NewLines(path)
        self.lines = {}  # token → number of its last line
        self.token = None
        os.makedirs(f"{ACCOUNTS}/{name}")

    def read(self):
        for line in self.new_lines.read():
            token, number = line.decode("ascii").split(" ")
            if token != self.token and token in self.lines:
                raise AssertionError(f"{self.path}: {line!r}, but another process has written since")
            if int(number) != self.lines.get(token, 0) + 1:
                raise AssertionError(f"{self.path}: {line!r} after {self.lines.get(token, 0)} lines of {token}")
            self.token = token
            self.lines[token] = int(number)

    def has_all(self, accounts):
        self.read()
        return all(self.lines.get(token, 0) >= count for token, count in accounts.items())

    def check(self, pid):
        accounts = written(ACCOUNTS, self.name)
        wait_until(lambda: self.has_all(accounts), f"the log of {self.name} to have what was written")
        wait_until(lambda: self.has_all({}) or self.token.split(".")[0] == str(pid), f"a line of {self.name}, {pid}")
        for token, count in written(ACCOUNTS, self.name).items():
            if token.split(".")[0] != str(pid) and self.lines.get(token, 0) > count + 1:
                raise AssertionError(f"{self.path} has {self.lines[token]} lines of {token}, which wrote {count}")


class Journal:
    """The copy that the journal has of a counted writer's lines: every one, once, in order. For a writer that is never killed."""

    def __init__(self, name, unit):
        self.name, self.unit = name, unit
        self.cursor = f"/run/faults-cursor-{name}"
        self.last = 0

    def read(self):
        """Only what is new: a journal forgets the oldest when much is written."""
        done = subprocess.run(["journalctl", "--quiet", "-o", "cat", "-u", self.unit, f"--cursor-file={self.cursor}"],
                              stdout=subprocess.PIPE, text=True, check=True)
        for line in done.stdout.splitlines():
            token, _, number = line.partition(" ")
            if "." not in token or not number.isdecimal():
                continue  # what systemd says about the unit
            if int(number) != self.last + 1:
                raise AssertionError(f"the journal has line {number} of {self.name} after {self.last}")
            self.last = int(number)

    def check(self):
        count = max(written(ACCOUNTS, self.name).values())
        wait_until(lambda: self.read() or self.last >= count, f"line {count} of {self.name} to be in the journal")


class Events:
    """What a listener for PROCESS_STATE was sent: in each life of the daemon numbered without gaps, and each change of a
    process begins where the one before ended."""

    def __init__(self, path):
        self.new_lines = NewLines(path)
        self.serial = {}  # life → last number
        self.state = {}  # (life, process) → state
        self.new = {}  # process → changes since the last take(), as (life, state)
        self.pid = {}  # (life, process) → as the last event that names one says
        self.marks = 0

    def read(self):
        for line in self.new_lines.read():
            event = json.loads(line)
            self.take_number(event["parent"], event["headers"])
            if event["headers"]["eventname"] == "REMOTE_COMMUNICATION":
                self.marks += 1
            else:
                self.take_in(event["parent"], event["headers"], dict(word.split(":", 1) for word in event["payload"].split()))

    def read_to_mark(self):
        """A remote event comes behind all that the daemon has told before."""
        rpc().sendRemoteCommEvent("mark", "")
        enough = self.marks + 1
        wait_until(lambda: self.read() or self.marks == enough, "the listener to be told everything")

    def take_number(self, life, headers):
        for kind in ("serial", "poolserial"):
            number, last = int(headers[kind]), self.serial.get((life, kind), -1)
            if number != last + 1:
                raise AssertionError(f"{kind} {number} after {last}: {headers}")
            self.serial[life, kind] = number

    def take_in(self, life, headers, payload):
        name, state = payload["processname"], headers["eventname"].removeprefix("PROCESS_STATE_")
        before = self.state.get((life, name))
        if before not in (None, payload["from_state"]):
            raise AssertionError(f"{name} was {before}, but: {headers} {payload}")
        if state != "RUNNING" and "pid" in payload and self.pid.get((life, name), payload["pid"]) != payload["pid"]:
            raise AssertionError(f"{name} was {self.pid[life, name]}, but: {headers} {payload}")
        self.state[life, name] = state
        if "pid" in payload:
            self.pid[life, name] = payload["pid"]
        elif state == "STARTING":
            self.pid.pop((life, name), None)
        self.new.setdefault(name, []).append((life, state))

    def fits(self, name, sequences):
        """Whether what has come for the process is one of these sequences. When the daemon was another before its end, what it
        did not come to say is missing from the middle."""
        changes = self.new.get(name, [])
        first = changes[0][0] if changes else None
        old = tuple(state for life, state in changes if life == first)
        young = tuple(state for life, state in changes if life != first)
        for sequence in sequences:
            whole = sequence.states
            if not sequence.lives:
                if old == whole and not young:
                    return True
            elif young or first == sequence.lives[0]:
                if old == whole[:len(old)] and len(old) + len(young) <= len(whole) and whole[len(whole) - len(young):] == young:
                    return True
            elif whole[len(whole) - len(old):] == old:
                return True
        return False

    def take(self):
        self.new = {}


class Sequence:
    """States that a process is expected to go through; `lives`: the daemon before and the one after, when it was replaced."""

    def __init__(self, states, lives=()):
        self.states, self.lives = tuple(states), lives

    def __repr__(self):
        return f"{self.states}{' in two lives' if self.lives else ''}"


class Client(threading.Thread):
    """Asks all the time. A call may be cut when the daemon ends; nobody may be refused, and no answer may be wrong."""

    def __init__(self, always, sometimes, keeps_connection):
        super().__init__(daemon=True)
        self.always, self.sometimes = always, sometimes
        self.keeps_connection = keeps_connection
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.answers = 0
        self.problems = []
        self.seen = {}  # process → (state, pid) as they changed
        self.present = set()  # the processes of the last answer
        self.last = time.monotonic()
        self.silence = 0.0

    def run(self):
        server = None
        while not self.over.is_set():
            try:
                if not server or not self.keeps_connection:
                    server = xmlrpc.client.ServerProxy("http://localhost", transport=UnixTransport(SOCKET, 60)).supervisor
                self.look_at(infos(server))
            except (ConnectionRefusedError, FileNotFoundError) as error:
                self.problems.append(f"refused: {error}")
            except CUT:
                server = None
            except Exception as error:  # pylint: disable=broad-except  -- a fault, or no XML: to be told
                self.problems.append(repr(error))
            time.sleep(0.01)

    def look_at(self, found):
        with self.lock:
            if not self.always <= set(found) <= self.always | self.sometimes:
                self.problems.append(f"names {sorted(found)}")
            for name, info in found.items():
                state, pid = info["statename"], info["pid"]
                if state not in STATES or (pid != 0) != (state in ("STARTING", "RUNNING", "STOPPING")) and state != "STARTING" \
                        and (state, pid) != ("STOPPING", 0) or state == "RUNNING" and not UPTIME.fullmatch(info["description"]):
                    self.problems.append(f"answer {info}")
                changes = self.seen.setdefault(name, [])
                if not changes or changes[-1] != (state, pid):
                    changes.append((state, pid))
            self.present = set(found)
            now = time.monotonic()
            self.silence = max(self.silence, now - self.last)
            self.last = now
            self.answers += 1

    def catch_up(self):
        """Until it has an answer to a question that was asked after this."""
        enough = self.answers + 2
        wait_until(lambda: self.answers >= enough, "an answer to a client")

    def take(self):
        """What it has seen since the last time: (changes of each process, the longest time without an answer)."""
        with self.lock:
            seen, silence = self.seen, max(self.silence, time.monotonic() - self.last)
            self.seen = {name: changes[-1:] for name, changes in seen.items() if name in self.present}
            self.silence = 0.0
            return seen, silence


def is_part(part, whole):
    """Whether `part` is `whole` with something left out."""
    rest = iter(whole)
    return all(any(state == other for other in rest) for state in part)
