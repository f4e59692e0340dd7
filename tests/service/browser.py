"""The page in a real browser, over a service in a thread."""

import base64
import contextlib
import json
import socket
import struct
import threading
import zlib
from pathlib import Path

import pytest
import uvicorn
from mutagen.flac import FLAC, Picture

from tagger.service.app import create_app
from tests.chrome import chrome, find_chrome
from tests.service.conftest import wait_for
from tests.tones import write_chords

AXE = Path(__file__).parent / "vendor" / "axe.min.js"

needs_chrome = pytest.mark.skipif(
    find_chrome() is None, reason="no chromium here: apt install chromium"
)


@contextlib.contextmanager
def serving(options, *, port: int = 0):
    """A service on a port, or a free one; yields its address."""
    app = create_app(options)
    with bound(port) as listening:
        config = uvicorn.Config(
            app, log_config=None, access_log=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_for(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            app.state.stopping.set()  # ends the streams of events
            server.should_exit = True
            thread.join()


def bound(port: int = 0) -> socket.socket:
    """A socket on a port, or a free one; until it listens, another such may have it, too."""
    one = socket.socket(proto=socket.IPPROTO_TCP)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", port))
    return one


class Tab:
    """A page of the service, and what is done on it."""

    def __init__(self, page, address: str) -> None:
        self.page, self.address = page, address
        self.run, self.wait, self.press = page.run, page.wait, page.press

    def open(self, fragment: str = "") -> None:
        """Load the page anew, with its first rows."""
        self.page.call("Page.navigate", url="about:blank")
        self.page.errors.clear()
        self.page.requests.clear()
        self.page.visit(
            self.address + fragment, until="document.documentElement?.dataset.ready"
        )

    def click(self, selector: str) -> None:
        """Click the first element that matches, once it is there, with a real pointer."""
        point = self.hold(selector)
        self.release(point)

    def hold(self, selector: str) -> dict:
        """Press the pointer on an element; where that is."""
        quoted = json.dumps(selector)
        self.wait(f"!!document.querySelector({quoted})")
        self.run(f"document.querySelector({quoted}).scrollIntoView({{block: 'nearest'}})")
        box = self.run(
            f"(({{left, top, width, height}}) => [left + width / 2, top + height / 2])"
            f"(document.querySelector({quoted}).getBoundingClientRect())"
        )
        point = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        self.page.call("Input.dispatchMouseEvent", type="mousePressed", **point)
        return point

    def release(self, point: dict) -> None:
        """Let the pointer go."""
        self.page.call("Input.dispatchMouseEvent", type="mouseReleased", **point)

    def click_text(self, text: str, *, within: str = "body") -> None:
        """Click the button that says something."""
        code = (
            "(one => one && !one.disabled && (one.id ||= 'button-' + Math.random().toString(36)"
            f".slice(2)))([...document.querySelectorAll({json.dumps(within + ' button')})]"
            f".find(one => one.textContent.startsWith({json.dumps(text)})))"
        )
        self.click(f"#{self.wait(code)}")

    def keys(self, text: str) -> None:
        """Press letters, one after another."""
        for key in text:
            self.press(key, text=key)

    def text(self, selector: str) -> str:
        """What an element says; nothing if there is none."""
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def shows(self, selector: str, text: str) -> None:
        """Wait until an element says something."""
        self.wait(
            f"document.querySelector({json.dumps(selector)})?.innerText.includes"
            f"({json.dumps(text)})"
        )

    def api(self, path: str, body=None, *, method: str = "POST"):
        """An answer of the API, asked for by the page."""
        options = "" if body is None else (
            f", {{method: {json.dumps(method)}, headers: {{'Content-Type':"
            f" 'application/json'}}, body: {json.dumps(json.dumps(body))}}}"
        )  # fmt: skip
        return self.run(
            f"fetch({json.dumps('/api/v1' + path)}{options}).then(one => one.json())"
        )

    def drop(self, paths) -> None:
        """Drop files onto the page."""
        files = ", ".join(
            f"new File([Uint8Array.from(atob({json.dumps(_base64(path))}),"
            f" one => one.charCodeAt(0))], {json.dumps(path.name)})"
            for path in paths
        )
        self.run(
            f"(() => {{ const dataTransfer = new DataTransfer();"
            f" for (const file of [{files}]) dataTransfer.items.add(file);"
            " for (const name of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent"
            "(new DragEvent(name, {dataTransfer, bubbles: true, cancelable: true})); })()"
        )

    def violations(self) -> list[str]:
        """What axe-core has against the page as it is now, its colours at rest."""
        self.wait("document.getAnimations().every(one => !('transitionProperty' in one))")
        if not self.run("typeof axe === 'object'"):
            self.run(AXE.read_text(encoding="utf-8") + "; true")
        return self.run(
            "axe.run().then(({violations}) => violations.flatMap(({id, nodes}) =>"
            " nodes.map(node => `${id}: ${node.html.slice(0, 160)}: ${node.failureSummary}`)))"
        )


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def is_quiet(page):
    """Nothing was refused by the policy, failed, or came from elsewhere."""
    assert page.page.errors == []
    assert [one for one in page.page.requests if not one.startswith(page.address)] == []
    return True


@contextlib.contextmanager
def tab(options, folder: Path):
    """A browser at a service with these options."""
    with serving(options) as address, chrome(folder) as page:
        page.size(1440, 900)
        yield Tab(page, address)


def write_song(path: Path, hz: float, *, seconds: float = 2.0, cover: bool = False, **tags):
    """A FLAC of chords with tags, and a plain square as its cover."""
    write_chords(path, hz, seconds=seconds)
    song = FLAC(path)
    for name, value in tags.items():
        song[name] = value
    if cover:
        picture = Picture()
        picture.type, picture.mime, picture.data = 3, "image/png", _square(hz)
        song.add_picture(picture)
    song.save()
    return path


def _square(hz: float) -> bytes:
    """A PNG of one colour, 64 x 64."""
    row = b"\0" + bytes((int(hz) % 256, 90, 160)) * 64

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(row * 64)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
