"""Waiting for something to become true, with a deadline, instead of sleeping and hoping."""

import time

# Generous: only a failing test waits that long.
PATIENCE = 60


def wait_until(question, what, seconds=PATIENCE, interval=0.02):
    """Asks until the answer is true and returns it. Tells what was waited for, and the last answer, when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}; last answer: {answer!r}")
        time.sleep(interval)
