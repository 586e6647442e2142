"""The behaviours that the matrix holds side by side: a program's options, and what is done to it in which state.

`program` is the body of a shell script; in it $N counts the runs from 1. Times are the shortest that keep a behaviour clear on
a busy machine: what dies early dies at once with startsecs=2, what stays up stays twice its startsecs.
"""

import signal
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """When the process reaches `state` (again), do `action` with `argument`."""
    state: str
    action: str  # start, stop, kill (a signal to the pid, from outside), signal (the RPC)
    argument: object = None


@dataclass(frozen=True)
class Scenario:
    name: str
    program: str = ""           # empty: `options` holds a command of its own
    options: dict = field(default_factory=dict)
    steps: tuple = ()
    limit: int = 0              # for what never ends: compare this many states; 0: until nothing happens any more


STAY = "exec sleep 1000"
UP = "sleep 2"                  # long enough to be RUNNING with startsecs=1
TERM, KILL, QUIT = signal.SIGTERM, signal.SIGKILL, signal.SIGQUIT


def options(**pairs):
    return {name: str(value) for name, value in pairs.items()}


def early_ends():
    """Ends before startsecs: BACKOFF whatever the exit code and autorestart, FATAL after startretries more tries."""
    for code, retries, autorestart in ((0, 0, "unexpected"), (0, 1, "true"), (1, 0, "false"), (1, 2, "unexpected"),
                                       (7, 1, "false"), (0, 2, "false")):
        yield Scenario(f"early_exit_{code}_retries_{retries}_{autorestart}", f"exit {code}",
                       options(startsecs=2, startretries=retries, autorestart=autorestart))
    yield Scenario("early_killed_by_itself", "kill -KILL $$", options(startsecs=2, startretries=1))
    yield Scenario("early_then_up", f"[ $N -gt 2 ] && {STAY}; exit 1", options(startsecs=1, startretries=3))
    yield Scenario("early_then_expected", f"[ $N = 2 ] && {{ {UP}; exit 0; }}; exit 1",
                   options(startsecs=1, startretries=3))


def immediate_ends():
    """startsecs=0: whoever was executed was RUNNING."""
    yield Scenario("zero_exit_0", "exit 0", options(startsecs=0))
    yield Scenario("zero_exit_1_false", "exit 1", options(startsecs=0, autorestart="false"))
    yield Scenario("zero_exit_1_listed", "exit 1", options(startsecs=0, exitcodes="0,1"))
    yield Scenario("zero_exit_1_unexpected", "exit 1", options(startsecs=0), limit=8)
    yield Scenario("zero_exit_0_true", "exit 0", options(startsecs=0, autorestart="true"), limit=8)
    yield Scenario("zero_exit_0_unlisted", "exit 0", options(startsecs=0, exitcodes="2"), limit=8)


def later_ends():
    """Ends after RUNNING: exit code × exitcodes × autorestart."""
    for name, code, settings, limit in (
            ("exit_0", 0, {}, 0), ("exit_1", 1, {}, 6), ("exit_2_listed", 2, {"exitcodes": "0,2"}, 0),
            ("exit_0_unlisted", 0, {"exitcodes": "2,3"}, 6), ("exit_0_true", 0, {"autorestart": "true"}, 6),
            ("exit_1_true", 1, {"autorestart": "true"}, 6), ("exit_1_false", 1, {"autorestart": "false"}, 0),
            ("exit_0_false", 0, {"autorestart": "false"}, 0), ("exit_255", 255, {"exitcodes": "255"}, 0),
            ("exit_143_is_no_signal", 143, {"exitcodes": "143"}, 0)):
        yield Scenario(f"up_{name}", f"{UP}; exit {code}", options(startsecs=1, **settings), limit=limit)
    yield Scenario("up_then_early", f"[ $N = 1 ] && {{ {UP}; exit 1; }}; exit 1",
                   options(startsecs=1, startretries=1))
    for number in ("HUP", "INT", "PIPE", "TERM", "USR1", "SEGV"):
        yield Scenario(f"up_dies_of_{number}", f"[ $N -gt 1 ] && {STAY}; {UP}; kill -{number} $$; {STAY}",
                       options(startsecs=1))
    yield Scenario("up_dies_of_TERM_false", f"{UP}; kill -TERM $$", options(startsecs=1, autorestart="false"))


def killed_from_outside():
    for name, number in (("TERM", TERM), ("KILL", KILL)):
        yield Scenario(f"killed_{name}", STAY, options(startsecs=1), (Step("RUNNING", "kill", number),), limit=4)
        yield Scenario(f"killed_{name}_false", STAY, options(startsecs=1, autorestart="false"),
                       (Step("RUNNING", "kill", number),))
        yield Scenario(f"killed_{name}_true", STAY, options(startsecs=1, autorestart="true"),
                       (Step("RUNNING", "kill", number), Step("RUNNING", "kill", number)))
        yield Scenario(f"killed_{name}_starting", STAY, options(startsecs=3, startretries=1),
                       (Step("STARTING", "kill", number),))
    yield Scenario("killed_TERM_exits_0", f"trap 'exit 0' TERM; while :; do sleep 0.05; done", options(startsecs=1),
                   (Step("RUNNING", "kill", TERM),))
    yield Scenario("signalled_by_rpc", STAY, options(startsecs=1, autorestart="false"),
                   (Step("RUNNING", "signal", "TERM"),))


def not_startable():
    yield Scenario("missing_file", options=options(command="%(here)s/does-not-exist", startretries=1))
    yield Scenario("missing_in_path", options=options(command="no-such-command-anywhere", startretries=1))
    yield Scenario("not_executable", options=options(command="%(here)s/not-executable", startretries=1))
    yield Scenario("is_a_directory", options=options(command="%(here)s", startretries=1))
    yield Scenario("not_a_program", options=options(command="%(here)s/not-a-program", startretries=1))
    yield Scenario("bad_directory", STAY, options(directory="/does/not/exist", startretries=1))
    yield Scenario("bad_directory_zero", STAY, options(directory="/does/not/exist", startsecs=0, startretries=1),
                   limit=8)


def stopped():
    stop, start = Step("RUNNING", "stop"), Step("STOPPED", "start")
    yield Scenario("stop", STAY, options(startsecs=1), (stop,))
    yield Scenario("stop_autorestart_true", STAY, options(startsecs=1, autorestart="true"), (stop,))
    yield Scenario("stop_start_stop", STAY, options(startsecs=1), (stop, start, stop))
    yield Scenario("stop_while_starting", STAY, options(startsecs=5), (Step("STARTING", "stop"),))
    # In the third BACKOFF, which lasts 3 s: the first is over within a second, too early for a busy machine.
    third_backoff = (Step("BACKOFF", "none"), Step("BACKOFF", "none"), Step("BACKOFF", "stop"))
    yield Scenario("stop_while_backoff", "exit 1", options(startsecs=2, startretries=5), third_backoff)
    yield Scenario("stop_backoff_then_start", "exit 1", options(startsecs=2, startretries=3), (*third_backoff, start))
    for name in ("QUIT", "INT", "USR1", "KILL", "HUP"):
        yield Scenario(f"stop_by_{name}", STAY, options(startsecs=1, stopsignal=name), (stop,))
    yield Scenario("stop_ignored", "trap '' TERM; while :; do sleep 0.05; done", options(startsecs=1, stopwaitsecs=1),
                   (stop,))
    yield Scenario("stop_ignored_then_start", "trap '' TERM; while :; do sleep 0.05; done",
                   options(startsecs=1, stopwaitsecs=1, autorestart="true"), (stop, start))
    yield Scenario("stop_ignored_waits_zero", "trap '' TERM; while :; do sleep 0.05; done",
                   options(startsecs=1, stopwaitsecs=0), (stop,))
    yield Scenario("stop_exits_3", "trap 'exit 3' TERM; while :; do sleep 0.05; done", options(startsecs=1), (stop,))
    yield Scenario("stop_asgroup", "trap '' TERM; sleep 1000 & wait; exit 4",
                   options(startsecs=1, stopasgroup="true", stopwaitsecs=5), (stop,))


def started():
    yield Scenario("autostart_false", STAY, options(startsecs=1, autostart="false"))
    yield Scenario("start_after_exited", f"[ $N -gt 1 ] && {STAY}; {UP}", options(startsecs=1),
                   (Step("EXITED", "start"),))
    yield Scenario("start_after_fatal", f"[ $N -gt 1 ] && {STAY}; exit 1", options(startsecs=1, startretries=0),
                   (Step("FATAL", "start"),))
    yield Scenario("start_after_fatal_fails_again", "exit 1", options(startsecs=2, startretries=1),
                   (Step("FATAL", "start"),))
    yield Scenario("start_missing_again", options=options(command="%(here)s/does-not-exist", startretries=0),
                   steps=(Step("FATAL", "start"),))


def all_scenarios():
    for group in (early_ends, immediate_ends, later_ends, killed_from_outside, not_startable, stopped, started):
        yield from group()
