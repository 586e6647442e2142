"""Every message in a heading of docs/troubleshooting.md is one of our programs': it is provoked here, or at least stands in our sources."""

import os
import pathlib
import re
import subprocess
import unittest

import pages
import report
from waiting import wait_until

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
# What a box cannot provoke cheaply; the text must stand in our sources, put together from these.
IN_SOURCES = {
    "systemd is not there or does not answer (…): supervisord runs programs as its units": "bridge/manager_life.c",
}
# The kernel's, in programs.
NOT_OURS = {"too many open files"}
DAEMON = """\
[unix_http_server]
file=/run/page.sock
[inet_http_server]
port=127.0.0.1:9001
username=admin
password=secret
[supervisord]
identifier=page
logfile=/tmp/page.log
pidfile=/run/page.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/page.sock
[program:web]
command=/bin/sleep 1000
[program:quick]
command=/bin/false
startretries=0
[program:missing]
command=/usr/bin/nonexistent
startretries=0
[program:noexec]
command=/etc/passwd
startretries=0
[program:lost]
command=/bin/true
directory=/nonexistent
startretries=0
[program:off]
command=/bin/true
autostart=false
"""
CLIENT = "supervisorctl -c /root/page.conf "
ASKED = (
    "supervisorctl -c /root/other.conf status",  # no such file
    "supervisorctl -s http://localhost:9002 status",
    "setpriv --reuid=nobody --clear-groups supervisorctl -s unix:///run/page.sock status",
    "supervisorctl -s http://127.0.0.1:9001 status",
    "supervisorctl -c /root/empty.conf status",
    "supervisorctl -c /nowhere.conf status",
    "mv /etc/supervisor /etc/supervisor.away; cd / && supervisord; mv /etc/supervisor.away /etc/supervisor",
    CLIENT + "start nobody", CLIENT + "start nobody:*", CLIENT + "start web", CLIENT + "stop off", CLIENT + "start quick", CLIENT + "start missing",
    CLIENT + "start noexec", CLIENT + "frobnicate", CLIENT + "status", CLIENT + "tail lost stderr",
    CLIENT + "signal KILL web",
    "cp /root/page.conf /root/keep; echo '[program:bad]' >> /root/page.conf; " + CLIENT + "reread; cp /root/keep /root/page.conf",
    "supervisord -c /root/page.conf",
    "supersede adopt",
    "supersede show /root/page.conf nobody",
    # The oracle's daemon: ours has the namespace whatever the file says.
    "/usr/bin/supervisord -c /root/plain.conf; supervisorctl -s unix:///run/plain.sock status; kill $(cat /run/plain.pid)",
    "cd /tmp && setpriv --reuid=nobody --clear-groups supervisord -c /tmp/mine.conf",
    "cd /root && setpriv --reuid=jane --regid=jane --init-groups env XDG_RUNTIME_DIR=/run/user/$(id -u jane) supervisord -c /tmp/mine.conf",
    "setpriv --reuid=nobody --clear-groups supervisord -n -c /tmp/log.conf",
)
HEAD = "[supervisord]\nidentifier=other\nlogfile=/tmp/other.log\npidfile=/run/other.pid\n"
# A daemon that refuses to start for each.
REFUSED = (
    HEAD + "[inet_http_server]\nport=127.0.0.1:9001\n",
    HEAD + "[unix_http_server]\nfile=/nonexistent/socket\n",
    "[program:x]\ncommand=/bin/true\n",
    "not a configuration\n",
    HEAD + "nothing\n",
    HEAD + "[program:x]\ncommand=/bin/true\nuser=nobdy\n",
    HEAD + "[program:x]\ncommand=/bin/true\nstdout_logfile=/nonexistent/log\n",
    HEAD + "[program:x]\ncommand=/bin/echo %(ENV_NOPE)s\n",
    HEAD + "[program:x]\ncomand=/bin/true\n",
    HEAD + "[program:x]\ncommand=/bin/true\nnumprocs=2\n",
    HEAD + "[program:x]\ncommand=/bin/true\nsystemd.MemMax=1G\n",
    HEAD + "[program:x]\ncommand=/bin/true\nsystemd.MemoryMax=lots\n",
    HEAD + "minfds=99999999999\n",
)
CHECKED = HEAD + "[include]\nfiles=/nonexistent/*.conf\n[program:x]\ncommand=/bin/true\nautostrt=no\n[program:x]\ncommand=/bin/false\n"


def run(command):
    return subprocess.run(["/bin/bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=120, cwd="/root").stdout


def messages():
    """Those in headings, in their order."""
    text = (pages.DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    return [message for heading in re.findall(r"^### (.*)$", text, re.MULTILINE) for message in re.findall(r"`([^`]+)`", heading)]


def write(path, text):
    pathlib.Path(path).write_text(text, encoding="utf-8")
    os.chmod(path, 0o644)


def provoke():
    write("/root/page.conf", DAEMON)
    write("/root/other.conf", "[supervisorctl]\nserverurl=unix:///run/nobody/supervisor.sock\n")
    write("/root/empty.conf", "[supervisord]\n")
    write("/root/plain.conf", "[supervisord]\nidentifier=plain\nlogfile=/tmp/plain.log\npidfile=/run/plain.pid\n[unix_http_server]\nfile=/run/plain.sock\n")
    write("/tmp/mine.conf", "[supervisord]\nlogfile=/tmp/mine.log\npidfile=/tmp/mine.pid\n")
    write("/tmp/log.conf", "[supervisord]\nlogfile=/var/log/nobody.log\n")
    pages.make_reader()
    yield run("supervisord -c /root/page.conf")
    wait_until(lambda: run(CLIENT + "status | grep -c FATAL") == "4\n", "programs to have given up")
    for command in ASKED:
        yield run(command)
    wait_until(lambda: "SIGKILL; not expected" in pathlib.Path("/tmp/page.log").read_text(encoding="utf-8"), "the end to be told")
    for text in REFUSED:
        write("/root/refused.conf", text)
        yield run("supervisord -n -c /root/refused.conf")
    write("/root/checked.conf", CHECKED)
    yield run("supersede check /root/checked.conf")
    yield run("cat /tmp/page.log")
    run(CLIENT + "shutdown")


def pattern_of(message):
    return re.compile(".*".join(re.escape(part) for part in message.split("…")))


class Page(unittest.TestCase):
    def test_messages(self):
        printed = "".join(provoke())
        wanted = messages()
        self.assertGreater(len(wanted), 45)
        for message in wanted:
            with self.subTest(message):
                if message in IN_SOURCES:
                    self.check_source(message, IN_SOURCES[message])
                elif message not in NOT_OURS:
                    self.assertRegex(printed, pattern_of(message))
        self.assertEqual((set(IN_SOURCES) | NOT_OURS) - set(wanted), set())

    def check_source(self, message, path):
        text = (TOP / path).read_text(encoding="utf-8").replace("%s", "…").replace('"\n', '"').replace("…is not there", "systemd is not there")
        text = re.sub(r'"\s*"', "", text)
        self.assertIn(message.partition(" ")[2], text)


if __name__ == "__main__":
    report.main()
