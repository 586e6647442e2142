"""Real configurations, made to parse on this host: whatever user, directory or variable they ask for is there. In boxes only."""

import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CORPUS = pathlib.Path(os.environ.get("SUPERSEDE_CORPUS", TOP.parent / "shared" / "corpus"))
# The README of the corpus counts 98; four of them want a Python result_handler that is not there.
PARSES = 97


def files():
    found = sorted(CORPUS.glob("*.conf"))
    if not found:
        raise AssertionError(f"there are no configurations in {CORPUS}; SUPERSEDE_CORPUS names another directory")
    return found


def main_file(path, directory):
    """A file without [supervisord] is a part of a configuration: one that includes it."""
    text = path.read_bytes()
    if re.search(rb"^\[supervisord\]", text, re.MULTILINE):
        return path
    main = directory / f"main-{path.name}"
    main.write_bytes(b"[supervisord]\n[include]\nfiles = " + os.fsencode(path) + b"\n")
    return main


def value(name):
    """Numbers suit nearly every place where a variable stands."""
    for word, text in (("LEVEL", "info"), ("ENABLE", "true"), ("AUTO", "true"), ("UPLOAD", "true"), ("USER", "root")):
        if word in name:
            return text
    return "7001"


def environment(path):
    names = re.findall(r"ENV_(\w+)", path.read_text(encoding="utf-8", errors="replace"))
    return {**os.environ, **{name: value(name) for name in names if name not in os.environ}}


def provide_users(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    for value in re.findall(r"^\s*(?:user|chown|socket_owner)\s*[=:]\s*([^\s;]+)", text, re.MULTILINE):
        user, _, group = value.partition(":")
        for name in (user, group):
            if re.fullmatch(r"[a-z_][\w.-]*", name, re.IGNORECASE):
                provide_user(name)


def provide_user(name):
    for database, entry in (("/etc/passwd", "{0}:x:{1}:{1}::/home/{0}:/bin/sh\n"), ("/etc/group", "{0}:x:{1}:\n")):
        with open(database, encoding="utf-8") as file:
            lines = file.read().splitlines()
        if not any(line.startswith(f"{name}:") for line in lines):
            number = 20000 + len(lines)
            with open(database, "a", encoding="utf-8") as file:
                file.write(entry.format(name, number))


def missing_directory(complaint):
    """The directory that a message of the parser asks for."""
    match = re.search(r"The directory named as part of the path (.*?) does not exist", complaint)
    if match:
        return os.path.dirname(match[1])
    match = re.search(r"supersede: (.*?) is not an existing directory", complaint)
    return match[1] if match else None


def run(command, path, directory):
    """Runs COMMAND with the configuration as its last argument until nothing is missing any more."""
    provide_users(path)
    main = main_file(path, directory)
    for _ in range(60):
        done = subprocess.run([*command, str(main)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60, cwd=CORPUS,
                              env=environment(path))
        missing = missing_directory(done.stderr) if done.returncode else None
        if not missing or os.path.isdir(os.path.join(CORPUS, missing)):
            return done
        os.makedirs(os.path.expanduser(os.path.join(CORPUS, missing)))
    raise AssertionError(f"{path.name}: there is always something missing: {done.stderr}")
