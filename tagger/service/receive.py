"""A body that is a file -> a file in the spool folder, never whole in memory."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request
from starlette.requests import ClientDisconnect

from tagger.service.options import MIB
from tagger.service.problems import ProblemError, wrong
from tagger.service.service import Service
from tagger.service.spool import passing

_SYNC_EVERY = 8 * MIB
"""Bytes after which the event loop waits for the disk in a thread, not in its own time."""


def n_received(path: Path) -> int:
    """How many bytes have come; none of an upload that was given up in this moment."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def too_large(most: int) -> ProblemError:
    """The answer to a body that is longer than it may be."""
    return ProblemError(
        413,
        "too-large",
        "The file is too large",
        detail=f"It is larger than {most / MIB:,.0f} MiB, which is the most here.",
        remedy="Send a smaller one; the limit is that of every `tagger serve`.",
    )


def truncated(came: int, announced: int) -> ProblemError:
    """The answer to a body that ended early."""
    return ProblemError(
        400,
        "truncated",
        "The upload was cut off",
        detail=f"{came:,} of {announced:,} bytes came; nothing was kept.",
        remedy="Send it again; a large file can be sent in pieces (/api/v1/uploads/sessions).",
    )


def announced_len(request: Request) -> int | None:
    """What `Content-Length` says; None without a number in it."""
    text = request.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() else None


@asynccontextmanager
async def received(request: Request, service: Service) -> AsyncIterator[Path]:
    """The body of a request as a file, which is deleted at the end of the block.

    Raises:
        ProblemError: it is too large, empty, or was cut off.
        OSError: the disk is full.
    """
    path = passing(service.options.spool, "upload")
    try:
        await append_body(request, path, most=service.options.max_upload_bytes)
        yield path
    finally:
        path.unlink(missing_ok=True)


async def append_body(request: Request, path: Path, *, most: int) -> int:
    """Append the body of a request to a file of at most so many bytes.

    Returns:
        The file's length afterwards.

    Raises:
        ProblemError: it is too large, empty, or was cut off.
        OSError: the disk is full.
    """
    announced = announced_len(request)
    with path.open("ab") as file:
        before = size = file.tell()
        if announced is not None and before + announced > most:
            raise too_large(most)
        unsynced = 0
        try:
            async for piece in request.stream():
                size += len(piece)
                if size > most:
                    raise too_large(most)
                file.write(piece)
                unsynced += len(piece)
                if unsynced > _SYNC_EVERY:
                    unsynced = 0
                    file.flush()
                    await asyncio.to_thread(os.fsync, file.fileno())
        except ClientDisconnect:
            raise truncated(size - before, announced or size - before + 1) from None
    if size == before:
        raise wrong("The body is empty.", remedy="Send the bytes of an audio file.")
    return size
