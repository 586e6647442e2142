"""Runs unittest cases and ends with the line that tests/count understands."""

import os
import sys
import time
import unittest


class Result(unittest.TestResult):
    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.passed = 0
        self.began = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def tell(self, verdict, test, text=""):
        seconds = f" ({time.monotonic() - self.began:.1f} s)" if self.began else ""
        print(f"{verdict}: {test}{seconds}\n{text}".rstrip(), flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self.tell("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell("FAILED", test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.tell("FAILED", subtest, (self.failures + self.errors)[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.tell("FAILED", test, self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell("FAILED (a skipped test proves nothing)", test, reason)


def main():
    loader = unittest.TestLoader()
    if os.environ.get("SUPERSEDE_ONLY"):
        loader.testNamePatterns = [os.environ["SUPERSEDE_ONLY"]]
    suite = loader.loadTestsFromModule(sys.modules["__main__"])
    result = Result()
    suite.run(result)
    failed = len(result.failures) + len(result.errors) + len(result.skipped) + len(result.unexpectedSuccesses)
    print(f"{result.passed} passed, {failed} failed")
    sys.exit(1 if failed or not result.passed else 0)
