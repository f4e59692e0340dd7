"""Uploads: one file, several in a form, or one in pieces; predictions without keeping."""

import asyncio
import contextlib
import time
import uuid
import weakref
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from tagger.errors import TrackError
from tagger.service.access import Editor, Reader, TheService, client_of
from tagger.service.convert import others_of, scores_of
from tagger.service.db.models import UploadSession
from tagger.service.forms import form_files
from tagger.service.keep import check_audio, keep_upload
from tagger.service.places import folder_parts, upload_name
from tagger.service.problems import ProblemError, conflict, not_there
from tagger.service.receive import append_body, n_received, received, too_large
from tagger.service.schemas.common import HIGHEST
from tagger.service.schemas.tracks import (
    Prediction,
    Upload,
    UploadBegin,
    UploadMany,
    UploadProblem,
    UploadState,
)
from tagger.service.service import Service
from tagger.service.texts import Storable, plain

router = APIRouter(tags=["uploads"])

Name = Annotated[Storable, Query(max_length=1000, examples=["song.mp3"])]
Folder = Annotated[Storable, Query(max_length=2000, description="Where it is listed.")]
_AUDIO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
        },
    }
}
_FORM_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            }
        },
    }
}
_locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
"""Of uploads whose pieces come right now: held by the requests themselves."""


def check_rate(request: Request, service: Service) -> None:
    """Let a client upload only so often.

    Raises:
        ProblemError: it has to wait.
    """
    wait_s = service.uploads.wait_s(client_of(request, service))
    if wait_s:
        raise ProblemError(
            429,
            "too-many",
            "Too many uploads",
            detail=f"More than {service.options.uploads_per_s:g} files a second came.",
            remedy=f"Wait {wait_s} s, then go on.",
            headers={"Retry-After": str(wait_s)},
        )


@router.post(
    "/uploads",
    status_code=201,
    openapi_extra=_AUDIO_BODY,
    responses={200: {"model": Upload, "description": "The same audio was there already."}},
    summary="Upload one file",
)
async def upload(
    request: Request,
    response: Response,
    service: TheService,
    caller: Editor,
    name: Name,
    folder: Folder = "",
    scan: Annotated[bool, Query(description="Also let it be scanned.")] = True,  # noqa: FBT002
) -> Upload:
    """The body is the file. What is no audio is refused, and the same audio is kept once."""
    check_rate(request, service)
    async with received(request, service) as path:
        kept = await run_in_threadpool(
            keep_upload, service, path, name=name, folder=folder, scan=scan, caller=caller.name
        )
    response.status_code = 201 if kept.is_new else 200
    response.headers["Location"] = f"/api/v1/tracks/{kept.track.id}"
    return kept


@router.post(
    "/uploads/form",
    openapi_extra=_FORM_BODY,
    summary="Upload several files as a form",
)
async def upload_form(
    request: Request, service: TheService, caller: Editor, folder: Folder = ""
) -> UploadMany:
    """Each file of a `multipart/form-data` body, in turn; a bad one stops no other.

    A form that is cut off, or whose next file is too large, ends there: what came before is
    kept, and told.
    """
    answer = UploadMany(uploads=[], problems=[])
    try:
        async with contextlib.aclosing(form_files(request, service)) as files:
            async for name, path in files:
                try:
                    check_rate(request, service)
                    kept = await run_in_threadpool(
                        keep_upload, service, path, name=name, folder=folder, scan=True,
                        caller=caller.name,
                    )  # fmt: skip
                    answer.uploads.append(kept)
                except ProblemError as error:
                    answer.problems.append(_problem(name, error))
    except ProblemError as error:
        if not answer.uploads:
            raise
        answer.problems.append(_problem("the rest of the form", error))
    return answer


def _problem(name: str, error: ProblemError) -> UploadProblem:
    return UploadProblem(
        name=plain(name), status=error.status, detail=plain(error.detail), remedy=error.remedy
    )


@router.post("/uploads/sessions", status_code=201,
             summary="Begin an upload in pieces")  # fmt: skip
def begin_upload(
    response: Response, service: TheService, caller: Editor, begin: UploadBegin
) -> UploadState:
    """Announce a large file. What came of it stays, whatever happens to the connection."""
    if begin.size > service.options.max_upload_bytes:
        raise too_large(service.options.max_upload_bytes)
    upload_name(begin.name)
    folder_parts(begin.folder)
    row = UploadSession(
        id=uuid.uuid4().hex,
        name=begin.name,
        folder=begin.folder,
        size=begin.size,
        asked_by=caller.name,
        created_at=time.time(),
    )
    with service.database.writing() as session:
        session.add(row)
    response.headers["Location"] = f"/api/v1/uploads/sessions/{row.id}"
    return _state(service, row)


@router.get("/uploads/sessions/{upload_id}", summary="How far an upload is")  # fmt: skip
def get_upload(service: TheService, _caller: Editor, upload_id: str) -> UploadState:
    """From where the next piece is to be sent."""
    with service.database.reading() as session:
        return _state(service, _session_of(session, upload_id))


@router.patch(
    "/uploads/sessions/{upload_id}", openapi_extra=_AUDIO_BODY, summary="Send a piece"
)
async def patch_upload(
    request: Request,
    service: TheService,
    caller: Editor,
    upload_id: str,
    upload_offset: Annotated[int, Header(ge=0, le=HIGHEST)],
) -> UploadState:
    """Bytes from `Upload-Offset` on. With the last of them the file is kept."""
    row = await run_in_threadpool(_load, service, upload_id)
    lock = _locks.setdefault(row.id, asyncio.Lock())
    async with lock:
        row = await run_in_threadpool(_load, service, row.id)  # it may be complete by now
        path = _part(service, row)
        offset = n_received(path)
        if upload_offset != offset:
            raise conflict(
                f"{offset} bytes are here; the piece begins at {upload_offset}.",
                remedy="Ask how far the upload is, and go on from there.",
            )
        if offset < row.size:
            offset = await append_body(request, path, most=row.size)
        if offset < row.size:
            return _state(service, row)
        kept = await run_in_threadpool(_complete, service, row, caller.name)
    return UploadState(id=row.id, name=row.name, size=row.size, offset=offset, upload=kept)


@router.delete("/uploads/sessions/{upload_id}", status_code=204, summary="Give an upload up")
def delete_upload(service: TheService, _caller: Editor, upload_id: str) -> None:
    """Forget what came of it."""
    with service.database.writing() as session:
        row = _session_of(session, upload_id)
        session.delete(row)
    _part(service, row).unlink(missing_ok=True)


def _load(service: Service, upload_id: str) -> UploadSession:
    with service.database.reading() as session:
        return _session_of(session, upload_id)


def _complete(service: Service, row: UploadSession, caller: str) -> Upload:
    """Keep what came, and forget the upload, unless it could not be kept for now."""
    path = _part(service, row)
    try:
        kept = keep_upload(
            service, path, name=row.name, folder=row.folder, scan=True, caller=caller
        )
    except (ProblemError, TrackError):  # it is no audio, and never will be
        _forget(service, row)
        raise
    _forget(service, row)
    return kept


def _forget(service: Service, row: UploadSession) -> None:
    with service.database.writing() as session:
        if (again := session.get(UploadSession, row.id)) is not None:
            session.delete(again)
    _part(service, row).unlink(missing_ok=True)


def _session_of(session: Session, upload_id: str) -> UploadSession:
    row = session.get(UploadSession, plain(upload_id)[:40])
    if row is None:
        raise not_there("upload of that name under way")
    return row


def _part(service: Service, row: UploadSession) -> Path:
    return service.options.spool / f"part-{row.id}"


def _state(service: Service, row: UploadSession) -> UploadState:
    offset = n_received(_part(service, row))
    return UploadState(id=row.id, name=row.name, size=row.size, offset=offset, upload=None)


@router.post(
    "/predict",
    openapi_extra=_AUDIO_BODY,
    summary="Genres of a file that is not kept",
)
async def predict(
    request: Request, service: TheService, _caller: Reader, name: Name = "file"
) -> Prediction:
    """What the model says of the body. Nothing is kept of it."""
    check_rate(request, service)
    shown = upload_name(name)
    async with received(request, service) as path:
        return await run_in_threadpool(_predicted, service, path, shown)


def _predicted(service: Service, path: Path, name: str) -> Prediction:
    check_audio(path, name)
    with service.listener() as tagger:
        result = tagger.predict(path)
    reason = result.reason.replace(str(path), name) if result.reason is not None else None
    return Prediction(
        name=name,
        status=result.status,
        genres=list(map(plain, result.genres)),
        previous=list(map(plain, result.previous)),
        scores=scores_of(result.scores, tagger.spec),
        others=others_of(result.others, tagger.spec),
        duration_s=result.duration_s,
        reason=plain(reason) if reason is not None else None,
        model=f"{tagger.spec.name} {tagger.spec.revision[:12]}",
    )
