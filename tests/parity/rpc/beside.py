#!/usr/bin/python3
"""The same XML-RPC calls to two daemons at the same time; their answers must be the same.

    beside.py [--ours SUPERVISORD] [--only TEXT] [--verbose]

Without --ours the oracle runs on both sides, which tests the harness: then no difference at all may be found, and a
planted one must be. Ends with 1 when anything differs, with 2 when the oracle is missing. Our daemon needs a booted
systemd: run it by way of tests/sandbox.
"""

import argparse
import concurrent.futures
import os
import sys
import tempfile

import cases
from side import ORACLE, Answer, Ended, Side


def without_named_differences(case, value):
    """What docs/differences.md names: one more field here, methods that only one of the two has, version numbers."""
    if case.method == "supervisor.getAllConfigInfo" and isinstance(value, list):
        return [{name: member for name, member in row.items() if name != "autorestart"} for row in value]
    if case.method == "system.listMethods" and isinstance(value, list):
        return [name for name in value if name not in cases.LATER and not name.startswith("supersede.")]
    return value


def faults_without_text(value):
    if isinstance(value, dict) and "faultCode" in value:
        return {"faultCode": value["faultCode"]}
    return [faults_without_text(item) for item in value] if isinstance(value, list) else value


def comparable(case, side, answer):
    """What of an answer has to be equal, as text that shows types."""
    content = side.mask(answer.content)
    if answer.kind == "value":
        content = without_named_differences(case, content)
    if case.mask == "all":
        content = type(content).__name__
    if case.mask == "names":
        content = [(row["name"], row["group"]) for row in content]
    if case.mask == "faults":
        content = faults_without_text(content)
    if not case.order and isinstance(content, list):
        content = sorted(content, key=repr)
    return f"{answer.kind} {content!r}"


def shapes_comparable(case):
    return not case.mask and case.order and case.method not in ("supervisor.getAllConfigInfo", "system.listMethods")


def excerpt(text, other):
    """The part of a long text where it begins to differ from the other."""
    start = next((i for i, (a, b) in enumerate(zip(text, other)) if a != b), min(len(text), len(other)))
    begin = 0 if start < 200 else start - 100
    return ("..." if begin else "") + text[begin:start + 200] + ("..." if len(text) > start + 200 else "")


class Comparison:
    def __init__(self, left, right, ours, verbose):
        self.left, self.right, self.ours, self.verbose = left, right, ours, verbose
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.passed = self.failed = 0

    def both(self, function):
        """function(side), on both sides at the same time."""
        return tuple(self.pool.map(function, (self.left, self.right)))

    def tell(self, what, problem):
        if problem:
            self.failed += 1
            print(f"{what}\n{problem}")
        else:
            self.passed += 1
            if self.verbose:
                print(f"same: {what}")

    def prepare(self, case, side):
        for path, text in case.write.items():
            side.write(path, text)
        for name, state in case.state.items():
            side.bring(name, state)
        for path, size in case.ready:
            side.wait_until(lambda: side.size(path) >= size, f"{path} has {size} bytes")

    def ask(self, case, side):
        return side.ask_document(case.document) if case.document is not None else side.ask(case.method, *case.params)

    def problem_with(self, case, left, right):
        """None, or what differs."""
        expected, got = comparable(case, self.left, left), comparable(case, self.right, right)
        if self.ours and case.ours is not cases.UNSET:
            ours = comparable(case, self.right, Answer(*case.ours))
            if left.kind != "http" and not (case.agreed and expected == ours):
                return f"    {case.why}: but the oracle answers {expected}"
            expected = ours
        elif expected == got and shapes_comparable(case) and left.shape != right.shape:
            return f"    {self.left.name}: {left.shape}\n    {self.right.name}: {right.shape}"
        if expected == got:
            return None
        return f"    {self.left.name}: {excerpt(expected, got)}\n    {self.right.name}: {excerpt(got, expected)}"

    def run(self, case):
        try:
            self.both(lambda side: self.prepare(case, side))
            left, right = self.both(lambda side: self.ask(case, side))
            if "gone" in (left.kind, right.kind):
                self.both(Side.check_alive)
        except (AssertionError, OSError) as error:
            self.tell(str(case), f"    {error}")
            return
        self.tell(str(case), self.problem_with(case, left, right))

    def run_raw(self, case):
        left, right = self.both(lambda side: side.raw(case.data, case.inet))
        expected, got = left.content, right.content
        if self.ours and case.ours is not cases.UNSET:
            expected, got = case.ours, got and got[0]
            same = got in expected
        else:
            same = expected == got
        self.tell(f"HTTP: {case.name}", None if same else f"    {self.left.name}: {expected}\n    {self.right.name}: {got}")

    def self_test(self):
        """Answers that were tampered with are told apart: a value, a type, a fault's text, the order, a tag."""
        good = Answer("value", [{"name": "a", "status": 80}, {"name": "b", "status": 80}], (b"<int>",))
        tampered = [
            Answer("value", [{"name": "a", "status": 80}, {"name": "b", "status": 30}], (b"<int>",)),
            Answer("value", [{"name": "a", "status": 80}, {"name": "b", "status": "80"}], (b"<int>",)),
            Answer("value", list(reversed(good.content)), (b"<int>",)),
            Answer("value", good.content, (b"<i4>",)),
            Answer("fault", (10, "BAD_NAME: x"), (b"<int>",)),
            Answer("http", (500, "text/html")),
            Answer("gone", None),
        ]
        case = cases.Case("x.y")
        for answer in tampered:
            self.tell(f"planted: {answer}", None if self.problem_with(case, good, answer) else "    was not found")
        self.tell("nothing planted", self.problem_with(case, good, good))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours")
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def compare(comparison, only):
    comparison.self_test()
    for case in cases.ALL:
        if only in str(case):
            comparison.run(case)
    for case in cases.RAW:
        if only in case.name:
            comparison.run_raw(case)
    if not only:
        for case in cases.SHUTTING_DOWN:
            comparison.run(case)


def main():
    options = arguments()
    for path in (ORACLE[-1], options.ours or ORACLE[-1]):
        if not os.path.exists(path):
            print(f"{path} is missing")
            return 2
    with tempfile.TemporaryDirectory(prefix="beside-") as directory:
        left = Side("oracle", ORACLE, os.path.join(directory, "left"))
        right = Side("ours" if options.ours else "oracle again", [options.ours] if options.ours else ORACLE, os.path.join(directory, "right"))
        comparison = Comparison(left, right, bool(options.ours), options.verbose)
        try:
            comparison.both(Side.start)
            compare(comparison, options.only)
        except Ended as error:
            comparison.tell("the daemons live", f"    {error}")
        finally:
            comparison.both(Side.end)
    print(f"{comparison.passed} passed, {comparison.failed} failed")
    return 1 if comparison.failed else 0


if __name__ == "__main__":
    sys.exit(main())
