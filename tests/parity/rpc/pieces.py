#!/usr/bin/python3
"""Single functions of the bridge beside the oracle's own: request decoding, log reading, descriptions, answer encoding.

    pieces.py PIECES       PIECES: the program made of pieces.c

Random input comes from a fixed seed, so that a failure can be repeated. Ends with 1 when anything differs, with 2 when
the oracle is not installed.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
import xmlrpc.client

try:
    from supervisor.options import readFile, tailFile
    from supervisor.rpcinterface import SupervisorNamespaceRPCInterface
    from supervisor.xmlrpc import supervisor_xmlrpc_handler, xmlrpc_marshal
except ImportError as error:
    print(f"the oracle (package supervisor) is missing: {error}")
    sys.exit(2)

SEED = 20261120


def value_text(value):
    """The notation of pieces.c."""
    if value is None:
        return "n"
    if isinstance(value, bool):
        return f"b{int(value)}"
    if isinstance(value, int):
        return f"i{value}"
    if isinstance(value, float):
        return f"d{value!r}"
    if isinstance(value, str):
        return "s" + value.encode().hex()
    if isinstance(value, list):
        return "[ " + "".join(value_text(item) + " " for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + "".join(f"{key.encode().hex()}={value_text(item)} " for key, item in value.items()) + "}"
    return "t"


def hexadecimal(data):
    return data.hex() or "-"


# --- decoding ---

CALL = "<?xml version='1.0'?>\n<methodCall>\n<methodName>{0}</methodName>\n<params>\n{1}</params>\n</methodCall>\n"


def call(*values):
    return CALL.format("a.b", "".join(f"<param>\n<value>{value}</value>\n</param>\n" for value in values))


DOCUMENTS = [
    "", " ", "x", "<", "<a", "<a>", "<a/>", "<a></b>", "<a/><b/>", "<a/>x", "<a/> <!-- c -->\n", " <a/>", "<a><b></a></b>",
    "<methodCall/>", "<methodName>a.b</methodName>", "<x><methodName>a</methodName><methodName>b</methodName></x>",
    "<x><methodName> a.b\n</methodName></x>", "<x><methodName/></x>", "<x><methodName></methodName></x>",
    "<x><methodName>a<y>b</y>c</methodName></x>", "<x><params/><methodName>a</methodName></x>",
    "<x><methodName>a</methodName><params><param><value>1</value></param></params><params/></x>",
    "<x><methodName>a</methodName><params>text</params></x>", "<x><params><value>5</value></params></x>",
    "<x><params><param/></params></x>", "<x><params><y>text</y></params></x>", "<x><params><param>t</param></params></x>",
    "<x a='1' b='&lt;'><methodName>a</methodName></x>", "<x a=1/>",
    "<?xml version='1.0' encoding='utf-8' standalone='yes'?><a/>", "<?xml version='1.0' encoding='iso-8859-1'?><a/>",
    "<a>&amp;&lt;&gt;&quot;&apos;&#65;&#x42;</a>", "<a>&unknown;</a>", "<a>&#1;</a>", "<a>&#0;</a>", "<a>&#xFFFE;</a>", "<a>&</a>",
    "<a>\x01</a>", "<a>\x7f\x80</a>", "<a><![CDATA[<&]]></a>", "<a><?pi x?></a>",
    "\ufeff<a/>", "<a>\r\n\r</a>",
    call(), call(""), call("text"), call(" text "), call("<string>x</string>"), call(" <string> x </string> "),
    call("<string/>"), call("<string>a<!-- c -->b</string>"), call("<string>a<![CDATA[<]]>b</string>"),
    call("<string>\u00e9\u20ac\U0001f600</string>"), call("<string>&#233;</string>"), call("<string>a\r\nb\rc\n</string>"),
    call("<int>5</int>"), call("<i4>-5</i4>"), call("<int>+5</int>"), call("<int> 5\n</int>"), call("<int/>"),
    call("<int></int>"), call("<int>x</int>"), call("<int>5x</int>"), call("<int>1_000</int>"), call("<int>1__0</int>"),
    call("<int>_1</int>"), call("<int>1_</int>"), call("<int>3000000000</int>"), call("<int>- 5</int>"), call("<int>--5</int>"),
    call("<int>1.5</int>"), call("<int>0x10</int>"), call("<int>010</int>"), call("<int>-9223372036854775808</int>"),
    call("<boolean>1</boolean>"), call("<boolean>0</boolean>"), call("<boolean>true</boolean>"),
    call("<boolean> 1</boolean>"), call("<boolean/>"),
    call("<double>1.5</double>"), call("<double>1</double>"), call("<double> -1e5 </double>"), call("<double>.5</double>"),
    call("<double>5.</double>"), call("<double>x</double>"), call("<double/>"), call("<double>0x10</double>"),
    call("<double>1e400</double>"), call("<double>inf</double>"), call("<double>-Infinity</double>"), call("<double>1e16</double>"),
    call("<double>0.1</double>"), call("<double>1e-7</double>"), call("<double>123456789012345680</double>"),
    call("<nil/>"), call("<i8>5</i8>"), call("<foo>bar</foo>"), call("<foo/>"), call("<foo><bar/></foo>"),
    call("<dateTime.iso8601>20200101T00:00:00</dateTime.iso8601>"), call("<dateTime.iso8601>2020</dateTime.iso8601>"),
    call("<dateTime.iso8601>20201301T00:00:00</dateTime.iso8601>"), call("<dateTime.iso8601/>"),
    call("<base64>aGk=</base64>"), call("<base64>\naG\nk=\n</base64>"), call("<base64/>"), call("<base64>aGk</base64>"),
    call("<base64>/w==</base64>"), call("<base64>!!</base64>"), call("<base64>a</base64>"),
    call("<array><data/></array>"), call("<array/>"), call("<array>x</array>"), call("<array><data>x</data></array>"),
    call("<array><data><value>1</value><value><int>2</int></value><foo>3</foo></data></array>"),
    call("<array><value>1</value></array>"), call("<array><data/><data><value>1</value></data></array>"),
    call("<array><data><value><array><data><value/></data></array></value></data></array>"),
    call("<struct/>"), call("<struct>x</struct>"),
    call("<struct><member><name>a</name><value>1</value></member></struct>"),
    call("<struct><member><name>a</name><value>1</value></member><member><name>a</name><value>2</value></member></struct>"),
    call("<struct><member><name/><value>1</value></member></struct>"), call("<struct><member><name>a</name></member></struct>"),
    call("<struct><member><value>1</value><name>a</name></member></struct>"), call("<struct><member/></struct>"),
    call("<struct><value>1</value></struct>"), call("<struct><x><y>k</y><z>v</z></x></struct>"),
    call("<struct><member><name>a</name><value>1</value><value>2</value></member></struct>"),
    call("<struct><member><name>a</name><value><struct/></value></member></struct>"),
    call("<struct>\n<member>\n<name>a</name>\n<value><array><data>\n</data></array></value>\n</member>\n</struct>"),
    call("<value>5</value>"), call("<int>1</int><int>2</int>"), call("1", "<int>2</int>", "<nil/>"),
    xmlrpc.client.dumps(("x", 1, True, None, 1.5, [1, ["a"]], {"k": {"l": []}}), "a.b", allow_none=True),
]

# What ours refuses on purpose, and what ours takes and the oracle does not.
REFUSED_BY_US = ["<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<!DOCTYPE a><a/>", "<a>" * 200 + "</a>" * 200]
TAKEN_BY_US = ["<x a='1' a='2'/>", "<a>]]></a>", "<a><!-- -- --></a>"]
ONLY_OURS = [
    ("<?xml version='1.0' encoding='iso-8859-1'?>" + call("\u00e9").split("?>", 1)[1]).encode("latin-1"),
    ("<?xml version='1.0' encoding=\"windows-1252\" ?>" + call("\u20ac").split("?>", 1)[1]).encode("cp1252"),
    ("<?xml version='1.0' encoding='UTF-16'?>" + call("\u20ac").split("?>", 1)[1]).encode("utf-16"),
]


def oracle_decode(data):
    try:
        arguments, method = supervisor_xmlrpc_handler(None, []).loads(data.decode("utf-8"))
    except Exception:  # whatever it is, the oracle answers 400 (or drops the connection, for bytes that are no UTF-8)
        return "refused"
    try:
        words = ["m" + method.encode().hex() if method else "none"]
        return " ".join(words + [value_text(argument) for argument in arguments or ()])
    except (AttributeError, UnicodeEncodeError):
        return "refused"  # a name of a member that is no string: only a fuzzer sends it


def mutations(count):
    """Documents of the list with something cut, doubled, swapped or overwritten."""
    chance = random.Random(SEED)
    pieces = ["<", ">", "/", "&", ";", "<value>", "</value>", "<nil/>", "<int>", "5", "\r", "]]>", "<![CDATA[", "\u20ac", " ", "'"]
    for _ in range(count):
        text = chance.choice(DOCUMENTS)
        for _ in range(chance.randint(1, 2)):
            start = chance.randint(0, len(text))
            end = min(len(text), start + chance.choice((0, 0, 1, 2, 8, 20)))
            text = text[:start] + chance.choice(["", text[start:end] * 2, *pieces]) + text[end:]
        yield text


def decode_cases():
    for text in DOCUMENTS:
        yield text.encode("utf-8"), oracle_decode(text.encode("utf-8"))
    yield b"<a>\xff</a>", "refused"
    for text in REFUSED_BY_US:
        yield text.encode(), "refused"
    for text in TAKEN_BY_US:
        assert oracle_decode(text.encode()) == "refused"
        yield text.encode(), "none"
    for data in ONLY_OURS:
        letter = data.decode("utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else data.decode("cp1252")
        letter = "\u20ac" if "\u20ac" in letter else "\u00e9"
        yield data, f"m{b'a.b'.hex()} s{letter.encode().hex()}"


def compare_decoding(ask):
    for data, expected in decode_cases():
        yield f"decode {data!r}", expected, ask(f"decode {hexadecimal(data)}")


def compare_mutations(ask):
    """Ours may be pickier or laxer about XML that is broken; what both take must mean the same."""
    taken = 0
    for text in mutations(40000):
        expected = oracle_decode(text.encode("utf-8", "replace"))
        got = ask(f"decode {hexadecimal(text.encode('utf-8', 'replace'))}")
        if "refused" not in (expected, got):
            taken += 1
            yield f"decode {text!r}", expected, got
    yield "enough mutations are taken by both", True, taken > 1000


# --- logs ---

def oracle_read(path, offset, length):
    try:
        return "0 " + readFile(path, offset, length).hex()
    except ValueError as error:
        return {"BAD_ARGUMENTS": "3 ", "FAILED": "30 "}[error.args[0]]


def oracle_tail(path, offset, length):
    data, offset, overflow = tailFile(path, offset, length)
    return f"{data.encode().hex()} {offset} {int(overflow)}"


def compare_logs(ask):
    numbers = (*range(-13, 14), 100, -100, 2**31 - 1, -2**31, 2**40, -2**40)
    with tempfile.TemporaryDirectory() as directory:
        paths = ["/dev/null", "/nonexistent/file", directory]
        for size in (0, 1, 10, 11):
            paths.append(os.path.join(directory, f"log{size}"))
            with open(paths[-1], "wb") as log:
                log.write(bytes(range(48, 48 + size)))
        for path in paths:
            for offset in numbers:
                for length in numbers:
                    if length > 2**20 or offset < -(2**20):  # the oracle allocates what it is asked for
                        continue
                    yield f"read {path} {offset} {length}", oracle_read(path, offset, length), ask(f"read {path} {offset} {length}")
                    yield f"tail {path} {offset} {length}", oracle_tail(path, offset, length), ask(
                        f"tail {path} {offset} {length}")


# --- descriptions ---

def compare_descriptions(ask):
    now = 1795200000
    spans = (0, 1, 59, 60, 3599, 3600, 86399, 86400, 90061, 172800, 10**7, -5)
    oracle = SupervisorNamespaceRPCInterface(None)
    for state in (0, 10, 20, 30, 40, 100, 200, 1000):
        for span in spans:
            for spawnerr in ("", "it broke"):
                for start in (0, now - span):
                    info = dict(state=state, pid=7, start=start, stop=now - 3 * span, now=now, spawnerr=spawnerr, name="name")
                    question = f"describe {state} 7 {start} {now - 3 * span} {now} {hexadecimal(spawnerr.encode())}"
                    yield question, oracle._interpretProcessInfo(info), ask(question)
    for hour in range(0, 86400 * 400, 3600 * 7):
        info = dict(state=0, pid=0, start=1, stop=now + hour, now=now, spawnerr="", name="name")
        question = f"describe 0 0 1 {now + hour} {now} -"
        yield question, oracle._interpretProcessInfo(info), ask(question)


# --- encoding ---

def clean(data):
    """What becomes of bytes that XML cannot carry: one U+FFFD for each invalid byte and each forbidden character."""
    out = ""
    while data:
        try:
            text, rest = data.decode("utf-8"), b""
        except UnicodeDecodeError as error:
            text, rest = data[:error.start].decode("utf-8") + "\ufffd", data[error.start + 1:]
        out += "".join("\ufffd" if (ord(c) < 32 and c not in "\t\n\r") or c in "\ufffe\uffff" else c for c in text)
        data = rest
    return out


def compare_encoding(ask):
    chance = random.Random(SEED)
    samples = [b"", b"x", b"<&>\"'", b"\t\n\r", b"\x1b[0m", b"\x00a\x00", b"\xff", b"\xe2\x82", b"\xe2\x82\xac", b"\xef\xbf\xbe\xef\xbf\xbf",
               b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xc0\x80", b"]]>"]
    samples += [bytes(chance.choice(b"a<&>\n\x00\x1b\x80\xc3\xa9\xe2\x82\xac\xef\xbf\xbe\xf0\x9f\x98\xff") for _ in range(chance.randint(1, 30)))
                for _ in range(3000)]
    for data in samples:
        text = clean(data)
        expected = xmlrpc_marshal([text, {"k": [text, -5, True, 1.5, []]}]).encode()
        yield f"encode {data!r}", expected.hex(), ask(f"encode {hexadecimal(data)}")
        xmlrpc.client.loads(expected)


def self_test():
    """A difference that was put in is found."""
    return differences(iter([("planted", "a", "b")]), quiet=True) == (0, 1)


def differences(comparison, quiet=False):
    passed = failed = 0
    for question, expected, got in comparison:
        if expected == got:
            passed += 1
            continue
        failed += 1
        if failed <= 10 and not quiet:
            print(f"{question}\n    oracle: {expected}\n    ours:   {got}")
    return passed, failed


def main():
    os.environ["TZ"] = "America/New_York"  # a zone with summer time
    time.tzset()
    pieces = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(question):
        pieces.stdin.write(question + "\n")
        pieces.stdin.flush()
        return pieces.stdout.readline().rstrip("\n")

    passed, failed = (1, 0) if self_test() else (0, 1)
    for comparison in (compare_decoding, compare_mutations, compare_logs, compare_descriptions, compare_encoding):
        good, bad = differences(comparison(ask))
        print(f"{comparison.__name__}: {good} passed, {bad} failed")
        passed, failed = passed + good, failed + bad
    pieces.stdin.close()
    failed += pieces.wait() != 0
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
