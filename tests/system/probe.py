"""The part of test_blocking.py inside the box: a bridge with three programs, and answers timed on request."""

import json
import os
import subprocess
import sys
import time
import xmlrpc.client

from daemon import OURS, STAND_IN, Daemon
from stories import program

WISHED = {"stays": "RUNNING", "starts": "RUNNING", "stops": "STOPPED"}


def timed(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began


def questions(daemon, seconds):
    """Asks again and again for a while; the longest that an answer took."""
    supervisor = daemon.rpc.supervisor
    deadline = time.monotonic() + float(seconds)
    slowest = 0.0
    while time.monotonic() < deadline:
        slowest = max(slowest, timed(supervisor.getState), timed(supervisor.getAllProcessInfo))
        time.sleep(0.01)
    return {"slowest": slowest}


def actions(daemon, seconds):
    supervisor = daemon.rpc.supervisor
    slowest = max(timed(lambda: supervisor.startProcess("starts", False)),
                  timed(lambda: supervisor.stopProcess("stops", False)), timed(supervisor.reloadConfig))
    return {"slowest": max(slowest, questions(daemon, seconds)["slowest"])}


def settle(daemon):
    """Waits until what was asked has been done, tells the states, and goes back to the beginning."""
    for name, state in WISHED.items():
        if daemon.state(name) in ("STARTING", "STOPPING", "BACKOFF"):
            daemon.wait_state(name, state)
    states = {name: daemon.state(name) for name in WISHED}
    for call, name in ((daemon.rpc.supervisor.stopProcess, "starts"), (daemon.rpc.supervisor.startProcess, "stops")):
        try:
            call(name)
        except xmlrpc.client.Fault:
            pass  # it is there already
    return {"states": states}


def systemctl(_daemon):
    try:
        done = subprocess.run(["systemctl", "show", "--property=Version"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=1, check=False)
        return {"answered": done.returncode == 0}
    except subprocess.TimeoutExpired:
        return {"answered": False}


def main():
    daemon = Daemon(STAND_IN if os.environ.get("SUPERSEDE_STAND_IN") else OURS, "probe")
    daemon.configure(program("stays") + program("starts", autostart="false") + program("stops"))
    daemon.start()
    try:
        for name in ("stays", "stops"):
            daemon.wait_state(name, "RUNNING")
        print(json.dumps("ready"), flush=True)
        handlers = {"questions": questions, "actions": actions, "settle": settle, "systemctl": systemctl}
        for line in sys.stdin:
            name, *arguments = line.split()
            print(json.dumps(handlers[name](daemon, *arguments)), flush=True)
    finally:
        daemon.stop()


if __name__ == "__main__":
    main()
