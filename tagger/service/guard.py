"""Around all requests: their limits and origin, the headers of answers, and figures."""

import re
import time
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagger.service.access import check_origin, client_of
from tagger.service.http_problems import answer
from tagger.service.problems import ProblemError
from tagger.service.receive import announced_len, too_large
from tagger.service.routes.pages import policy_of
from tagger.service.service import Service

PREFIX = "/api/v1"

_AUDIO = re.compile(rf"{PREFIX}/(?:predict|uploads|uploads/form|uploads/sessions/[^/]+)")
"""Routes that take audio, and count its bytes themselves; of all others FastAPI reads the
body whole, before it asks for a token."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """An app with guards around it; it hands bodies through and holds none."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, seen = Request(scope), _Seen(scope, self.service)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.began(message)
            await send(message)

        try:
            check_origin(request, self.service)
            _check_rate(request, self.service)
            counted = _counted(request, receive, self.service)
        except ProblemError as error:
            await answer(error, request.url.path)(scope, receive, told)
            return
        await self.app(scope, counted, told)


class _Seen:
    """One request, until its answer begins."""

    def __init__(self, scope: Scope, service: Service) -> None:
        self.scope, self.service = scope, service
        self.started_s = time.perf_counter()

    def began(self, message: MutableMapping[str, Any]) -> None:
        """Put in the headers that all answers have, and count it."""
        headers = MutableHeaders(scope=message)
        path: str = self.scope["path"]
        headers.setdefault("Content-Security-Policy", policy_of(path))
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        # Another version's modules would not fit this one's: browsers ask whether they are new.
        is_api = path.startswith("/api/")
        headers.setdefault("Cache-Control", "no-store" if is_api else "no-cache")
        # Only routes are named: an address may be anything, and each would be a series.
        route = getattr(self.scope.get("route"), "path", "none")
        if path.startswith(PREFIX) and not route.startswith(("none", PREFIX)):
            route = PREFIX + route  # a router does not know where it is included
        metrics = self.service.metrics
        metrics.requests.labels(self.scope["method"], route, message["status"]).inc()
        metrics.seconds.labels(route).observe(time.perf_counter() - self.started_s)


def _check_rate(request: Request, service: Service) -> None:
    wait_s = service.requests.wait_s(client_of(request, service))
    if wait_s > 0:
        raise ProblemError(
            429,
            "too-many",
            "Too many requests",
            detail=f"More than {service.options.requests_per_s:g} requests a second came.",
            remedy=f"Wait {wait_s} s, then go on.",
            headers={"Retry-After": str(wait_s)},
        )


def _counted(request: Request, receive: Receive, service: Service) -> Receive:
    """The body of a request that takes no audio, up to a size.

    Raises:
        ProblemError: it says itself that it is larger; one that does not is cut off there.
    """
    # What is routed by, and no part of the URL: there a `Host` with a path in it comes first.
    if _AUDIO.fullmatch(request.scope["path"]):
        return receive
    most = service.options.max_request_bytes
    if (announced_len(request) or 0) > most:
        raise too_large(most)
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise too_large(most)
        return message

    return counted
