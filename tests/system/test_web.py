"""The web page in a real browser, with and without scripts; the oracle's links beside the oracle; requests of other sites."""

import base64
import http.client
import http.server
import json
import re
import threading
import unittest

import report
from browser import Browser
from daemon import ORACLE, OURS, Daemon
from together import together
from waiting import wait_until

PASSWORD = base64.b64encode(b"user:pass").decode()
CONFIGURATION = """
[inet_http_server]
port=127.0.0.1:{port}
{credentials}

[program:sleeper]
command=/bin/sleep 1000
startsecs=0

[program:off]
command=/bin/sleep 1000
autostart=false
startsecs=0

[program:slow]
command=/bin/sleep 1000
autostart=false
startsecs=1

[program:fails]
command=/bin/false
autostart=false
startretries=0

[program:absent]
command=/no/such/program
autostart=false

[program:talker]
command=/bin/sh -c 'echo "<b>bold</b> & plain"; echo "complaint" >&2; exec sleep 1000'
stdout_logfile=%(here)s/talker.log
stderr_logfile=%(here)s/talker.err
startsecs=0

[program:<i>"&'%]
command=/bin/sleep 1000
autostart=false
startsecs=0

[program:pair]
command=/bin/sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=2
startsecs=0
"""
HOSTILE = """<i>"&'%"""
OPEN_PORT, CLOSED_PORT, VICTIM_PORT, FOREIGN_PORT = 9101, 9102, 9103, 9104
LINKS_PORTS = (9111, 9112)


def begin(role, name, port, credentials=""):
    daemon = Daemon(role, name)
    daemon.configure(CONFIGURATION.format(port=port, credentials=credentials))
    return daemon


class Site(http.server.BaseHTTPRequestHandler):
    """Somebody else's page, which stops programs if it can: those of the daemon at the port that is its path."""

    def do_GET(self):
        target = f"http://127.0.0.1:{self.path.strip('/')}"
        body = f"""<!doctype html><meta name="referrer" content="no-referrer"><title>evil</title>
            <img src="{target}/?action=stopall"><img src="{target}/index.html?processname=sleeper&action=stop">
            <iframe name="hole"></iframe>
            <form id="form" method="post" action="{target}/" target="hole"><input name="stopall" value="1"></form>
            <form id="text" method="post" action="{target}/RPC2" target="hole" enctype="text/plain"><input
                name="&lt;methodCall>&lt;methodName>supervisor.stopAllProcesses&lt;/methodName>&lt;x y" value='"/>&lt;/methodCall>'>
                </form>
            <script>
            form.submit(); text.submit();
            const done = [];
            for (const [path, body] of [["/", "stopall=1"], ["/RPC2", "<methodCall><methodName>supervisor.stopAllProcesses" +
                                        "</methodName></methodCall>"]])
                done.push(fetch("{target}" + path, {{method: "POST", mode: "no-cors", credentials: "include", body}})
                          .catch(() => 0));
            Promise.all(done).then(() => fetch("{target}/?action=stopall", {{mode: "no-cors"}})).catch(() => 0)
                .then(() => document.title = "tried");
            </script>""".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.open = begin(OURS, "web-open", OPEN_PORT)
        cls.closed = begin(OURS, "web-closed", CLOSED_PORT, "username=user\npassword=pass")
        for daemon in (cls.open, cls.closed):
            cls.addClassCleanup(daemon.stop)
        together(cls.open.start, cls.closed.start)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.__exit__)
        cls.browser.__enter__()

    def settle(self, daemon):
        """As it was at the beginning."""
        for name in ("sleeper", "talker", "pair:pair_0", "pair:pair_1"):
            if daemon.state(name) not in ("STARTING", "RUNNING"):
                daemon.rpc.supervisor.startProcess(name)
            daemon.wait_state(name, "RUNNING")
        for name in ("off", "slow"):
            if daemon.state(name) in ("STARTING", "RUNNING"):
                daemon.rpc.supervisor.stopProcess(name)

    def page(self, daemon, path="/", **options):
        port = OPEN_PORT if daemon is self.open else CLOSED_PORT
        headers = {} if daemon is self.open else {"Authorization": f"Basic {PASSWORD}"}
        page = self.browser.page(headers=headers, **options)
        page.open(f"http://127.0.0.1:{port}{path}")
        return page

    def press(self, page, button, value, message):
        selector = f"button[name='{button}'][value={json.dumps(value)}]:not([hidden])"
        told = f"document.getElementById('message')?.textContent.startsWith({json.dumps(message)})"
        # The page's scripts mark what is under way. Where nothing is, the click came to nothing, as some do just when figures come: once
        # more, and not for ever.
        ignored = f"""document.documentElement.classList.contains('scripted') && !document.querySelector('.busy, button:disabled')
            && document.getElementById('message').textContent === {json.dumps(page.text("#message"))}
            && document.querySelector({json.dumps(selector)}) !== null"""
        try:
            for _ in range(3):
                page.click(selector)
                if page.wait(f"({told}) ? 'told' : ({ignored}) ? 'ignored' : ''", message) == "told":
                    return
            page.wait(told, message)
        except AssertionError as problem:
            raise AssertionError(f"{problem}; the page says {page.text('#message')!r}, {page.text('tbody')!r}") from problem

    def walk(self, daemon, scripts):
        """Everything that the page can do, with the mouse."""
        self.settle(daemon)
        page = self.page(daemon, scripts=scripts)
        self.assertIn("pid ", page.text("tr[data-name=sleeper] .description"))
        self.assertRegex(page.text("tr[data-name=sleeper] .memory"), r"^\d+(\.\d)? [KM]iB$")
        self.press(page, "start", "off", "Process off started")
        daemon.wait_state("off", "RUNNING")
        page.wait("document.querySelector('tr[data-name=off]').classList.contains('running')", "off to be shown running")
        before = daemon.pid("sleeper")
        self.press(page, "restart", "sleeper", "Process sleeper restarted")
        self.assertNotEqual(daemon.pid("sleeper"), before)
        self.press(page, "stop", "off", "Process off stopped")
        self.assertEqual(daemon.state("off"), "STOPPED")
        self.press(page, "start", "slow", "Process slow started")
        self.press(page, "start", "fails", "ERROR: Process fails: spawn error")
        self.press(page, "start", "absent", "ERROR: Process absent: no such file")
        self.assertTrue(daemon.read("talker.log"))
        self.press(page, "clearlog", "talker", "Log for talker cleared")
        self.assertFalse(daemon.read("talker.log"))
        self.press(page, "stopgroup", "pair", "Group pair stopped")
        self.assertEqual([daemon.state(f"pair:pair_{number}") for number in (0, 1)], ["STOPPED", "STOPPED"])
        self.press(page, "startgroup", "pair", "Group pair started")
        self.assertEqual(daemon.state("pair:pair_1"), "RUNNING")
        self.press(page, "start", HOSTILE, f"Process {HOSTILE} started")
        self.assertEqual(daemon.state(HOSTILE), "RUNNING")
        self.press(page, "stop", HOSTILE, f"Process {HOSTILE} stopped")
        self.assertIsNone(page.value("document.querySelector('td i, th i, p i')"))
        return page

    def check_clean(self, page):
        """Nothing that the policy forbids was tried, and nobody else was asked."""
        self.assertEqual(page.complaints(), [])
        own = re.compile(rf"http://127\.0\.0\.1:({OPEN_PORT}|{CLOSED_PORT})/")
        asked = [url for url in page.requested() if url != "about:blank"]
        self.assertTrue(asked)
        self.assertEqual([url for url in asked if not own.match(url)], [])

    def test_with_scripts(self):
        page = self.walk(self.open, scripts=True)
        self.check_clean(page)

    def test_without_scripts(self):
        page = self.walk(self.closed, scripts=False)
        self.check_clean(page)

    def test_stop_all_asks_with_scripts(self):
        self.settle(self.open)
        page = self.page(self.open)
        page.wait("document.documentElement.classList.contains('scripted')", "the script")
        page.click("button[name=stopall]")
        page.wait("document.getElementById('ask').open", "a question")
        page.click("#ask button[value=no]")
        page.wait("!document.getElementById('ask').open", "the answer to be taken")
        self.assertEqual(self.open.state("sleeper"), "RUNNING")
        page.click("button[name=stopall]")
        page.click("#sure")
        page.wait("document.getElementById('message').textContent.startsWith('All stopped at ')", "the end of all")
        self.assertEqual(self.open.state("sleeper"), "STOPPED")
        page.wait("!document.querySelector('tr.process.running')", "nothing to be shown running")

    def test_what_others_do_shows_by_itself(self):
        self.settle(self.open)
        page = self.page(self.open)
        page.wait("document.getElementById('live').textContent == 'Live'", "the page to be live")
        self.open.rpc.supervisor.stopProcess("sleeper")
        page.wait("document.querySelector('tr[data-name=sleeper]').classList.contains('stopped')", "the stop to show")
        self.assertIsNone(page.value("document.querySelector('tr[data-name=sleeper] [name=start]').hidden || null"))

    def test_searching(self):
        for scripts in (True, False):
            with self.subTest(scripts=scripts):
                page = self.page(self.closed, scripts=scripts)
                page.type("#q", "PAIR_1")
                if not scripts:
                    page.click(".search button")
                shown = "[...document.querySelectorAll('tr.process')].filter(row => row.offsetParent).map(row => row.dataset.name)"
                page.wait(f"JSON.stringify({shown}) == '[\"pair:pair_1\"]'", "one row to be left")

    def test_tail_and_follow(self):
        self.settle(self.open)
        self.open.rpc.supervisor.stopProcess("talker")
        self.open.rpc.supervisor.startProcess("talker")
        wait_until(lambda: "plain" in self.open.read("talker.log"), "the talker to speak")
        page = self.page(self.open, scripts=False)
        page.click("a[aria-label='Tail talker']")
        page.wait("location.pathname == '/tail.html'", "the tail page")
        page.wait("document.getElementById('log').textContent.includes('<b>bold</b> & plain')", "the log")
        self.assertIsNone(page.value("document.querySelector('#log b')"))
        page.click("nav a[href*=stderr]")
        page.wait("document.getElementById('log')?.textContent.includes('complaint')", "the other log")
        followed = self.page(self.open, "/tail.html?processname=talker")
        followed.click("#follow")
        followed.wait("document.getElementById('follow').textContent == 'Following'", "the page to follow")
        with open(self.open.path("talker.log"), "a", encoding="utf-8") as log:
            log.write("one line more\n")
        followed.wait("document.getElementById('log').textContent.includes('one line more')", "the new line")
        self.check_clean(followed)

    def test_it_fits_every_screen(self):
        for width in (320, 390, 800, 1100, 1600):
            for path in ("/", "/tail.html?processname=talker", "/?processname=sleeper&action=stop"):
                with self.subTest(width=width, path=path):
                    page = self.page(self.open, path, width=width)
                    edge = page.value("Math.max(...[...document.querySelectorAll('body *')]"
                                      ".map(element => element.getBoundingClientRect().right))")
                    self.assertLessEqual(edge, width)
                    self.assertGreater(edge, width / 2)

    def test_a_bookmark_asks_first(self):
        self.settle(self.open)
        page = self.page(self.open, "/index.html?processname=sleeper&action=stop", scripts=False)
        self.assertEqual(self.open.state("sleeper"), "RUNNING")
        page.click("button[name=stop]")
        page.wait("document.getElementById('message')?.textContent == 'Process sleeper stopped'", "the stop")

    def test_another_site_can_do_nothing(self):
        self.settle(self.open)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", FOREIGN_PORT), Site)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        # The oracle does what it is told: the attempts are real ones.
        victim = begin(ORACLE, "web-victim", VICTIM_PORT)
        self.addCleanup(victim.stop)
        victim.start()
        # `localhost` and 127.0.0.1 are different sites.
        for port, expected in ((VICTIM_PORT, "STOPPED"), (OPEN_PORT, "RUNNING")):
            page = self.browser.page()
            page.open(f"http://localhost:{FOREIGN_PORT}/{port}")
            page.wait("document.title == 'tried'", "the other site to have tried")
            daemon = self.open if port == OPEN_PORT else victim
            states = {process["name"]: process["statename"] for process in daemon.rpc.supervisor.getAllProcessInfo()}
            self.assertEqual({states[name] for name in ("sleeper", "talker", "pair_0", "pair_1")}, {expected})

    def test_a_name_of_somebody_else(self):
        """What a page could do whose name has been made to point here."""
        self.settle(self.open)
        browser = {"Host": "evil.example", "Origin": "http://evil.example", "Accept-Language": "en"}
        status, headers, body = ask(OPEN_PORT, "GET", "/", browser)
        token = re.search(r'name="token" value="([0-9a-f]+)"', body)[1]
        for path in ("/", "/index.html"):
            self.assertEqual(ask(OPEN_PORT, "POST", path, browser, f"token={token}&stopall=1")[0], 403)
        self.assertEqual(self.open.state("sleeper"), "RUNNING")

    def test_every_path_wants_the_password(self):
        wrong = base64.b64encode(b"user:nope").decode()
        for path in ("/", "/index.html?processname=sleeper&action=stop", "/?action=stopall", "/tail.html?processname=talker",
                     "/status.json", "/style.css", "/status.js", "/ok.html", "/metrics", "/logtail/talker", "/mainlogtail"):
            for headers in ({}, {"Authorization": f"Basic {wrong}"}, {"Authorization": "Bearer x"}):
                self.assertEqual(ask(CLOSED_PORT, "GET", path, headers)[0], 401, path)
            self.assertIn(ask(CLOSED_PORT, "POST", path, {}, "stopall=1")[0], (400, 401), path)
        self.assertEqual(self.closed.state("sleeper"), "RUNNING")

    def test_metrics_can_be_switched_on(self):
        self.assertEqual(ask(OPEN_PORT, "GET", "/metrics")[0], 404)
        text = self.open.read("supervisord.conf")
        self.open.write("supervisord.conf", text.replace("[supervisord]\n", "[supervisord]\nmetrics=true\n"))
        self.open.rpc.supervisor.reloadConfig()
        status, headers, body = ask(OPEN_PORT, "GET", "/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        line = re.compile(r'[a-z_]+(\{[a-z]+="([^"\\\n]|\\.)*"(,[a-z]+="([^"\\\n]|\\.)*")*\})? -?[0-9.e+]+')
        for text in body.splitlines():
            self.assertTrue(text.startswith(("# HELP ", "# TYPE ")) or line.fullmatch(text), text)
        self.assertRegex(body, r'supersede_process_memory_bytes\{group="talker",process="talker"\} [1-9]\d+\n')
        self.assertRegex(body, r'supersede_process_cpu_seconds_total\{group="talker",process="talker"\} \d')
        self.assertRegex(body, r'supersede_process_log_bytes_total\{group="talker",process="talker",stream="stderr"\} [1-9]')


def ask(port, method, path, headers=None, body=None):
    """Status, headers, text. Nothing is followed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    if body is not None:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    text = b"" if path.startswith(("/logtail", "/mainlogtail")) else answer.read()
    connection.close()
    return answer.status, answer.headers, text.decode("utf-8", "replace")


class OldLinks(unittest.TestCase):
    """What a script has asked the oracle for so far, beside the oracle."""

    STEPS = (
        ("GET", "/?action=refresh"),
        ("GET", "/index.html?processname=off&action=start"),
        ("GET", "/index.html?processname=off&action=start"),
        ("GET", "index.html?processname=off&action=restart"),
        ("GET", "/index.html?processname=off:off&action=stop"),
        ("GET", "/index.html?processname=off&action=stop"),
        ("GET", "/index.html?processname=slow&action=start"),
        ("GET", "/index.html?processname=fails&action=start"),
        ("GET", "/index.html?processname=absent&action=start"),
        ("GET", "/index.html?processname=nobody&action=start"),
        ("GET", "/index.html?processname=pair%3A*&action=stop"),
        ("GET", "/index.html?processname=pair%3Apair_0&action=stop"),
        ("GET", "/index.html?processname=%3Cb%3E%20x&action=stop"),
        ("GET", "/?processname=talker&action=clearlog"),
        ("POST", "/index.html", "processname=slow&action=stop"),
        ("POST", "/?processname=nobody", "processname=sleeper&action=stop"),
        ("GET", "//index.html?processname=sleeper&action=start"),
        ("GET", "/?action=stopall"),
        ("GET", "/?action=restartall"),
        ("GET", "/ok.html"),
        ("GET", "/nothing.html"),
        ("GET", "/tail.html?processname=nobody"),
        ("GET", "/tail.html"),
    )

    # docs/differences.md: the oracle reports success.
    MEANT = {"/?action=restartall": "http://somewhere:9001/?message=ERROR%3A%20absent%3A%20NO_FILE"}

    @classmethod
    def setUpClass(cls):
        cls.daemons = [begin(ORACLE, "links-oracle", LINKS_PORTS[0], "username=user\npassword=pass"),
                       begin(OURS, "links-ours", LINKS_PORTS[1], "username=user\npassword=pass")]
        for daemon in cls.daemons:
            cls.addClassCleanup(daemon.stop)
        together(*(daemon.start for daemon in cls.daemons))

    def outcome(self, port, step):
        method, path, *body = step
        headers = {"Authorization": f"Basic {PASSWORD}", "Host": "somewhere:80" if "slow" in path else "somewhere:9001"}
        status, answer, text = ask(port, method, path if path.startswith("/") else "/" + path, headers, *body)
        location = re.sub(r"%20at%20.*", " at TIME", answer["Location"] or "")
        shown = ""
        if "tail.html" in path:
            shown = re.search(r"<pre[^>]*>\n?(.*?)</pre>", text, re.DOTALL)[1]
        return status, location, answer["Content-Type"] if status == 200 else "", shown

    def test_beside_the_oracle(self):
        for step in self.STEPS:
            with self.subTest(step=step):
                expected, found = together(lambda step=step: self.outcome(LINKS_PORTS[0], step),
                                           lambda step=step: self.outcome(LINKS_PORTS[1], step))
                if step[1] in self.MEANT:
                    self.assertEqual((found[0], expected[1]), (expected[0], "http://somewhere:9001/?message=All%20restarted at TIME"))
                    self.assertTrue(found[1].startswith(self.MEANT[step[1]]), found)
                else:
                    self.assertEqual(expected, found)
        names = [process["name"] for process in self.daemons[0].rpc.supervisor.getAllProcessInfo()]
        self.assertEqual(names, [process["name"] for process in self.daemons[1].rpc.supervisor.getAllProcessInfo()])


if __name__ == "__main__":
    report.main()
