"""Random configuration files: odd syntax, odd values, now and then a wrong one."""

INTEGERS = ["0", "1", "3", "10", " 5", "+3", "-1", "1_000", "007", "0_0", "999", "9000000000", "\u0663", "\uff11\uff12", "1\u00a0",
            "%(ENV_NUMBER)s", "1%%(x)s", "%(ENV_NUMBER)02s"]
BAD_INTEGERS = ["", "x", "1.5", "0x10", "1__0", "_1", "1_", "+ 3", "1 2", "--1", "'3'", "1e3", "\u00b2", "1;", "%(ENV_NOSUCH)s"]
BOOLEANS = ["true", "false", "True", "FALSE", "yes", "no", "On", "off", "1", "0", "YES", "nO"]
BAD_BOOLEANS = ["", "2", "truee", "y", "enabled", "none", "t", "0 0"]
SIZES = ["0", "1", "10MB", "10mb", "1 KB", "1Kb", "2GB", "0x0"[:1], "1_0KB", "-5MB", "5\u212aB", "%(ENV_NUMBER)sMB"]
BAD_SIZES = ["MB", "1.5MB", "10M", "10 MiB", "kb", "", "1TB", "1MBKB"]
SIGNALS = ["TERM", "SIGTERM", "term", "sigkill", " HUP", "9", "15", "USR1", "RTMIN", "SIGRTMAX", "0", "64", "34", "CLD", "POLL", "IOT",
           "SIG_IGN", "+2", "\uff15"]
BAD_SIGNALS = ["", "SIG", "NOPE", "99", "-1", "32", "33", "35", "SIGSIGTERM", "TERM HUP", "1.0", "TERM,"]
OCTALS = ["022", "0o22", "0O77", "777", "0", "+7", "0_2_2", "00000", "-1", " 22"]
BAD_OCTALS = ["8", "0x1", "rwx", "", "0o", "0o8", "2 2", "0b1"]
EXITCODES = ["0", "0,2", "0, 1 ,255", "", "1_0", "+1", "0,0"]
BAD_EXITCODES = ["256", "-1", "0,", ",", "a", "0 1", "0;1,", "0,,1"]
AUTORESTARTS = BOOLEANS + ["unexpected", "Unexpected", "UNEXPECTED"]
ENVIRONMENTS = ["A=1", "A=1,B=2", 'A="1,2",B="x y"', "A='it''s'", 'PATH="%(ENV_PATH)s:/x"', "A=b#c", 'A="#"', "A = 1 , B = 2", "A=1;B=2",
                "A=1 B C=2", "A=%(process_num)d", "A=/x/y.z:1-2+3(4)", '"A"=1', "A==", "A=,", 'A="%%d"', "A=1,", "A=1\n  ,B=2", "A=\"x\ny\"",
                "A=1\n  # comment\n  B", "N=%(ENV_NUMBER)s", "", "A=\u00e9", "A=1,A=2", "\u00e9=1", "X=%(ENV_HOME)s", "HERE=%(here)s"]
BAD_ENVIRONMENTS = ["A", "A=", "=1", 'A="1', "A=1,B", "A=$x", "A=1,,B=2", "A=@x@", "A='x", "A=1 =B", "A=%(ENV_NOSUCH)s"]
PATHS = ["/var/log/x.log", "x.log", "~/x", "~user/x.log", "~nosuch/x", "/x", "//x//y", "%(here)s/x.log", "/var/log/%(program_name)s.log",
         "/dev/stdout", "/dev/fd/1", "/a b/c", "%(ENV_HOME)s/l", "/%(group_name)s/%(process_num)02d", "/%%d", "/%%(process_num)d"]
BAD_PATHS = ["/nosuch/x.log", "%(nosuch)s", "%", "%(", "%(here)d", "~/nosuch/x", "%(here)", "%s %s", "%y"]
LOGFILES = PATHS + ["AUTO", "auto", "NONE", "none", "OFF", "syslog", "Syslog", "off", "Auto"]
COMMANDS = ["/bin/cat", "/bin/echo %%d", "cmd %(program_name)s %(process_num)d", "x --port=90%(process_num)02d", "a ; comment", "a;b", "a #c", "a#b",
            "echo \"a ; b\"", "sh -c 'x'", "%(here)s/bin/x %(host_node_name)s", "x %(numprocs)s %(group_name)s", "run %(ENV_PERCENT)s", "\u00fcber",
            "x %(process_num)5d|%(process_num)-5d|%(process_num)+d|%(process_num)x|%(process_num)#x|%(process_num)05o",
            "x %(process_num)s %(process_num)r %(program_name)r %(program_name)a %(program_name)10s|%(program_name)-10s|%(program_name).1s|",
            "x %(process_num)e %(process_num).3f %(process_num)g %(process_num)08.3f", "a\n  b\n\n  c", "%(ENV_QUOTED)s", "%(ENV_QUOTED)r", "x=y: z",
            "%(ENV_A)s", "c \\\n  d", "\"%(ENV_SPACES)s\"", "%(process_num)ld %(process_num)hd", "a ;;b", "a;b ;c#d #e", "x#y;z ;#"]
BAD_COMMANDS = ["%(nosuch)s", "date +%Y", "x %", "%(program_name)d", "%(process_num)", "%(a(b)c)s", "%(process_num)y", "%d", "%(ENV_NOSUCH)s x",
                "%*d", "%(process_num)*d", "%(process_num)%", "%5%"]
PROCESS_NAMES = ["%(program_name)s_%(process_num)02d", "%(process_num)s", "x%(process_num)d", "%(group_name)s-%(process_num)03d"]
PLAIN_NAMES = ["%(program_name)s", "fixed", "%(program_name)s", "\u00e4", "%(ENV_NUMBER)s", ""]
BAD_NAMES = ["a b", "a:b", "a/b", "%(nosuch)s", "%(program_name)d"]
USERS = ["root", "0", "daemon", "1000", " 5", "1_0", "web user", "ro:ot"]
BAD_USERS = ["nosuchuser", "60001", "-1", "-2", "", "99999999999999999999"]
OWNERS = ["root", "root:root", "0:0", "web:www", "5"]
BAD_OWNERS = ["nosuch", "root:nosuch", "root:", ":root", "", "0:70000"]
URLS = ["AUTO", "auto", " Auto", "http://localhost:9001", "unix:///tmp/x", ""]
EVENTS = ["PROCESS_STATE", "tick_5,TICK_60", "EVENT", "Process_Log , remote_communication", "PROCESS_GROUP_ADDED,process_group_added"]
BAD_EVENTS = ["", "NOPE", "TICK_5,", "TICK_5;TICK_60", "TICK 5", "proce\u00dfes"]
SOCKETS = ["unix:///tmp/x.sock", "tcp://localhost:9002", "TCP"[:0] + "tcp://HOST.name:1", "unix:////x/../y", "unix://%(here)s/%(program_name)s.sock",
           "tcp://h:\u0661"]
BAD_SOCKETS = ["", "unix://x", "tcp://x", "tcp://:80", "tcp://x:0", "tcp://x:99999", "http://x:1", "tcp://a b:1", "tcp://x:1:2", "tcp://x:80x", "%(nosuch)s"]
ADDRESSES = ["9001", ":9001", "*:9001", "127.0.0.1:9001", "LocalHost:80", "[::1]:9001", " 9001", "a:b:1", "*:1_0", "::1"]
BAD_ADDRESSES = ["", ":", "x", "x:y", "0", "65536", "h:0", "9001x", "-1", "h:"]
LEVELS = ["info", "DEBUG", "Warn", "blather", "critical", "error", "trace"]
BAD_LEVELS = ["warning", "", "20", "none"]
DIRECTORIES = ["/", "/tmp", "~", "%(here)s", ".", "", "~user", "/a b"]
BAD_DIRECTORIES = ["/nosuch", "%(nosuch)s"]

PROCESS_OPTIONS = {
    "priority": (INTEGERS, BAD_INTEGERS), "autostart": (BOOLEANS, BAD_BOOLEANS), "autorestart": (AUTORESTARTS, ["", "never", "expected"]),
    "startsecs": (INTEGERS, BAD_INTEGERS), "startretries": (INTEGERS, BAD_INTEGERS), "stopsignal": (SIGNALS, BAD_SIGNALS),
    "stopwaitsecs": (INTEGERS, BAD_INTEGERS), "stopasgroup": (BOOLEANS[1:2] + BOOLEANS, BAD_BOOLEANS), "killasgroup": (BOOLEANS, BAD_BOOLEANS),
    "exitcodes": (EXITCODES, BAD_EXITCODES), "redirect_stderr": (BOOLEANS, BAD_BOOLEANS), "numprocs_start": (INTEGERS, BAD_INTEGERS),
    "stdout_capture_maxbytes": (SIZES, BAD_SIZES), "stderr_capture_maxbytes": (SIZES, BAD_SIZES),
    "stdout_events_enabled": (BOOLEANS, BAD_BOOLEANS), "stderr_events_enabled": (BOOLEANS, BAD_BOOLEANS),
    "serverurl": (URLS, ["%(nosuch)s"]), "user": (USERS, BAD_USERS), "umask": (OCTALS, BAD_OCTALS),
    "environment": (ENVIRONMENTS, BAD_ENVIRONMENTS), "directory": (DIRECTORIES + ["/nosuch"], ["%(nosuch)s", "%"]),
    "stdout_logfile": (LOGFILES, BAD_PATHS), "stderr_logfile": (LOGFILES, BAD_PATHS),
    "stdout_logfile_maxbytes": (SIZES, BAD_SIZES), "stderr_logfile_maxbytes": (SIZES, BAD_SIZES),
    "stdout_logfile_backups": (INTEGERS, BAD_INTEGERS), "stderr_logfile_backups": (INTEGERS, BAD_INTEGERS),
    "stdout_syslog": (BOOLEANS, BAD_BOOLEANS), "stderr_syslog": (BOOLEANS, BAD_BOOLEANS),
    "autorestrt": (["x"], ["%(nosuch)s"]), "systemd.memorymax": (["1G"], ["%(nosuch)s"]),
}
DAEMON_OPTIONS = {
    "logfile": (["x.log", "/var/log/x", "syslog", "%(here)s/l", "~/l"], BAD_PATHS), "logfile_maxbytes": (SIZES, BAD_SIZES),
    "logfile_backups": (INTEGERS, BAD_INTEGERS), "loglevel": (LEVELS, BAD_LEVELS), "pidfile": (["/run/x.pid", "x", "%(ENV_HOME)s/p"], BAD_PATHS),
    "umask": (OCTALS, BAD_OCTALS), "nodaemon": (BOOLEANS, BAD_BOOLEANS), "silent": (BOOLEANS, BAD_BOOLEANS), "minfds": (INTEGERS, BAD_INTEGERS),
    "minprocs": (INTEGERS, BAD_INTEGERS), "nocleanup": (BOOLEANS, BAD_BOOLEANS), "strip_ansi": (BOOLEANS, BAD_BOOLEANS),
    "childlogdir": (DIRECTORIES, BAD_DIRECTORIES), "directory": (DIRECTORIES, BAD_DIRECTORIES), "user": (USERS + BAD_USERS, ["%(nosuch)s"]),
    "identifier": (["supervisor", "a b", "\u00fc", "x:y", ""], ["%(nosuch)s", "%(program_name)s"]),
    "environment": ([text for text in ENVIRONMENTS if "process_num" not in text], BAD_ENVIRONMENTS + ["A=%(host_node_name)s"]),
    "unknown_option": (["x"], ["%(nosuch)s"]),
}
NAMES = ["a", "b", "web", "worker", "x1", "\u00fcx", "A", " pad ", "w-1", "c.d"]
BAD_SECTION_NAMES = ["a b", "x:y", "a/b", "a:b c"]

# What noise is made of: pieces that mean something to the reader in question, so that a random row of them nearly means something.
FORMAT_PIECES = ["%", "%", "%(process_num)", "%(program_name)", "%(numprocs)", "%(ENV_QUOTED)", "s", "d", "x", "X", "o", "i", "u", "e", "f", "g", "G", "E",
                 "F", "c", "r", "a", "#", "0", "-", "+", " ", "5", "12", ".", "*", "h", "l", "L", "(", ")", "%%", "q", "\u00e9", "$", "3"]
ENVIRONMENT_PIECES = ["A", "B1", "=", "=", ",", ",", '"', "'", "#", " ", "\n ", "\t", "/x", "\u00e9", "$", ";", "\\", ":", "-", "(", "@", "%%", "x"]
SYNTAX_PIECES = ["a", "b", "=", ":", " ", "  ", "\t", "\n", "\n", "\n", ";", "#", " ;", " #", "[", "]", "[x]", "[DEFAULT]", "\u00a0", "\u3000", "\x0b", "\x0c",
                 "\x1c", "\r", "\r\n", "\u0130", "\u00df", "c=d", "  e", "\x85", "\u2028", "A=1", "%"]
NUMBER_PIECES = ["1", "0", "7", "9", "_", "+", "-", " ", "\u0663", "\u00a0", "o", "O", "x", "8", "\uff11", "kb", "MB", "gB", ",", ".", "12345678901", "\u00b2"]
LOCATION_PIECES = ["tcp://", "unix://", "/", "x", "H", ":", "80", "1", "*", ".", "..", "~", "user", " ", "[::1]", "@", "\u0661", "70000", "nosuch"]

NOISE = {
    "command": FORMAT_PIECES, "stdout_logfile": FORMAT_PIECES, "environment": ENVIRONMENT_PIECES, "process_name": FORMAT_PIECES,
    "priority": NUMBER_PIECES, "umask": NUMBER_PIECES, "stdout_logfile_maxbytes": NUMBER_PIECES, "exitcodes": NUMBER_PIECES,
    "stopsignal": NUMBER_PIECES + ["SIG", "TERM", "int"], "user": NUMBER_PIECES + ["root"], "directory": LOCATION_PIECES,
    "socket": LOCATION_PIECES, "port": LOCATION_PIECES, "file": LOCATION_PIECES, "chown": LOCATION_PIECES, "stderr_logfile": LOCATION_PIECES,
}


class Generator:
    """One configuration. Wrong values are rare, so that many files are read to the end."""

    def __init__(self, rng):
        self.rng = rng
        self.wrongness = rng.choice([0, 0, 0.004, 0.02])
        self.oddity = rng.choice([0.02, 0.1, 0.3])
        self.programs = []

    def chance(self, probability):
        return self.rng.random() < probability

    def value(self, good, bad):
        return self.rng.choice(bad if self.chance(self.wrongness) else good)

    # ---- how it is written ----

    def case(self, name):
        return self.rng.choice([name.upper(), name.title(), name]) if self.chance(self.oddity) else name

    def option(self, name, text):
        odd = self.oddity
        indent = self.rng.choice(["", " ", "\t", "\u00a0"]) if self.chance(odd * 0.2) else ""
        delimiter = self.rng.choice(["=", ":", " = ", "= ", "  :  ", "\t=\t"]) if self.chance(odd) else "="
        comment = self.rng.choice([" ; comment", "\t# x", " ;;", " ;a #b", ""]) if self.chance(odd) else ""
        continued = text.replace("\n", f"{comment}\n    ", 1) if "\n" in text else text
        if " " in continued and "=" not in continued and self.chance(odd * 0.5):
            continued = continued.replace(" ", "\n" + self.rng.choice(["  ", "\t", "   "]), 1)
        blank = self.rng.choice(["\n", "\n\n", "; c\n", "  # c\n", "   \n", "#\n"]) if self.chance(odd) else ""
        return f"{indent}{self.case(name)}{delimiter}{continued}{comment}\n{blank}"

    def header(self, name):
        tail = self.rng.choice([" ; comment", "  ", " text behind", "]"[:0], " # x"]) if self.chance(self.oddity) else ""
        return f"[{name}]{tail}\n"

    def options(self, table, least, most):
        names = self.rng.sample(sorted(table), min(len(table), self.rng.randint(least, most)))
        if self.chance(self.oddity) and names:
            names.append(self.rng.choice(names))
        return "".join(self.option(name, self.value(*table[name])) for name in names)

    # ---- sections ----

    def section_name(self):
        return self.value(NAMES, BAD_SECTION_NAMES)

    def daemon(self):
        return self.header("supervisord") + self.options(DAEMON_OPTIONS, 0, 8)

    def process_body(self):
        lines = [self.options(PROCESS_OPTIONS, 0, 10)]
        numprocs = self.rng.choice([None, None, "1", "2", "3", "0", "-1", "12"])
        if numprocs:
            lines.append(self.option("numprocs", numprocs))
        if numprocs in ("2", "3", "12") and not self.chance(self.wrongness):
            lines.append(self.option("process_name", self.value(PROCESS_NAMES, BAD_NAMES)))
        elif self.chance(0.3):
            lines.append(self.option("process_name", self.value(PLAIN_NAMES + PROCESS_NAMES, BAD_NAMES)))
        if not self.chance(self.wrongness):
            lines.append(self.option("command", self.value(COMMANDS, BAD_COMMANDS)))
        if "%(ENV_A)s" in "".join(lines):
            lines.append("environment=A=here\n")
        # Without this most files would end at "Cannot set stopasgroup=true and killasgroup=false".
        if not self.chance(0.05):
            lines.append("killasgroup=true\n")
        self.rng.shuffle(lines)
        return "".join(lines)

    def program(self):
        name = self.section_name()
        self.programs.append(name)
        return self.header(f"program:{name}") + self.process_body()

    def fcgi(self):
        name = "f" + self.section_name()
        if self.chance(0.5):
            self.programs.append(name)
        unix = self.chance(0.6)
        body = self.option("socket", self.value([text for text in SOCKETS if text.startswith("unix") == unix], BAD_SOCKETS))
        if self.chance(0.4):
            body += self.option("socket_backlog", self.value(["1", "128", "65535"], ["0", "65536", "x", ""]))
        if unix or self.chance(self.wrongness):
            body += self.option("socket_owner", self.value(OWNERS, BAD_OWNERS)) if self.chance(0.5) else ""
            body += self.option("socket_mode", self.value(OCTALS, BAD_OCTALS)) if self.chance(0.5) else ""
        return self.header(f"fcgi-program:{name}") + body + self.process_body()

    def listener(self):
        body = self.option("events", self.value(EVENTS, BAD_EVENTS))
        if self.chance(0.4):
            body += self.option("buffer_size", self.value(["1", "10", "1_0"], ["0", "-1", "x", ""]))
        if self.chance(0.2):
            body += self.option("result_handler", self.value(["supervisor.dispatchers:default_handler"], ["nosuch.handler:x"]))
        text = self.process_body()
        # Another line of the same option would be a listener that redirects.
        return self.header(f"eventlistener:l{self.section_name()}") + body + text + "redirect_stderr=false\n"

    def group(self):
        members = self.rng.sample(self.programs, self.rng.randint(0, len(self.programs)))
        members = [name for name in members if name.strip() == name]
        if self.chance(self.wrongness):
            members.append("stranger")
        body = self.option("programs", self.rng.choice([",", ", "]).join(members)) if members or self.chance(0.5) else ""
        if self.chance(0.5):
            body += self.option("priority", self.value(INTEGERS, BAD_INTEGERS))
        return self.header(f"group:g{self.section_name()}") + body

    def credentials(self):
        if self.chance(self.wrongness):
            return self.option("username", "half")
        if self.chance(0.4):
            return self.option("username", "user") + self.option("password", self.rng.choice(["thepass", "{SHA}82ab", "", "a#b", "100%%"]))
        return ""

    def inet(self):
        name = self.rng.choice(["", "", ":second", ":x y", "x"])
        return self.header(f"inet_http_server{name}") + self.option("port", self.value(ADDRESSES, BAD_ADDRESSES)) + self.credentials()

    def unix(self):
        body = self.option("file", self.value(["/tmp/s.sock", "%(here)s/s", "~/s", "s.sock", " /x ", "/a/../b//c", ""], ["%(nosuch)s", "%(ENV_NOSUCH)s"]))
        body += self.option("chmod", self.value(OCTALS, BAD_OCTALS)) if self.chance(0.4) else ""
        body += self.option("chown", self.value(OWNERS, BAD_OWNERS)) if self.chance(0.4) else ""
        return self.header("unix_http_server" + self.rng.choice(["", ":b", ""])) + body + self.credentials()

    def plugin(self):
        factory = self.value(["supervisor.rpcinterface:make_main_rpcinterface", "my.module : make"], ["%(nosuch)s"])
        return self.header("rpcinterface:" + self.rng.choice(["supervisor", "other"])) + \
            self.option("supervisor.rpcinterface_factory", factory) + (self.option("extra", "%(ENV_HOME)s") if self.chance(0.3) else "")

    def defaults(self):
        return self.header("DEFAULT") + self.options({name: PROCESS_OPTIONS[name] for name in
                                                      ("startsecs", "stopsignal", "stdout_logfile", "autorestart", "user")}, 0, 3)

    def rubbish(self):
        return self.rng.choice(["no delimiter\n", "=value\n", "[]\n", "[unclosed\n", "%(x)s\n"])

    # ---- noise ----

    def noise(self, pieces):
        return "".join(self.rng.choice(pieces) for _ in range(self.rng.randint(1, 12)))

    def noisy_option(self):
        """One option that nearly means something, where nothing else can go wrong."""
        name = self.rng.choice(sorted(NOISE))
        line = f"{name}={self.noise(NOISE[name])}\n"
        if name == "port":
            return "[supervisord]\n[inet_http_server]\n" + line
        if name in ("file", "chown"):
            return f"[supervisord]\n[unix_http_server]\nfile=/x\n{line}"
        if name == "socket":
            return f"[supervisord]\n[fcgi-program:x]\ncommand=x\n{line}"
        if name == "command":
            # Without a default of its own the last line counts.
            return f"[supervisord]\n[program:x]\nprocess_name=%(process_num)s\nnumprocs=2\n{line}"
        return f"[supervisord]\n[program:x]\ncommand=x\n{line}"

    def noisy_syntax(self):
        """Lines that nearly are sections and options. The values end up in commands, where one can see them."""
        body = self.noise(SYNTAX_PIECES * 2 + ["command=", "command:", "\n[program:y]\ncommand=1"]) + self.noise(SYNTAX_PIECES)
        return f"[supervisord]\n[program:x]\ncommand=x\n{body}\n"

    # ---- the whole ----

    def sections(self, makers):
        text = "".join(self.rng.choice(makers)() for _ in range(self.rng.randint(0, 5)))
        return text + (self.rubbish() if self.chance(self.wrongness) else "")

    def include(self, directory):
        pieces = []
        for index in range(self.rng.randint(1, 3)):
            name = self.rng.choice(["a", "b", "sub/c", "sub/d"]) + f"{index}.conf"
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(self.finish(self.sections([self.program, self.program, self.inet, self.daemon])))
            pieces.append(self.rng.choice([name, name[:-6] + "*.conf", "*/[!a]*.conf", "sub/*", "%(here)s/" + name, "./" + name, "nosuch*"]))
        return self.header("include") + self.option("files", " ".join(pieces))

    def finish(self, text):
        if self.chance(self.oddity * 0.3):
            text = text.replace("\n", self.rng.choice(["\r\n", "\r"]))
        return text.rstrip("\n").encode() if self.chance(0.1) else text.encode()

    def write(self, directory):
        """Writes the files and returns the path of the main one."""
        directory.mkdir()
        if self.chance(0.3):
            path = directory / "noise.conf"
            path.write_bytes(self.rng.choice([self.noisy_option, self.noisy_syntax])().encode())
            return path
        return self.write_sections(directory)

    def write_sections(self, directory):
        makers = [self.program] * 4 + [self.fcgi, self.listener, self.inet, self.unix, self.plugin]
        parts = [self.sections(makers)]
        if not self.chance(self.wrongness):
            parts.append(self.daemon())
        if self.chance(0.3):
            parts.append(self.defaults())
        if self.chance(0.3):
            parts.append(self.include(directory))
        self.rng.shuffle(parts)
        parts.append(self.group() if self.programs and self.chance(0.5) else "")
        path = directory / "main.conf"
        path.write_bytes(self.finish("".join(parts)))
        return path
