"""The matrix: every scenario in the oracle and in our daemon at the same time, in the same box."""

import unittest

import report
from daemon import ORACLE, OURS
from matrix import Matrix
from scenarios import all_scenarios


class Behaviour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.matrix = Matrix(ORACLE, OURS, all_scenarios()).run().try_again()


def compare(name, method):
    def test(self):
        difference = getattr(self.matrix, method)(name)
        if difference:
            self.fail(f"\n{difference}")
    return test


for _scenario in all_scenarios():
    for _what, _method in (("states", "difference"), ("information", "final_difference"), ("log", "log_difference")):
        setattr(Behaviour, f"test_{_what}_{_scenario.name}", compare(_scenario.name, _method))

if __name__ == "__main__":
    report.main()
