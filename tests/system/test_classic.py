"""Classic configurations, the oracle and our daemon side by side."""

import os
import unittest

import report
import stories
from daemon import ORACLE, OURS, STAND_IN, Daemon
from together import together

# On a busy machine the oracle may be late by itself. What differs every time is a difference.
TRIES = 3

SECOND = STAND_IN if os.environ.get("SUPERSEDE_STAND_IN") else OURS


def tell(story, role, name, port):
    """Runs a story to its end in a daemon of its own."""
    told = stories.Story(Daemon(role, name), port=port)
    try:
        story(told)
    except Exception as error:
        seen = "\n".join(f"  {what}: {value!r}" for what, value in told.seen[-5:])
        raise AssertionError(f"{role.name}: {error!r}, after\n{seen}") from error
    finally:
        told.daemon.stop()
    return told


class Classic(unittest.TestCase):
    def compare(self, story):
        # An underscore would be escaped in unit names, which is another test's business.
        for attempt in range(TRIES):
            name = story.__name__.replace("_", "") + str(attempt)
            first, second = together(lambda: tell(story, ORACLE, f"{name}oracle", 20000),
                                     lambda: tell(story, SECOND, f"{name}second", 21000))
            found = list(stories.differences(first, second))
            self.assertGreater(len(first.seen), 3)
            if not found:
                return
            print("\n".join(["again:", *found]), flush=True)
        self.fail("\n" + "\n".join(found))


for _story in stories.ALL:
    setattr(Classic, f"test_{_story.__name__}", lambda self, story=_story: self.compare(story))

if __name__ == "__main__":
    report.main()
