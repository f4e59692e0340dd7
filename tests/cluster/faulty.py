"""A store that fails now and then: a proxy over TCP in front of a real one."""

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

BUSY = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
_HOP = {"connection", "keep-alive", "transfer-encoding"}


@contextlib.contextmanager
def faulty(url, plan):
    """The URL of the same bucket through a proxy.

    Args:
        url: `s3://bucket?endpoint=http://HOST:PORT`.
        plan: (number of the request, method, path) -> None to pass it on, "busy" for a 503
            without asking the store, "lost" to ask it and to cut the connection instead of
            passing its answer on.
    """
    endpoint = urlsplit(url.partition("endpoint=")[2].partition("&")[0])

    class Handler(_Handler):
        upstream = endpoint.netloc
        fault = staticmethod(plan)
        numbers: ClassVar[list[int]] = []
        lock = threading.Lock()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield url.replace(endpoint.netloc, f"127.0.0.1:{server.server_address[1]}")
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def do_any(self):
        """Pass a request on, or do not."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.lock:
            self.numbers.append(len(self.numbers))
            number = self.numbers[-1]
        what = self.fault(number, self.command, self.path)
        if what == "busy":
            self._answer(503, {"Content-Type": "application/xml"}, BUSY)
            return
        # The host that was asked stays in the header: it is part of the signature.
        connection = http.client.HTTPConnection(self.upstream, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in _HOP | {"expect"}:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            data = answer.read()
        if what == "lost":
            self.close_connection = True
            return
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
        self._answer(answer.status, headers, data)

    def _answer(self, status, headers, data):
        self.send_response_only(status)
        for name, value in headers.items():
            if not (name.lower() == "content-length" and self.command != "HEAD"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_any  # noqa: N815 (http.server's)

    def log_message(self, *_):
        """Nothing."""
