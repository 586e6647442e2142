"""What is asked of both daemons. A case is one call, with the states it needs and what may differ."""

from dataclasses import dataclass, field

UNSET = object()
BAD = ("fault", (2, "INCORRECT_PARAMETERS"))


@dataclass
class Case:
    method: str
    params: tuple = ()
    state: dict = field(default_factory=dict)  # process: state that it is brought into first
    write: dict = field(default_factory=dict)  # file: text, before that; None removes it
    ready: tuple = ()  # (file, size): waited for before the call
    mask: str = ""  # what is compared: "all": only the type; "names": of whom; "faults": not their texts
    order: bool = True  # False: results that race are compared as sets
    # A named difference: what ours answers, as (kind, content), where the oracle's answer is the one described.
    ours: object = UNSET
    why: str = ""
    agreed: bool = False  # with some versions of Python the oracle answers the same
    document: bytes = None  # instead of method and params

    def __str__(self):
        return self.document.decode("latin-1") if self.document is not None else f"{self.method}{self.params!r}"


def crash(method, *params, **more):
    """The oracle answers HTTP 500 to an argument that it cannot handle."""
    return Case(method, params, ours=BAD, why="a fault instead of HTTP 500", **more)


RUNNING, STOPPED = "RUNNING", "STOPPED"
NAMES_OF_NOTHING = ("none", "", ":", "none:", "none:*", "ga", "g:none", "g:ga:x", "cat:cat:cat", " cat", "Cat", "*", "g", "\u00e9")
METHODS = (
    "addProcessGroup clearAllProcessLogs clearLog clearProcessLog clearProcessLogs getAPIVersion getAllConfigInfo "
    "getAllProcessInfo getIdentification getPID getProcessInfo getState getSupervisorVersion getVersion readLog readMainLog "
    "readProcessLog readProcessStderrLog readProcessStdoutLog reloadConfig removeProcessGroup restart sendProcessStdin "
    "sendRemoteCommEvent shutdown "
    "signalAllProcesses signalProcess signalProcessGroup startAllProcesses startProcess startProcessGroup stopAllProcesses "
    "stopProcess stopProcessGroup tailProcessLog tailProcessStderrLog tailProcessStdoutLog").split()
LATER = ()  # methods of the oracle that ours does not have yet


def system_cases():
    yield Case("system.listMethods")
    names = [f"supervisor.{name}" for name in METHODS]
    names += ["system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall"]
    for name in names:
        yield Case("system.methodSignature", (name,))
    for name in ("none", "supervisor", "supervisor.none", "", 5, True, None, [], {}, 1.5):
        yield Case("system.methodSignature", (name,))
        yield Case("system.methodHelp", (name,))
    yield Case("system.methodHelp", ("supervisor.startProcess",), mask="all")
    for method in ("system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall"):
        yield Case(method, ("a", "b", "c", "d"))
    for method in ("", "x", "system", "system.", ".", "..", "system.none", "system._listMethods", "supervisor._update",
                   "supervisor.getState.x", "supervisor.supervisord.options.warnings", "Supervisor.getState", "none.getState",
                   " supervisor.getState", "supervisor.getState ", "__class__.__init__", "supervisor.__init__", "system.namespaces",
                   "supervisor.supervisord", "supervisor.update_text"):
        yield Case(method)


def call(name=UNSET, params=UNSET):
    entry = {}
    if name is not UNSET:
        entry["methodName"] = name
    if params is not UNSET:
        entry["params"] = params
    return entry


def multicall_cases():
    def multicall(*calls, **more):
        return Case("system.multicall", (list(calls),), **more)

    yield multicall()
    yield multicall(call("supervisor.getAPIVersion", []), call("supervisor.getState"), call("supervisor.getIdentification", []))
    yield multicall(call("supervisor.none", []), call("supervisor.getProcessInfo", ["none"]), call("x", []), call())
    yield multicall(call("system.multicall", [[]]), call("system.listMethods", [5]), call(None, []), call("", []))
    yield multicall(call("supervisor.getProcessInfo", []), call("supervisor.getProcessInfo", ["cat", "dog"]))
    yield multicall(call("supervisor.getAPIVersion", ""), call("supervisor.getAPIVersion", {}), call("supervisor.getAPIVersion", 5),
                    call("supervisor.getAPIVersion", None), call("supervisor.none", 5))
    yield multicall(call("supervisor.startProcess", ["cat"]), call("supervisor.startProcess", ["cat"]),
                    call("supervisor.stopProcess", ["cat"]), call("supervisor.stopProcess", ["cat"]),
                    state={"cat": STOPPED})
    yield multicall(call("supervisor.startProcess", ["slow"]), call("supervisor.getProcessInfo", ["slow"]),
                    call("supervisor.startProcess", ["dies"]), call("supervisor.stopProcessGroup", ["slow"]),
                    state={"slow": STOPPED, "dies": STOPPED})
    yield multicall(call("supervisor.startProcessGroup", ["g"]), call("supervisor.stopProcess", ["g:*", False]),
                    state={"g:ga": STOPPED, "g:gb": STOPPED, "g:gc": STOPPED})
    for calls in (5, True, None, 1.5):
        yield Case("system.multicall", (calls,))
    # A slice of a dictionary is a TypeError, until Python 3.12, where it is a key that is not in there.
    yield crash("system.multicall", {}, agreed=True)
    yield crash("system.multicall", {"methodName": "supervisor.getState"}, agreed=True)
    yield crash("system.multicall", "text")
    yield crash("system.multicall", ["text"])
    yield crash("system.multicall", [5])
    yield multicall(call(5, []), call("supervisor.getProcessInfo", [5]), call("supervisor.getState"), mask="faults")


def daemon_cases():
    for method in ("getAPIVersion", "getVersion", "getIdentification", "getState"):
        yield Case(f"supervisor.{method}")
    yield Case("supervisor.getPID", mask="all")
    yield Case("supervisor.getSupervisorVersion", mask="all")
    for method in METHODS:
        yield Case(f"supervisor.{method}", (1, 2, 3, 4))
    for method in METHODS:
        if method not in ("shutdown", "restart", "clearLog", "clearAllProcessLogs", "getAllConfigInfo", "getAllProcessInfo", "reloadConfig",
                          "startAllProcesses", "stopAllProcesses") and not method.startswith("get") or method == "getProcessInfo":
            yield Case(f"supervisor.{method}")
    for method in ("readLog", "readMainLog"):
        yield Case(f"supervisor.{method}", (0, 10), mask="all")
        yield Case(f"supervisor.{method}", (0, -1))
        yield Case(f"supervisor.{method}", (-5, 5))
        yield Case(f"supervisor.{method}", (10**8, 5))
        yield Case(f"supervisor.{method}", (None, 0))
        yield Case(f"supervisor.{method}", (0, []))
        yield crash(f"supervisor.{method}", "x", 0)
        yield Case(f"supervisor.{method}", ("-5", "5"))
    yield Case("supervisor.clearLog")


def name_cases():
    for name in NAMES_OF_NOTHING:
        yield Case("supervisor.getProcessInfo", (name,))
        yield Case("supervisor.startProcess", (name,))
        yield Case("supervisor.stopProcess", (name,))
        yield Case("supervisor.signalProcess", (name, "HUP"))
    for name in ("none", "", "g:*", 5, True, None, 1.5, 1e20, -0.001):
        for method in ("startProcessGroup", "stopProcessGroup", "addProcessGroup", "removeProcessGroup"):
            yield Case(f"supervisor.{method}", (name,))
        yield Case("supervisor.signalProcessGroup", (name, "HUP"))
    for method in ("startProcessGroup", "stopProcessGroup", "removeProcessGroup"):
        yield Case(f"supervisor.{method}", ([],))
        yield Case(f"supervisor.{method}", ({},))
    for method, more in (("getProcessInfo", ()), ("startProcess", ()), ("stopProcess", ()), ("signalProcess", ("HUP",)),
                         ("clearProcessLogs", ()), ("readProcessLog", (0, 0)), ("tailProcessLog", (0, 0))):
        for name in (5, None, [], {}):
            yield crash(f"supervisor.{method}", name, *more)
    for method, more in (("clearProcessLogs", ()), ("clearProcessLog", ()), ("readProcessStdoutLog", (0, 0)),
                         ("readProcessStderrLog", (0, 0)), ("tailProcessStdoutLog", (0, 0)), ("tailProcessStderrLog", (0, 0))):
        for name in ("none", "g:*", "g:", ""):
            yield Case(f"supervisor.{method}", (name, *more))


def info_cases():
    states = {"cat": RUNNING, "slow": STOPPED, "once": "EXITED", "fails": "EXITED", "killed": "EXITED", "dies": "FATAL",
              "stubborn": RUNNING}
    for name in states:
        yield Case("supervisor.getProcessInfo", (name,), state={name: states[name]})
    yield Case("supervisor.getProcessInfo", ("slow",), state={"slow": RUNNING})
    yield Case("supervisor.getProcessInfo", ("slow",), state={"slow": STOPPED})
    yield Case("supervisor.getProcessInfo", ("retries",), state={"retries": "BACKOFF"})
    yield Case("supervisor.getProcessInfo", ("stubborn",), state={"stubborn": "STOPPING"})
    for name in ("missing", "nolog", "g:ga", "many:many_00", "many:many_01", "cat:cat"):
        yield Case("supervisor.getProcessInfo", (name,), state={name: STOPPED})
    yield Case("supervisor.getAllProcessInfo", state={"retries": STOPPED, "stubborn": RUNNING, "slow": STOPPED, "g:ga": STOPPED,
                                                       "g:gb": STOPPED, "g:gc": STOPPED})
    yield Case("supervisor.getAllConfigInfo")


def start_cases():
    yield Case("supervisor.startProcess", ("cat",), state={"cat": STOPPED})
    yield Case("supervisor.startProcess", ("cat",), state={"cat": RUNNING})
    yield Case("supervisor.startProcess", ("slow",), state={"slow": STOPPED})
    for wait in (False, 0, "", None, [], 0.0):
        yield Case("supervisor.startProcess", ("slow", wait), state={"slow": STOPPED})
    for wait in (True, 1, "no", [0], 0.5):
        yield Case("supervisor.startProcess", ("slow", wait), state={"slow": STOPPED})
    yield Case("supervisor.startProcess", ("slow",), state={"slow": "STARTING"})
    yield Case("supervisor.startProcess", ("dies",), state={"dies": STOPPED})
    yield Case("supervisor.startProcess", ("retries",), state={"retries": STOPPED})
    yield Case("supervisor.startProcess", ("retries",), state={"retries": "BACKOFF"})
    for name in ("missing", "missingname", "notexecutable", "directory", "quote"):
        yield Case("supervisor.startProcess", (name,))
        yield Case("supervisor.startProcess", (name, False))
    yield Case("supervisor.startProcess", ("stubborn",), state={"stubborn": "STOPPING"})
    yield Case("supervisor.startProcess", ("stubborn", False), state={"stubborn": "STOPPING"})
    group = {"g:ga": STOPPED, "g:gb": STOPPED, "g:gc": STOPPED}
    for params in (("g:*",), ("g:",), ("g:*", False)):
        yield Case("supervisor.startProcess", params, state=group)
    yield Case("supervisor.startProcessGroup", ("g",), state=group)
    yield Case("supervisor.startProcessGroup", ("g",), state={"g:ga": RUNNING, "g:gb": STOPPED, "g:gc": RUNNING})
    yield Case("supervisor.startProcessGroup", ("g", False), state={"g:ga": RUNNING, "g:gb": RUNNING, "g:gc": RUNNING})
    yield Case("supervisor.startProcessGroup", ("many",), state={"many:many_00": STOPPED, "many:many_01": STOPPED})
    yield Case("supervisor.startProcessGroup", ("missing",))
    yield Case("supervisor.startProcessGroup", ("dies",), state={"dies": STOPPED})


def stop_cases():
    yield Case("supervisor.stopProcess", ("cat",), state={"cat": RUNNING})
    yield Case("supervisor.stopProcess", ("cat",), state={"cat": STOPPED})
    yield Case("supervisor.stopProcess", ("once",), state={"once": "EXITED"})
    yield Case("supervisor.stopProcess", ("dies",), state={"dies": "FATAL"})
    yield Case("supervisor.stopProcess", ("retries",), state={"retries": "BACKOFF"})
    yield Case("supervisor.stopProcess", ("slow",), state={"slow": "STARTING"})
    yield Case("supervisor.stopProcess", ("slow", False), state={"slow": RUNNING})
    yield Case("supervisor.stopProcess", ("stubborn",), state={"stubborn": RUNNING})
    yield Case("supervisor.stopProcess", ("stubborn",), state={"stubborn": "STOPPING"})
    group = {"g:ga": RUNNING, "g:gb": RUNNING, "g:gc": RUNNING}
    yield Case("supervisor.stopProcess", ("g:*", False), state=group)
    # The order of what ends at the same moment is chance in the oracle, too.
    yield Case("supervisor.stopProcess", ("g:*",), state=group, order=False)
    yield Case("supervisor.stopProcess", ("g:",), state=group, order=False)
    yield Case("supervisor.stopProcessGroup", ("g",), state=group, order=False)
    yield Case("supervisor.stopProcessGroup", ("g",), state={"g:ga": STOPPED, "g:gb": RUNNING, "g:gc": STOPPED})
    yield Case("supervisor.stopProcessGroup", ("g",), state={"g:ga": STOPPED, "g:gb": STOPPED, "g:gc": STOPPED})


def signal_cases():
    for sent in ("CONT", "SIGCONT", "cont", " SigCont ", "18", 18, 18.7, " 18 ", "+18", "0", 0, False, "NOPE", "", "999", 999, -1, "SIG", "SIGSIGHUP", "1x"):
        yield Case("supervisor.signalProcess", ("stubborn", sent), state={"stubborn": RUNNING})
    for sent in (None, [], {}):
        yield crash("supervisor.signalProcess", "stubborn", sent, state={"stubborn": RUNNING})
    yield Case("supervisor.signalProcess", ("cat", "CONT"), state={"cat": STOPPED})
    yield Case("supervisor.signalProcess", ("cat", "NOPE"), state={"cat": STOPPED})
    yield Case("supervisor.signalProcess", ("stubborn", "CONT"), state={"stubborn": "STOPPING"})
    group = {"g:ga": RUNNING, "g:gb": STOPPED, "g:gc": RUNNING}
    yield Case("supervisor.signalProcess", ("g:*", "CONT"), state=group)
    yield Case("supervisor.signalProcess", ("g:", "NOPE"), state=group)
    yield Case("supervisor.signalProcessGroup", ("g", "CONT"), state=group)
    yield Case("supervisor.signalProcessGroup", ("g", "NOPE"), state=group)
    yield crash("supervisor.signalProcessGroup", "g", None, state=group)
    nobody = {"g:ga": STOPPED, "g:gb": STOPPED, "g:gc": STOPPED}
    yield Case("supervisor.signalProcessGroup", ("g", "NOPE"), state=nobody)
    yield Case("supervisor.signalProcessGroup", ("g", None), state=nobody)
    yield Case("supervisor.signalAllProcesses", ("CONT",), state={"cat": RUNNING})
    yield Case("supervisor.signalAllProcesses", ("NOPE",))


def log_cases():
    talker = dict(state={"talker": RUNNING}, ready=(("talker.out", 11), ("talker.err", 7)))
    numbers = ((0, 0), (0, 5), (5, 0), (5, 100), (11, 0), (100, 5), (-5, 0), (-100, 0), (-5, 5), (0, -5), (-5, -5), ("0", "5"),
               (0.9, 5.9), (True, False), (None, 0), (0, None), ([], 0), (0, {}))
    for method in ("readProcessStdoutLog", "tailProcessStdoutLog"):
        for pair in numbers:
            yield Case(f"supervisor.{method}", ("talker", *pair), **talker)
        yield crash(f"supervisor.{method}", "talker", "x", 0, **talker)
        yield crash(f"supervisor.{method}", "talker", 0, "", **talker)
    for method in ("readProcessLog", "readProcessStderrLog", "tailProcessLog", "tailProcessStderrLog"):
        for pair in ((0, 0), (0, 3), (3, 100), (-3, 0)):
            yield Case(f"supervisor.{method}", ("talker", *pair), **talker)
    for method in ("readProcessStdoutLog", "readProcessStderrLog", "tailProcessStdoutLog", "tailProcessStderrLog"):
        yield Case(f"supervisor.{method}", ("nolog", 0, 0), state={"nolog": RUNNING})
        yield Case(f"supervisor.{method}", ("nolog", "x", None), state={"nolog": RUNNING},
                   **(dict(ours=BAD, why="a fault instead of HTTP 500") if method == "readProcessStderrLog" or method == "tailProcessStderrLog" else {}))
    odd = dict(state={"odd": RUNNING}, ready=(("odd.out", 5),))
    yield Case("supervisor.readProcessStdoutLog", ("odd", 0, 0), ours=("value", "a\ufffdb\ufffdc"),
               why="bytes that XML cannot carry are replaced, not an HTTP 500", **odd)
    yield Case("supervisor.tailProcessStdoutLog", ("odd", 0, 100), ours=("value", ["a\ufffdb\ufffdc", 5, False]),
               why="bytes that XML cannot carry are replaced, not an HTTP 500", **odd)
    yield Case("supervisor.readProcessStderrLog", ("odd", 0, 0), **odd)
    yield Case("supervisor.clearProcessLogs", ("talker",), **talker)
    yield Case("supervisor.readProcessStdoutLog", ("talker", 0, 0))
    yield Case("supervisor.clearProcessLog", ("many:many_00",))
    yield Case("supervisor.clearProcessLogs", ("nolog",))
    yield Case("supervisor.clearAllProcessLogs")


def input_cases():
    for name in ("none", "g:none", "g:*", ""):
        yield Case("supervisor.sendProcessStdin", (name, "x"))
    yield Case("supervisor.sendProcessStdin", ("cat", "one\n"), state={"cat": RUNNING})
    yield Case("supervisor.sendProcessStdin", ("cat", "\u00e9\u4e2d"), state={"cat": RUNNING})
    yield Case("supervisor.sendProcessStdin", ("cat", ""), state={"cat": RUNNING})
    yield Case("supervisor.sendProcessStdin", ("cat", "x"), state={"cat": STOPPED})
    for text in (5, True, 1.5, [], ["a", [True, None, "it's"]], {}, {"b": ["\u00e9\n"]}):
        yield Case("supervisor.sendProcessStdin", ("none", text))
    for text in ("x", "", "y"):
        yield Case("supervisor.sendProcessStdin", ("deaf", text), state={"deaf": RUNNING}, ready=(("deaf.out", 7),))
    full = dict(state={"slow": RUNNING})
    yield Case("supervisor.sendProcessStdin", ("slow", "x" * 65536), **full)
    yield Case("supervisor.sendProcessStdin", ("slow", "x" * 65536), ours=("value", True),
               why="what does not fit into the pipe is kept until the program reads, and that is no HTTP 500", **full)
    yield Case("supervisor.sendProcessStdin", ("cat",))
    yield Case("supervisor.sendProcessStdin", ("cat", "x", "y"))
    for pair in (("type", "data"), ("", ""), ("t\n", "d\u00e9")):
        yield Case("supervisor.sendRemoteCommEvent", pair)
    yield Case("supervisor.sendRemoteCommEvent", ())
    yield Case("supervisor.sendRemoteCommEvent", ("a", "b", "c"))


SPARE = "[program:spare]\ncommand=/bin/cat\nautostart=false\nstartsecs=0\n"


def group_cases():
    yield Case("supervisor.reloadConfig")
    yield Case("supervisor.reloadConfig", write={"extra/spare.conf": SPARE})
    yield Case("supervisor.getAllConfigInfo")
    yield Case("supervisor.getProcessInfo", ("spare",))
    yield Case("supervisor.addProcessGroup", ("spare",))
    yield Case("supervisor.addProcessGroup", ("spare",))
    yield Case("supervisor.addProcessGroup", ("none",))
    yield Case("supervisor.getProcessInfo", ("spare",))
    yield Case("supervisor.removeProcessGroup", ("spare",), state={"spare": RUNNING})
    yield Case("supervisor.reloadConfig", write={"extra/spare.conf": SPARE + "priority=5\n"})
    yield Case("supervisor.reloadConfig", write={"extra/spare.conf": SPARE + "startsecs=x\n"})
    yield Case("supervisor.reloadConfig", write={"extra/spare.conf": None})
    yield Case("supervisor.removeProcessGroup", ("spare",), state={"spare": STOPPED})
    yield Case("supervisor.removeProcessGroup", ("spare",))
    yield Case("supervisor.addProcessGroup", ("spare",))
    yield Case("supervisor.reloadConfig")


def all_cases():
    quiet = {name: STOPPED for name in ("cat", "slow", "retries", "stubborn", "talker", "odd", "nolog", "g:ga", "g:gb", "g:gc",
                                        "many:many_00", "many:many_01", "once", "fails", "killed", "dies")}
    # Whether a process that ends at once has done so when the oracle looks is chance.
    yield Case("supervisor.startAllProcesses", (False,), state=quiet, mask="names")
    yield Case("supervisor.stopAllProcesses", state={"once": "EXITED", "fails": "EXITED", "killed": "EXITED", "dies": "FATAL",
                                                      "retries": STOPPED, "slow": RUNNING}, order=False)


def document_cases():
    # An empty body is missing here: the oracle never answers it.
    for body in ("x", "<a", "<a/>", "<methodCall/>", "<methodCall><methodName/></methodCall>",
                 "<methodCall><methodName>supervisor.getState</methodName></methodCall>",
                 "<x><methodName>supervisor.getState</methodName><params/></x>",
                 "<methodCall><methodName>supervisor.getProcessInfo</methodName><params><param><value>none</value></param></params></methodCall>",
                 "<methodCall><methodName>supervisor.readLog</methodName><params><param><value><int> 0 </int></value></param>"
                 "<param><value><i8>-1</i8></value></param></params></methodCall>",
                 "<methodCall><methodName>supervisor.startProcess</methodName><params><param><value><base64>bm9uZQ==</base64></value>"
                 "</param><param><value><boolean>true</boolean></value></param></params></methodCall>",
                 "<methodCall><methodName>supervisor.getState</methodName><params><param><value><int>x</int></value></param></params>"
                 "</methodCall>"):
        yield Case("", document=body.encode())


# Asked in this order, while the daemon shuts down and a process takes its time.
SHUTTING_DOWN = [Case("supervisor.shutdown", state={"stubborn": RUNNING})] + [
    Case(f"supervisor.{method}", ("none",) * count) for method, count in (
        ("getState", 0), ("getPID", 0), ("getAPIVersion", 0), ("shutdown", 0), ("restart", 0), ("getProcessInfo", 1), ("startProcess", 1),
        ("startProcessGroup", 1), ("signalProcessGroup", 2), ("signalAllProcesses", 1), ("addProcessGroup", 1), ("getState", 1),
        ("getProcessInfo", 0), ("none", 0))] + [
    Case("system.listMethods"), Case("system.methodSignature", ("supervisor.getPID",)),
    Case("system.multicall", ([call("supervisor.getState", []), call("system.methodSignature", ["supervisor.getPID"])],))]

ALL = [case for cases in (system_cases, multicall_cases, daemon_cases, name_cases, info_cases, start_cases, stop_cases, signal_cases,
                          log_cases, input_cases, group_cases, all_cases, document_cases) for case in cases()]


# --- raw HTTP: (name, bytes, over the inet server with its password, what ours answers where it differs) ---

def head(line, *headers, body=b""):
    return "\r\n".join((line, *headers, "", "")).encode("latin-1") + body


GOOD = b"<methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>"
LENGTH = f"Content-Length: {len(GOOD)}"
HOST = "Host: x"
AUTHORIZED = "Authorization: Basic dXNlcjp0aGVwYXNzd29yZA=="


@dataclass
class RawCase:
    name: str
    data: bytes
    inet: bool = False
    ours: tuple = UNSET  # statuses: what the version of libmicrohttpd makes of it
    why: str = ""


RAW = [
    RawCase("call", head("POST /RPC2 HTTP/1.1", HOST, LENGTH, body=GOOD)),
    RawCase("call, HTTP/1.0", head("POST /RPC2 HTTP/1.0", LENGTH, body=GOOD)),
    RawCase("call, longer path", head("POST /RPC2/x/y?z=1 HTTP/1.1", HOST, LENGTH, body=GOOD)),
    RawCase("call, escaped path", head("POST /%52PC2 HTTP/1.1", HOST, LENGTH, body=GOOD)),
    RawCase("call, content type", head("POST /RPC2 HTTP/1.1", HOST, "Content-Type: application/json", LENGTH, body=GOOD)),
    RawCase("call, header case", head("POST /RPC2 HTTP/1.1", HOST, LENGTH.lower(), body=GOOD)),
    RawCase("other path", head("POST /rpc2 HTTP/1.1", HOST, LENGTH, body=GOOD)),
    RawCase("GET", head("GET /RPC2 HTTP/1.1", HOST)),
    RawCase("HEAD", head("HEAD /nonexistent HTTP/1.0", HOST)),
    RawCase("PUT", head("PUT /RPC2 HTTP/1.1", HOST, LENGTH, body=GOOD)),
    RawCase("method in lower case", head("post /RPC2 HTTP/1.1", HOST, LENGTH, body=GOOD)),
    RawCase("no length", head("POST /RPC2 HTTP/1.1", HOST)),
    RawCase("chunked", head("POST /RPC2 HTTP/1.1", HOST, "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    RawCase("nonexistent", head("GET /nonexistent HTTP/1.1", HOST)),
    RawCase("broken body", head("POST /RPC2 HTTP/1.1", HOST, "Content-Length: 2", body=b"<a")),
    RawCase("no method", head("POST /RPC2 HTTP/1.1", HOST, "Content-Length: 4", body=b"<a/>")),
    RawCase("length is no number", head("POST /RPC2 HTTP/1.1", HOST, "Content-Length: abc"), ours=(400,), why="bad request instead of 500"),
    RawCase("no words", b"GARBAGE\r\n\r\n"),
    RawCase("four words", b"GET / / HTTP/1.1\r\n\r\n", ours=(404, 301), why="the oracle answers with a version that no client understands"),
    RawCase("no credentials", head("POST /RPC2 HTTP/1.1", HOST, LENGTH, body=GOOD), inet=True),
    RawCase("no credentials, unknown path", head("GET /nonexistent HTTP/1.1", HOST), inet=True),
    RawCase("credentials", head("POST /RPC2 HTTP/1.1", HOST, AUTHORIZED, LENGTH, body=GOOD), inet=True),
    RawCase("credentials, lower case", head("POST /RPC2 HTTP/1.1", HOST, AUTHORIZED.replace("Basic", "basic"), LENGTH, body=GOOD), inet=True),
    RawCase("credentials, unknown path", head("GET /nonexistent HTTP/1.1", HOST, AUTHORIZED), inet=True),
    RawCase("wrong password", head("POST /RPC2 HTTP/1.1", HOST, "Authorization: Basic dXNlcjp4", LENGTH, body=GOOD), inet=True),
    RawCase("wrong name", head("POST /RPC2 HTTP/1.1", HOST, "Authorization: Basic eDp0aGVwYXNzd29yZA==", LENGTH, body=GOOD), inet=True),
    RawCase("no colon", head("POST /RPC2 HTTP/1.1", HOST, "Authorization: Basic dXNlcg==", LENGTH, body=GOOD), inet=True),
    RawCase("bad padding", head("POST /RPC2 HTTP/1.1", HOST, "Authorization: Basic dXNlcg", LENGTH, body=GOOD), inet=True),
    RawCase("not UTF-8", head("POST /RPC2 HTTP/1.1", HOST, "Authorization: Basic //8=", LENGTH, body=GOOD), inet=True),
    RawCase("digest", head("POST /RPC2 HTTP/1.1", HOST, "Authorization: Digest x", LENGTH, body=GOOD), inet=True),
    RawCase("scheme alone", head("POST /RPC2 HTTP/1.1", HOST, "Authorization: Basic", LENGTH, body=GOOD), inet=True),
]
