#!/usr/bin/python3
"""The oracle's supervisorctl and ours, given the same commands, must print and return the same.

Every story runs twice, in two worlds made alike: the oracle's client talks to one, ours to the other. After each command standard
output, standard error and exit code are compared, with pids, uptimes, dates and paths masked (mask.py). The cases are in cases.py.

    run.py --ours build/ctl/supervisorctl [--daemon COMMAND] [--jobs N] [STORY...]

COMMAND is a supervisord ("/usr/bin/supervisord" by default); it gets -n and -c. Where it is ours it needs a booted systemd around it; then
the stories without a daemon are not told again. Nothing is skipped: without the oracle the run fails.
"""

import argparse
import concurrent.futures
import difflib
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import cases  # noqa: E402
import client  # noqa: E402
import mask  # noqa: E402
from world import DaemonWorld, EmptyWorld, FakeWorld  # noqa: E402

ORACLE = "/usr/bin/supervisorctl"
ORACLE_DAEMON = "/usr/bin/supervisord"


def make_world(story, base, name, daemon):
    if story.answers is not None:
        return FakeWorld(base, name, story.files, story.answers)
    if story.daemon:
        return DaemonWorld(base, name, story.files, daemon)
    return EmptyWorld(base, name, story.files)


def arguments(case, world, program):
    prefix = [] if case.raw else ["-c", str(world.path("supervisord.conf"))]
    return [program, *prefix, *(world.text(argument) for argument in case.argv)]


def outcome(case, world, program):
    argv = arguments(case, world, program)
    if case.steps is None:
        code, out, err = client.run_once(argv, world.directory, world.text(case.stdin))
    else:
        code, out, err = client.run_session(argv, world.directory, case.steps, case.terminal)
    texts = []
    for text in (out, err):
        if case.terminal:
            text = mask.screen(text)
        text = mask.mask(mask.exceptions(text), [*world.replacements(), (program, "PROGRAM")])
        for view in case.views:
            text = view(text)
        texts.append(text)
    return code, *texts


def describe(case, oracle, ours):
    lines = [f"  {' '.join(case.argv) or '(shell)'} {[what for what, _ in case.steps or []] or ''}"]
    for name, theirs, mine in zip(("exit code", "stdout", "stderr"), oracle, ours):
        if theirs != mine:
            lines.append(f"    {name}:")
            lines += [f"      {line.rstrip()}" for line in
                      difflib.unified_diff(str(theirs).splitlines(), str(mine).splitlines(), "oracle", "ours", lineterm="", n=1)]
    return "\n".join(lines)


def compare_step(case, worlds, programs):
    if case.before:
        for world in worlds:
            case.before(world)
    if case.settle:
        for world in worlds:
            world.settle()
    oracle, ours = (outcome(case, world, program) for world, program in zip(worlds, programs))
    if oracle == ours and oracle[0] is not None and not (case.expect_code is not None and ours[0] != case.expect_code):
        return None
    if oracle == ours:
        return f"  {' '.join(case.argv)}\n    both end with {ours[0]}, expected was {case.expect_code if case.expect_code is not None else 'an end'}:\n{ours[1]}{ours[2]}"
    return describe(case, oracle, ours)


def run_story(story, base, programs, daemon):
    """Returns the number of cases that were the same and the texts of those that were not."""
    worlds, failures, passed = [], [], 0
    try:
        for side in ("A", "B"):
            worlds.append(make_world(story, base, f"{story.name}-{side}", daemon))
        for world in worlds:
            world.settle()
        for case in story.cases:
            failure = compare_step(case, worlds, programs)
            if failure:
                failures.append(failure)
            else:
                passed += 1
    except Exception as error:  # a world that cannot be made is a failure, not the end of the run
        failures.append(f"  {type(error).__name__}: {error}")
    finally:
        for world in worlds:
            world.close()
    return passed, failures


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--daemon", default=ORACLE_DAEMON)
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("stories", nargs="*")
    return parser.parse_args()


def main():
    options = parse_arguments()
    missing = [path for path in (ORACLE, options.ours, options.daemon.split()[0]) if not os.access(path, os.X_OK)]
    if missing:
        print(f"missing: {', '.join(missing)}")
        print("0 passed, 1 failed")
        return 1
    stories = [story for story in cases.STORIES if not options.stories or story.name in options.stories]
    if options.daemon != ORACLE_DAEMON:
        stories = [story for story in stories if story.daemon and story.answers is None]
    programs = (ORACLE, os.path.abspath(options.ours))
    total_passed = total_failed = 0
    with tempfile.TemporaryDirectory(prefix="ctl-") as base, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda story: run_story(story, base, programs, options.daemon), stories)
        for story, (passed, failures) in zip(stories, results):
            print(f"{'ok  ' if not failures else 'FAIL'} {story.name}: {passed} of {len(story.cases)}", flush=True)
            for failure in failures:
                print(failure, flush=True)
            total_passed += passed
            total_failed += len(story.cases) - passed
            if failures and passed == len(story.cases):
                total_failed += 1
    print(f"{total_passed} passed, {total_failed} failed")
    return 1 if total_failed or not total_passed else 0


if __name__ == "__main__":
    sys.exit(main())
