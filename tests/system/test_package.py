"""The Debian package (argument: the .deb): it takes supervisor's place and keeps its configuration; an upgrade touches no program; a
removal stops them. Runs in a box that has Debian's supervisor installed, by hand, since building takes minutes and debhelper:

    dpkg-buildpackage -us -uc -b        (in a copy of the tree, in a box with --host-network and debhelper)
    tests/sandbox run --overlay "$PWD" --bind-ro DIRECTORY -- /usr/bin/python3 -B "$PWD/tests/system/test_package.py" DIRECTORY/supersede_0.1.0_amd64.deb
"""

import os
import subprocess
import sys
import unittest

import report

CONF = "/etc/supervisor/supervisord.conf"
MINE = "; mine\n[program:sleeper]\ncommand=/bin/sleep 100000\n"


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}")
    return done.stdout


def show(name):
    return run("systemctl", "show", "-P", name, "supervisor.service").strip()


def pid(name):
    return int(run("/usr/bin/supervisorctl", "pid", name))


class Package(unittest.TestCase):
    def test_life(self):
        deb = sys.argv[1]
        with open(CONF, "a", encoding="utf-8") as file:
            file.write(MINE)
        with open(CONF, encoding="utf-8") as file:
            before = file.read()
        # Containers forbid packages to start anything; this box is a host, and forgets that it was.
        if os.path.exists("/usr/sbin/policy-rc.d"):
            os.unlink("/usr/sbin/policy-rc.d")
        # As on a host that uses it: a box starts nothing that its host has enabled.
        run("systemctl", "enable", "--now", "supervisor.service")
        run("dpkg", "--auto-deconfigure", "--force-confold", "-i", deb)
        self.assertIn("supersede", run("dpkg", "-S", "/usr/bin/supervisord"))
        self.assertNotIn("ii", run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "supervisor"))
        with open(CONF, encoding="utf-8") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual((show("ActiveState"), show("UnitFileState")), ("active", "enabled"))
        program, daemon, socket = pid("sleeper"), show("MainPID"), os.stat("/run/supervisor.sock").st_ino
        run("dpkg", "--force-confold", "-i", deb)
        self.assertNotEqual(show("MainPID"), daemon)
        self.assertEqual((pid("sleeper"), os.stat("/run/supervisor.sock").st_ino), (program, socket))
        run("dpkg", "-r", "supersede")
        self.assertFalse(os.path.exists(f"/proc/{program}"))
        with open(CONF, encoding="utf-8") as file:
            self.assertEqual(file.read(), before)


if __name__ == "__main__":
    report.main()
