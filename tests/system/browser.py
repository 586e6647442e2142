"""A real browser, driven over the DevTools protocol: chromium without a window, on a pair of pipes."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from waiting import PATIENCE, wait_until

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")


def find_program():
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    raise AssertionError("no chromium here: ./check --deps installs chromium-headless-shell")


class Browser:
    """`with Browser() as browser: page = browser.page(url)`."""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="browser-")
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        arguments = [find_program(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--no-first-run", "--disable-background-networking", "--disable-component-update",
                     "--disable-extensions", "--mute-audio", "--hide-scrollbars", "--force-color-profile=srgb",
                     f"--user-data-dir={self.profile}", "--remote-debugging-pipe", "about:blank"]
        # The browser reads commands from descriptor 3 and writes answers to 4.
        shell = ["/bin/sh", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "sh", *arguments]
        self.process = subprocess.Popen(shell, pass_fds=(commands, answers), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "HOME": self.profile})
        os.close(commands)
        os.close(answers)
        self.buffer = b""
        self.number = 0
        self.events = []
        self.send("Browser.getVersion")
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
        shutil.rmtree(self.profile, ignore_errors=True)

    def read_message(self, deadline):
        while b"\0" not in self.buffer:
            if not select.select([self.answers], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            piece = os.read(self.answers, 1 << 20)
            if not piece:
                raise AssertionError("the browser has ended")
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def send(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.read_message(deadline)
            if answer is None:
                raise AssertionError(f"the browser does not answer {method}")
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def page(self, **options):
        return Page(self, **options)


class Page:
    """One tab with cookies and credentials of its own."""

    def __init__(self, browser, scripts=True, width=1280, height=800, dark=False, headers=None):
        self.browser = browser
        context = browser.send("Target.createBrowserContext")["browserContextId"]
        target = browser.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self.session = browser.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(domain + ".enable")
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.resize(width, height)
        self.send("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        if headers:
            self.send("Network.setExtraHTTPHeaders", headers=headers)

    def send(self, method, **parameters):
        return self.browser.send(method, session=self.session, **parameters)

    def resize(self, width, height):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)

    def open(self, url):
        answer = self.send("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        self.wait_loaded()

    def wait_loaded(self):
        wait_until(lambda: self.value("document.readyState") == "complete", "the page to be there")

    def value(self, expression):
        """What a JavaScript expression is: works where the page's own scripts may not run, too."""
        # In the middle of a change of pages there may be nothing to ask.
        try:
            answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        except AssertionError as error:
            if "navigated or closed" in str(error):
                return None
            raise
        if "exceptionDetails" in answer:
            return None
        return answer["result"].get("value")

    def wait(self, expression, what):
        return wait_until(lambda: self.value(expression), what)

    def click(self, selector):
        """As a hand would: in the middle of what is visible, wherever that leads. Live figures may move it between the look and the
        touch: whoever has missed tries again, and lets go where it is by then."""
        wait_until(lambda: self.touch(selector), f"{selector} to be there")

    def touch(self, selector):
        box = self.place_of(selector)
        if not box:
            return False
        self.mouse("mousePressed", box)
        is_hit = self.value(f"document.querySelector({json.dumps(selector + ':active')}) !== null")
        place = self.place_of(selector) if is_hit else None
        self.mouse("mouseReleased", place or {"x": 0, "y": 0})
        return place is not None

    def mouse(self, kind, place):
        self.send("Input.dispatchMouseEvent", type=kind, x=place["x"], y=place["y"], button="left", clickCount=1)

    def place_of(self, selector):
        return self.value(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            if (!element) return null;
            element.scrollIntoView({{block: "center"}});
            const box = element.getBoundingClientRect();
            const x = box.x + box.width / 2, y = box.y + box.height / 2;
            return element.contains(document.elementFromPoint(x, y)) ? {{x, y}} : null;
        }})()""")

    def text(self, selector):
        return self.value(f"document.querySelector({json.dumps(selector)})?.textContent")

    def type(self, selector, text):
        self.value(f"document.querySelector({json.dumps(selector)}).focus()")
        self.send("Input.insertText", text=text)

    def screenshot(self, path, whole=False):
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def complaints(self):
        """Whatever the browser found wrong: violations of the policy, errors of scripts, failed requests."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(event["params"]["exceptionDetails"]))
        return found

    def requested(self):
        return [event["params"]["request"]["url"] for event in self.browser.events
                if event.get("sessionId") == self.session and event["method"] == "Network.requestWillBeSent"]
