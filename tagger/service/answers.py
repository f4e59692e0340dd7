"""Answers with validators: what has not changed is not sent again."""

import hashlib
from collections.abc import Mapping

from fastapi import Request, Response
from pydantic import BaseModel

from tagger.service.problems import ProblemError

_PRIVATE = "private, no-cache"


def etagged(request: Request, body: BaseModel) -> Response:
    """JSON with an ETag of its bytes; 304 if the client has these."""
    data = body.model_dump_json().encode()
    etag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    return with_etag(request, data, etag, media_type="application/json")


def with_etag(
    request: Request,
    data: bytes,
    etag: str,
    *,
    media_type: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Bytes with their ETag; 304 if the client has these."""
    sent = {"ETag": etag, "Cache-Control": _PRIVATE, **(headers or {})}
    if is_known(request, etag):
        return Response(status_code=304, headers=sent)
    return Response(data, media_type=media_type, headers=sent)


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has what an ETag stands for."""
    given = request.headers.get("If-None-Match", "")
    return given.strip() == "*" or etag in [
        tag.strip().removeprefix("W/") for tag in given.split(",")
    ]


def track_etag(track_id: int, version: int) -> str:
    """The ETag of a track's row."""
    return f'"{track_id}-{version}"'


def check_match(request: Request, etag: str) -> None:
    """Refuse a change to what the client has not seen in its present state.

    Raises:
        ProblemError: `If-Match` names another state.
    """
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return
    if etag not in [tag.strip() for tag in given.split(",")]:
        raise ProblemError(
            412,
            "changed",
            "It has changed meanwhile",
            detail="Somebody has changed it since you asked for it; nothing was done.",
            remedy="Ask for it again, then decide.",
        )
