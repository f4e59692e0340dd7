"""Problems as HTTP has them (RFC 9457): a type, a title, what happened, and the remedy."""

import errno
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from obstore.exceptions import BaseError as ObjectStoreError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from tagger.errors import StartError, TaggerError
from tagger.service.problems import ProblemError
from tagger.text import text_of

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def answer(problem: ProblemError, instance: str) -> JSONResponse:
    """A problem as HTTP."""
    body = {
        "type": f"urn:tagger:problem:{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": text_of(problem.detail),
        "remedy": problem.remedy,
        "instance": instance,
    }
    return JSONResponse(
        body, problem.status, headers=problem.headers or None, media_type=MEDIA_TYPE
    )


def add_problems(app: FastAPI) -> None:
    """Let an app answer with problems, whatever goes wrong in it."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for kind in (OperationalError, InterfaceError, DBAPIError, PoolTimeoutError):
        app.add_exception_handler(kind, _on_database)
    app.add_exception_handler(ObjectStoreError, _on_objects)
    app.add_exception_handler(TaggerError, _on_tagger)
    app.add_exception_handler(OSError, _on_system)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return answer(error, request.url.path)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [
        {"where": ".".join(map(str, problem["loc"])), "what": problem["msg"]}
        for problem in error.errors()
    ]
    body: dict[str, Any] = {
        "type": "urn:tagger:problem:invalid",
        "title": "The request cannot be followed",
        "status": 422,
        "detail": "; ".join(
            f"{problem['where']}: {problem['what']}" for problem in problems[:5]
        ),
        "remedy": "Compare the request with /docs; `errors` names each value that is wrong.",
        "instance": request.url.path,
        "errors": jsonable_encoder(problems),
    }
    return JSONResponse(_plain(body), 422, media_type=MEDIA_TYPE)


def _plain(value: Any) -> Any:
    """The same JSON without halves of surrogate pairs, which no UTF-8 can carry."""
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


_TITLES = {404: "There is no such page", 405: "That method is not for this page"}


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, ProblemError):  # a body that was too large to be parsed
        return answer(error.__cause__, request.url.path)
    problem = ProblemError(
        error.status_code,
        "http",
        _TITLES.get(error.status_code, "The request cannot be followed"),
        detail=str(error.detail),
        remedy="See /docs for what can be asked, and how.",
        headers=error.headers,
    )
    return answer(problem, request.url.path)


async def _on_database(request: Request, error: Exception) -> JSONResponse:
    log.warning("the database did not do what it was asked: %s", _first_line(error))
    problem = ProblemError(
        503,
        "database",
        "The database does not answer",
        detail="The database could not be asked; nothing was changed.",
        remedy="Try again soon. If it lasts, see that the database runs (GET /readyz).",
        headers={"Retry-After": "5"},
    )
    return answer(problem, request.url.path)


async def _on_objects(request: Request, error: Exception) -> JSONResponse:
    log.warning("the object store failed: %s", _first_line(error))
    problem = ProblemError(
        503,
        "objects",
        "The object store does not answer",
        detail="The store of uploads could not be asked; nothing was changed.",
        remedy="Try again soon. If it lasts, see that the store runs (GET /readyz).",
        headers={"Retry-After": "5"},
    )
    return answer(problem, request.url.path)


async def _on_tagger(request: Request, error: Exception) -> JSONResponse:
    is_ours = isinstance(error, StartError)
    problem = ProblemError(
        503 if is_ours else 422,
        "model" if is_ours else "track",
        "The model cannot be used" if is_ours else "The file cannot be used",
        detail=str(error),
        remedy="Run `tagger doctor` on the server." if is_ours else "Try another file.",
    )
    return answer(problem, request.url.path)


async def _on_system(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    if error.errno in _FULL:
        problem = ProblemError(
            507,
            "disk-full",
            "The disk is full",
            detail="The server has no room left; nothing was kept of this request.",
            remedy="Make room on the server's disk, then send it again.",
        )
        return answer(problem, request.url.path)
    return await _on_bug(request, error)


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    log.error("a request failed: %s %s", request.method, request.url.path, exc_info=error)
    problem = ProblemError(
        500,
        "bug",
        "Something went wrong in the service",
        detail="The service's log says more; nothing was changed by this request.",
        remedy="Report it with the lines of the log.",
    )
    return answer(problem, request.url.path)


def _first_line(error: Exception) -> str:
    """What an error says, without the statement and its values, which may be private."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else ''}"
