"""What the oracle's parser makes of a configuration file, on the host that dump.c stands in for, in dump.c's words."""

import grp
import os
import pwd
import types
import warnings

warnings.simplefilter("ignore")

from supervisor import events, options  # noqa: E402
from supervisor.datatypes import Automatic, RestartUnconditionally, RestartWhenExitUnexpected  # noqa: E402

FIRST_MISSING_ID = 60000
TEMPORARY_DIRECTORY = "/stub/tmp"
DEFAULT_HANDLER = "supervisor.dispatchers:default_handler"


# ---- the host ----

def find_id(text, base, factor):
    if text.startswith("nosuch") or not text:
        raise KeyError(text)
    if text.isascii() and text.isdigit():
        if int(text) >= FIRST_MISSING_ID:
            raise KeyError(text)
        return int(text)
    return 0 if text == "root" else base + factor * len(os.fsencode(text))


def user_record(text):
    uid = find_id(text, 1000, 7)
    return (text, "x", uid, uid + 5, "", f"/home/{text}", "/bin/sh")


def known_number(number):
    if number < 0:
        raise KeyError(number)
    return str(number)


def expand_user(path):
    if not path.startswith("~"):
        return path
    user, slash, rest = path[1:].partition("/")
    if user.startswith("nosuch"):
        return path
    home = f"/home/{user}" if user else "/root"
    return home + slash + rest


def install_host():
    pwd.getpwnam = user_record
    pwd.getpwuid = lambda uid: user_record(known_number(uid))
    grp.getgrnam = lambda name: (name, "x", find_id(name, 2000, 11), [])
    grp.getgrgid = lambda gid: ("", "x", find_id(known_number(gid), 2000, 11), [])
    os.getuid = lambda: 0
    os.path.expanduser = expand_user
    options.tempfile = types.SimpleNamespace(gettempdir=lambda: TEMPORARY_DIRECTORY)
    options.platform.node = lambda: "testhost"


real_isdir = os.path.isdir
real_import_spec = options.Options.import_spec


class Directories:
    """os.path.isdir() of the host that is not there."""

    def __enter__(self):
        os.path.isdir = lambda path: "nosuch" not in path

    def __exit__(self, *_):
        os.path.isdir = real_isdir


def import_spec(self, spec):
    """Plugins count as loaded; a listener's handler must be the one that we have."""
    if "handler" not in spec:
        return "".join(spec.split())
    if "".join(spec.split()) != DEFAULT_HANDLER:
        raise ImportError(spec)
    return real_import_spec(self, spec)


# The included files are really there: glob gets the real answer.
real_glob = options.glob.glob


def glob_with_real_directories(pattern):
    replaced, os.path.isdir = os.path.isdir, real_isdir
    try:
        return real_glob(pattern)
    finally:
        os.path.isdir = replaced


# ---- the model ----

def log(process, stream):
    path = getattr(process, f"{stream}_logfile")
    return {
        "kind": "auto" if path is Automatic else "none" if path is None else "path",
        "path": path if isinstance(path, str) else None,
        "maxbytes": getattr(process, f"{stream}_logfile_maxbytes"),
        "backups": getattr(process, f"{stream}_logfile_backups"),
        "capture_maxbytes": getattr(process, f"{stream}_capture_maxbytes"),
        "events_enabled": getattr(process, f"{stream}_events_enabled"),
        "syslog": getattr(process, f"{stream}_syslog"),
    }


def restart(value):
    return {RestartUnconditionally: "always", RestartWhenExitUnexpected: "unexpected", False: "never"}[value]


def process(config):
    kinds = {options.FastCGIProcessConfig: "fcgi", options.EventListenerConfig: "eventlistener"}
    plain = ("name", "command", "directory", "umask", "priority", "autostart", "startsecs", "startretries", "uid",
             "stopwaitsecs", "stopasgroup", "killasgroup", "exitcodes", "redirect_stderr", "serverurl")
    return {
        "kind": kinds.get(type(config), "plain"),
        **{name: getattr(config, name) for name in plain},
        "autorestart": restart(config.autorestart),
        "stdout": log(config, "stdout"),
        "stderr": log(config, "stderr"),
        "stopsignal": int(config.stopsignal),
        "environment": [list(item) for item in config.environment.items()],
    }


def socket(config):
    is_unix = isinstance(config, options.UnixStreamSocketConfig)
    return {
        "url": config.url,
        "path": config.path if is_unix else None,
        "host": None if is_unix else config.host,
        "port": None if is_unix else config.port,
        "owner": list(config.owner) if is_unix and config.owner else None,
        "mode": config.mode if is_unix else None,
        "backlog": config.backlog,
    }


def group(config):
    model = {"kind": "group", "name": config.name, "priority": config.priority,
             "processes": [process(member) for member in config.process_configs]}
    if isinstance(config, options.EventListenerPoolConfig):
        model.update(kind="eventlistener", buffer_size=config.buffer_size,
                     events=sorted(events.getEventNameByType(event) for event in config.pool_events))
    if isinstance(config, options.FastCGIGroupConfig):
        model.update(kind="fcgi", socket=socket(config.socket_config))
        # In a [group:x] the oracle makes ProcessConfig of a FastCGI program; on its own it makes its class.
    return model


def server(config):
    chown = config.get("chown")
    return {
        "section": config["section"], "name": config["name"], "username": config["username"],
        "password": config["password"], "file": config.get("file"), "chmod": config.get("chmod"),
        "chown": list(chown) if chown and chown != (-1, -1) else None, "host": config.get("host"),
        "port": config.get("port"),
    }


def daemon(section):
    plain = ("logfile", "logfile_maxbytes", "logfile_backups", "loglevel", "pidfile", "umask", "nodaemon", "silent",
             "minfds", "minprocs", "nocleanup", "childlogdir", "user", "directory", "strip_ansi", "identifier")
    return {**{name: getattr(section, name) for name in plain},
            "environment": [list(item) for item in section.environment.items()]}


def read(kind, path, environment):
    os.environ.clear()
    os.environ.update(environment)
    reader = kind()
    reader.configfile = path
    reader.here = os.path.abspath(os.path.dirname(path))
    reader.import_spec = lambda spec: import_spec(reader, spec)
    with Directories():
        return reader, reader.read_config(path)


def load_daemon(path, environment):
    reader, section = read(options.ServerOptions, path, environment)
    return {
        "daemon": daemon(section),
        "groups": [group(config) for config in section.process_group_configs],
        "servers": [server(config) for config in section.server_configs],
        "rpcinterfaces": [[name, factory] for name, factory, _ in section.rpcinterface_factories],
        "infos": reader.parse_infos,
        "warnings": reader.parse_warnings,
    }


def load_client(path, environment):
    reader, section = read(options.ClientOptions, path, environment)
    plain = ("serverurl", "username", "password", "prompt", "history_file")
    return {"client": {name: getattr(section, name) for name in plain}}


install_host()
options.glob.glob = glob_with_real_directories
