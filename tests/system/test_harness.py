"""Tests the harness itself: the oracle on both sides must show no difference, and a planted one must be found."""

import unittest

import report
from daemon import ORACLE, STAND_IN
from matrix import Matrix
from scenarios import Scenario, Step, all_scenarios, options

CHOSEN = ("early_exit_0_retries_0_unexpected", "early_exit_1_retries_2_unexpected", "zero_exit_1_unexpected",
          "up_exit_0", "up_exit_1", "killed_TERM_starting", "missing_file", "stop_start_stop", "stop_ignored",
          "stop_while_backoff", "autostart_false", "start_after_fatal")

# What is planted on one side only, and which of the comparisons must tell.
PLANTED = {
    "up_exit_1": Scenario("up_exit_1", "sleep 2; exit 1", options(startsecs=1, autorestart="false")),
    "early_exit_1_retries_2_unexpected":
        Scenario("early_exit_1_retries_2_unexpected", "exit 1", options(startsecs=2, startretries=1)),
    "stop_ignored": Scenario("stop_ignored", "exec sleep 1000", options(startsecs=1, stopwaitsecs=1),
                             (Step("RUNNING", "stop"),)),
    "up_exit_0": Scenario("up_exit_0", "sleep 2; exit 5", options(startsecs=1, exitcodes="5")),
}
FOUND_BY = {"up_exit_1": "difference", "early_exit_1_retries_2_unexpected": "difference",
            "stop_ignored": "log_difference", "up_exit_0": "final_difference"}


class SameProgramTwice(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scenarios = [scenario for scenario in all_scenarios() if scenario.name in CHOSEN]
        cls.matrix = Matrix(ORACLE, STAND_IN, scenarios, "same").run().try_again()

    def test_no_difference_is_found(self):
        self.assertEqual(len(self.matrix.scenarios), len(CHOSEN))
        for name in CHOSEN:
            with self.subTest(name):
                for method in ("difference", "final_difference", "log_difference"):
                    self.assertEqual(getattr(self.matrix, method)(name), "")

    def test_sequences_are_recorded(self):
        """Against a recorder that hears nothing on either side: two of them, word by word."""
        runs = self.matrix.first.runs
        self.assertEqual(runs["early_exit_1_retries_2_unexpected"].sequence, ["STARTING", "BACKOFF"] * 3 + ["FATAL"])
        self.assertEqual(runs["stop_start_stop"].sequence,
                         ["STARTING", "RUNNING", "STOPPING", "STOPPED"] * 2)


class PlantedDifference(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scenarios = [scenario for scenario in all_scenarios() if scenario.name in CHOSEN]
        cls.matrix = Matrix(ORACLE, STAND_IN, scenarios, "planted", PLANTED.values()).run().try_again(PLANTED)

    def test_every_planted_difference_is_found(self):
        for name, method in FOUND_BY.items():
            with self.subTest(name):
                self.assertNotEqual(getattr(self.matrix, method)(name), "")

    def test_nothing_else_is_found(self):
        for name in set(CHOSEN) - set(PLANTED):
            with self.subTest(name):
                self.assertEqual(self.matrix.difference(name), "")


if __name__ == "__main__":
    report.main()
