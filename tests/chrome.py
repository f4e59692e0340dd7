"""Headless Chromium over its debugging pipe: no driver, no other package."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_chrome() -> str | None:
    """The browser's program, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One tab: open a file, run JavaScript in it, press keys, take pictures."""

    def __init__(self, sender, receiver, *, pid: int) -> None:
        self.sender, self.receiver, self.pid = sender, receiver, pid
        self.n_sent, self.buffer, self.session = 0, b"", None
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, *, timeout_s=120, **params):
        """The result of one command of the DevTools protocol."""
        self.n_sent += 1
        message = {"id": self.n_sent, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.sender, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + timeout_s
        while True:
            answer = self._receive(until)
            if answer.get("id") == self.n_sent:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _receive(self, until):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select(
                [self.receiver], [], [], max(0, until - time.monotonic())
            )
            if not ready:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.receiver, 1 << 20)
            if not piece:
                raise RuntimeError("the browser is gone")
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\0")
        message = json.loads(line)
        self._note(message)
        return message

    def _note(self, message) -> None:
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"])[:500])
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        elif message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def open(self, path: Path, *, fragment: str = "") -> float:
        """Open a page; seconds until its first rows are drawn."""
        started = time.monotonic()
        self.call("Page.navigate", url=path.resolve().as_uri() + fragment)
        while not self.run("document.documentElement?.dataset.openMs"):
            time.sleep(0.02)
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        return time.monotonic() - started

    def visit(self, address: str, *, until: str) -> None:
        """Open an address of a server; wait until an expression is true."""
        self.call("Page.navigate", url=address)
        self.wait(until)

    def wait(self, code: str, *, at_most_s: float = 120):
        """The value of an expression once it is true; what it reads may not be there yet."""
        until = time.monotonic() + at_most_s
        while time.monotonic() < until:
            with contextlib.suppress(RuntimeError):  # the page is being loaded
                if value := self.run(code):
                    return value
            time.sleep(0.05)
        raise TimeoutError(f"after {at_most_s:g} s it is not true on the page: {code}")

    def run(self, code):
        """The value of an expression, a promise's once it is kept."""
        answer = self.call(
            "Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def processor_s(self) -> float:
        """Processor time that the processes of the browser's pages have taken, in seconds."""
        times, parents, pages = {}, {}, set()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has just ended
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                parents[process.name] = fields[1]
                times[process.name] = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
                if b"--type=renderer" in (process / "cmdline").read_bytes():
                    pages.add(process.name)

        def is_ours(pid: str | None) -> bool:
            return pid is not None and (pid == str(self.pid) or is_ours(parents.get(pid)))

        return sum(times[pid] for pid in pages if is_ours(pid))

    def size(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """The window's size and the wanted colours."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=phone,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, key: str, *, text: str = "") -> None:
        """Press and release one key."""
        common = {"key": key, "code": key}
        codes = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "End": 35, "Tab": 9}
        if key in codes:
            common["windowsVirtualKeyCode"] = codes[key]
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Put text where the cursor is."""
        self.call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """What is on the screen, as PNG."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


N_STARTS = 3
"""A browser of a busy machine that dies or hangs before its first page is no fault of ours."""

# The protocol is spoken on descriptors 3 (in) and 4 (out). They are moved there by a program
# of its own: Python code between fork and exec may hang where other threads run.
_MOVE = (
    "import os, sys; from fcntl import F_DUPFD, fcntl;"
    " one, other = (fcntl(int(fd), F_DUPFD, 5) for fd in sys.argv[1:3]);"
    " os.dup2(one, 3); os.dup2(other, 4); os.execv(sys.argv[3], sys.argv[3:])"
)


@contextlib.contextmanager
def chrome(folder: Path):
    """A browser with a profile of its own in `folder`; yields its page."""
    with contextlib.ExitStack() as started:
        for n_left in reversed(range(N_STARTS)):
            try:
                page = started.enter_context(_started(folder / f"profile-{n_left}"))
                break
            except (OSError, RuntimeError):  # it hangs, or is gone
                if not n_left:
                    raise
        yield page


@contextlib.contextmanager
def _started(profile: Path):
    to_child, sender = os.pipe()
    receiver, from_child = os.pipe()
    command = [
        find_chrome(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-extensions", "--disable-background-networking", "--disable-dev-shm-usage",
        f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank",
    ]  # fmt: skip

    browser = subprocess.Popen(
        [sys.executable, "-S", "-c", _MOVE, str(to_child), str(from_child), *command],
        pass_fds=(to_child, from_child), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_child)
    os.close(from_child)
    try:
        yield Page(sender, receiver, pid=browser.pid)
    finally:
        browser.terminate()
        try:
            browser.wait(timeout=10)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()
        os.close(sender)
        os.close(receiver)
