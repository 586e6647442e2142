#!/usr/bin/python3
"""The sample configuration is one: both parsers take it, as it is and with every option switched on.

    sample.py ECHO_SUPERVISORD_CONF SUPERSEDE"""

import os
import re
import subprocess
import sys
import tempfile

try:
    from supervisor.options import ClientOptions, ServerOptions
except ImportError as error:
    sys.exit(f"the oracle is missing: {error} (package supervisor, /usr/bin/python3)")

# Comments of the sample that are settings or sections.
SWITCHED_OFF = re.compile(r"^;(?=[a-z_.]+=|\[)", re.MULTILINE)
failures = []


def expect(condition, text):
    print("ok:" if condition else "FAILED:", text)
    if not condition:
        failures.append(text)


def oracle_reads(options, path, arguments=()):
    try:
        options.stderr = sys.stderr
        options.realize(["-c", path, *arguments], doc="")
        return options
    except (SystemExit, ValueError) as error:
        print(f"the oracle: {error!r}")
        return None


def check(supersede, path, label):
    daemon = oracle_reads(ServerOptions(), path)
    expect(daemon is not None, f"the oracle's daemon reads it {label}")
    client = oracle_reads(ClientOptions(), path, ["status"])
    expect(client is not None and client.serverurl == "unix:///tmp/supervisor.sock", f"so does its client {label}")
    done = subprocess.run([supersede, "check", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    # 1 stands for warnings: the pattern of [include] matches nothing here.
    expect(done.returncode in (0, 1), f"ours reads it {label}: {done.returncode}\n{done.stdout if done.returncode > 1 else ''}")
    return daemon, done.stdout


def main(program, supersede):
    text = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout
    everything = SWITCHED_OFF.sub("", text)
    expect(text.count("\n;") > 100 and everything != text, "most of it is commented out")
    # A Python plugin that nobody has: only the client would look for it.
    everything = re.sub(r"^\[ctlplugin:.*\n.*\n", "", everything, flags=re.MULTILINE)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "supervisord.conf")
        for label, content in (("as it is", text), ("with everything", everything)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            daemon, report = check(supersede, path, label)
        groups = sorted(config.name for config in daemon.process_group_configs) if daemon else []
        expect(groups == ["backend", "site", "watcher"], f"groups with everything: {groups}")
        expect(not re.search("unknown|no such option", report), "ours knows every option")
        refused = subprocess.run([program], stdout=open("/dev/full", "wb"), stderr=subprocess.DEVNULL, check=False)
        expect(refused.returncode != 0, "a full disk is no success")
    print(f"{'FAILED' if failures else 'ok'}: {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
