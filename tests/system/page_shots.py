"""Pictures of the web page, to be looked at. From the top of the tree, for a directory DIR outside of it:

    tests/sandbox run --bind DIR --overlay $PWD --install BUILDDIR -- /usr/bin/python3 -B $PWD/tests/system/page_shots.py DIR

With 6 and with 500 processes, wide and narrow, light and dark. Also says what the browser complained about.
"""

import os
import sys

from browser import Browser
from daemon import OURS, Daemon
from waiting import wait_until

PORT = 9001
SERVER = f"[inet_http_server]\nport=127.0.0.1:{PORT}\n"
FEW = SERVER + """
[group:shop]
programs=web,queue

[program:web]
command=/usr/bin/python3 -c "import time; held = bytearray(30000000); [time.sleep(0.01) for _ in range(10**9)]"
process_name=%(program_name)s_%(process_num)02d
numprocs=2

[program:queue]
command=/bin/sleep 1000

[program:cron]
command=/bin/sh -c "while :; do date; sleep 0.2; done"

[program:broken]
command=/bin/sh -c "echo no database >&2; exit 3"
startretries=1

[program:migrate]
command=/bin/true
startsecs=0
autorestart=false
"""
MANY = SERVER + "".join(
    f"[program:worker{number}]\ncommand=/bin/sleep 1000\nprocess_name=%(program_name)s_%(process_num)02d\nnumprocs=47\n"
    for number in range(10)) + "".join(
    f"[program:single{number:02d}]\ncommand=/bin/sleep {1000 if number % 7 else 0}\nstartretries=0\n"
    for number in range(30))
SIZES = (("wide", 1400, 900), ("middle", 800, 900), ("narrow", 390, 844))


def shoot(browser, path, name, directory, width, height, dark=False):
    page = browser.page(width=width, height=height, dark=dark)
    page.open(f"http://127.0.0.1:{PORT}{path}")
    if path == "/":
        # The share of the CPU needs a second look.
        page.wait("!!document.querySelector('.cpu small')", "figures")
    page.screenshot(os.path.join(directory, f"{name}-{'dark' if dark else 'light'}.png"))
    for complaint in page.complaints():
        print(f"{name}: {complaint}")


def shoot_all(browser, name, configuration, directory):
    daemon = Daemon(OURS, "shots")
    daemon.configure(configuration)
    daemon.start()
    wait_until(lambda: not {"STARTING", "BACKOFF"} & {process["statename"] for process in daemon.rpc.supervisor.getAllProcessInfo()},
               "the programs to settle")
    for size, width, height in SIZES:
        for dark in (False, True):
            shoot(browser, "/", f"{name}-{size}", directory, width, height, dark)
    if configuration is FEW:
        shoot(browser, "/tail.html?processname=cron&limit=16384", "tail", directory, 1400, 900)
        shoot(browser, "/?processname=cron&action=stop", "confirm", directory, 1400, 500)
    daemon.stop()


def main(directory):
    with Browser() as browser:
        shoot_all(browser, "6", FEW, directory)
        shoot_all(browser, "500", MANY, directory)


if __name__ == "__main__":
    main(sys.argv[1])
