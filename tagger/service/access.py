"""Who asks, and whether they may: checked before anything else is done."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Path, Request
from fastapi.security import HTTPBearer

from tagger.service.problems import ProblemError
from tagger.service.schemas.common import HIGHEST
from tagger.service.service import Service, service_of
from tagger.service.tokens import COOKIE, EVERYBODY, Caller, Tokens

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = HTTPBearer(auto_error=False, description="A secret of the service's --token-file.")

Id = Annotated[int, Path(ge=1, le=HIGHEST, description="The number of the row.")]

TheService = Annotated[Service, Depends(service_of)]


async def caller_of(request: Request, service: TheService) -> Caller:
    """Who asks.

    As all dependencies that wait for nothing it is a coroutine: others cost a thread each.

    Raises:
        ProblemError: a token is needed and there is none, or nobody has this one.
    """
    if service.tokens is None:
        return EVERYBODY
    caller = _caller_in(request, service.tokens)
    if caller is None:
        raise ProblemError(
            401,
            "token",
            "A token is needed",
            detail="There is no token in the request, or nobody has this one.",
            remedy="Send `Authorization: Bearer SECRET` with a secret of the token file.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return caller


def _caller_in(request: Request, tokens: Tokens) -> Caller | None:
    """Whose token a request brings; None if it has none, or nobody's."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        token = request.cookies.get(COOKIE, "")
    return tokens.caller_of(token.strip()) if token else None


TheCaller = Annotated[Caller, Depends(caller_of)]


def needs(scope: str) -> Callable[[TheCaller], Awaitable[Caller]]:
    """A dependency: the caller has this scope."""

    async def check(caller: TheCaller) -> Caller:
        if scope not in caller.scopes:
            raise ProblemError(
                403,
                "scope",
                "The token does not go so far",
                detail=f"This needs the scope {scope!r}.",
                remedy="Ask whoever keeps the token file for it.",
            )
        return caller

    return check


Reader = Annotated[Caller, Depends(needs("read"))]
Editor = Annotated[Caller, Depends(needs("edit"))]
Writer = Annotated[Caller, Depends(needs("write"))]
DOCUMENTED = [Depends(_BEARER)]
"""Tells OpenAPI of the tokens."""


def check_origin(request: Request, service: Service) -> None:
    """Refuse requests that another page lets a browser make.

    Without tokens only names of this machine are answered: a page elsewhere whose name leads
    here by its DNS could otherwise read and write everything.

    Raises:
        ProblemError: it is such a one.
    """
    host = request.headers.get("Host", "")
    if service.tokens is None and _name_of(host) not in {
        "127.0.0.1", "localhost", "::1", service.options.host.strip("[]").lower(),
    }:  # fmt: skip
        raise _foreign(f"The host {host!r} is not this machine's.")
    origin = request.headers.get("Origin")
    if request.method in _SAFE or origin is None:
        return
    if urlsplit(origin).netloc.lower() != host.lower():
        raise _foreign(f"It comes from a page of {origin!r}.")


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _foreign(detail: str) -> ProblemError:
    return ProblemError(
        403,
        "origin",
        "Another page asks",
        detail=detail,
        remedy="Open the service's own page, by 127.0.0.1 or localhost.",
    )


def client_of(request: Request, service: Service) -> str:
    """A name for whoever asks, by which their requests are counted.

    Only a token of the file stands for itself: whoever makes tokens up, to guess one or to be
    counted anew with each, stays one address.
    """
    caller = _caller_in(request, service.tokens) if service.tokens is not None else None
    if caller is not None:
        return f"token {caller.name}"
    return request.client.host if request.client is not None else ""
