"""Our daemon as it is meant to run: a service of systemd, restarted when it dies."""

import os
import subprocess

from daemon import OURS, Daemon
from waiting import wait_until


def systemctl(*words):
    return subprocess.run(["systemctl", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=60).stdout


class Service(Daemon):
    """Started without -n. `properties` are lines for the [Service] section of its unit, in a drop-in."""

    def __init__(self, name, properties=()):
        super().__init__(OURS, name)
        if properties:
            directory = f"/run/systemd/system/{name}.service.d"
            os.makedirs(directory, exist_ok=True)
            with open(f"{directory}/test.conf", "w", encoding="utf-8") as file:
                file.write("\n".join(["[Service]", *properties, ""]))

    def start(self, *arguments):
        done = subprocess.run([self.role.program("supervisord"), "-c", self.conf, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60, cwd="/")
        if done.returncode != 0:
            raise AssertionError(f"{self.name} did not start (status {done.returncode}):\n{done.stdout}")
        return self

    def stop(self):
        self.control("shutdown")
        wait_until(lambda: not os.path.exists(self.path("supervisord.pid")), f"{self.name} to end")

    def main_pid(self):
        """Of the daemon, as systemd knows it: also before it is ready. 0 when there is none just now."""
        try:
            with open(f"/sys/fs/cgroup/{self.name}.slice/{self.name}.service/cgroup.procs", encoding="utf-8") as file:
                return int((file.read().split() or [0])[0])
        except FileNotFoundError:
            return 0

    def wait_for_another(self, pid):
        """Until a new daemon answers; returns its process."""
        def question():
            try:
                new = self.rpc.supervisor.getPID()
                return new if new != pid else None
            except OSError:
                return None
        return wait_until(question, f"{self.name} to come back")
