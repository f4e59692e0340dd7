"""What a track sounds and looks like: audio with ranges, cover, taggram, downloads."""

import time
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from tagger.service.access import Id, Reader, TheService
from tagger.service.answers import is_known, with_etag
from tagger.service.convert import media_type_of
from tagger.service.db.models import Track
from tagger.service.listing import cover_of
from tagger.service.places import library_file
from tagger.service.problems import not_there
from tagger.service.ranges import Span, span_of
from tagger.service.routes.tracks import track_of
from tagger.service.schemas.common import time_at
from tagger.service.schemas.tracks import Link, Taggram
from tagger.service.service import Service
from tagger.service.timelines import picture_of, taggram_of

router = APIRouter(tags=["audio"])

_CHUNK_LEN = 256 << 10
_AUDIO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/*": {}}},
    206: {"content": {"audio/*": {}}},
}
_LINK_S = 900


@router.head("/tracks/{track_id}/audio", include_in_schema=False)
@router.get(
    "/tracks/{track_id}/audio",
    response_class=StreamingResponse,
    responses=_AUDIO,
    summary="The audio of a track",
)
def get_audio(request: Request, service: TheService, _caller: Reader, track_id: Id) -> Response:
    """The file as it is now; any range of it, so that a player can seek."""
    with service.database.reading() as session:
        track = track_of(session, track_id)
    return _file_answer(request, service, track)


@router.get(
    "/tracks/{track_id}/download",
    response_class=StreamingResponse,
    responses=_AUDIO,
    summary="Download a track",
)
def download(request: Request, service: TheService, _caller: Reader, track_id: Id) -> Response:
    """The same, to be saved under its name, with the genres that were written."""
    with service.database.reading() as session:
        track = track_of(session, track_id)
    answer = _file_answer(request, service, track)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(track.name)}"
    return answer


@router.get("/tracks/{track_id}/download-link", summary="A link to a download")
def download_link(
    service: TheService,
    _caller: Reader,
    track_id: Id,
    expires_s: Annotated[int, Query(ge=1, le=86_400)] = _LINK_S,
) -> Link:
    """Where the file can be had: in the object store by a signed link, where it gives any."""
    with service.database.reading() as session:
        track = track_of(session, track_id)
    url = None
    if track.object_key is not None:
        url = service.objects.link_of(track.object_key, expires_s=expires_s)
    return Link(
        url=url or f"/api/v1/tracks/{track_id}/download",
        expires_at=time_at(time.time() + expires_s),
        is_presigned=url is not None,
    )


def _file_answer(request: Request, service: Service, track: Track) -> Response:
    size, changed_at = _state_of(service, track)
    etag = f'"{track.object_key or track.id}-{size}-{changed_at}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    if_range = request.headers.get("If-Range")
    span = span_of(request.headers.get("Range"), size, is_current=if_range in {None, etag})
    media_type, status = media_type_of(track.container), 206 if span.is_part else 200
    headers |= span.headers
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(_pieces(service, track, span), status, headers, media_type)


def _state_of(service: Service, track: Track) -> tuple[int, int]:
    """Size and time of a track's file; an object's time is that of its key.

    Raises:
        ProblemError: it is not there.
    """
    if track.object_key is not None:
        try:
            return service.objects.size(track.object_key), 0
        except FileNotFoundError:
            raise not_there(f"object of {track.name} any more") from None
    if service.options.folder is None:
        raise not_there(f"library here that {track.name} could be in")
    try:
        state = library_file(service.options.folder, track).stat()
    except OSError:  # it went just now, or its share did
        raise not_there(f"file {track.name} any more") from None
    return state.st_size, state.st_mtime_ns


def _pieces(service: Service, track: Track, span: Span) -> Iterator[bytes]:
    if track.object_key is not None:
        yield from service.objects.stream(track.object_key, start=span.start, end=span.end)
        return
    with service.file_of(track) as path, path.open("rb") as file:
        file.seek(span.start)
        left = span.end - span.start
        while left > 0 and (data := file.read(min(_CHUNK_LEN, left))):
            left -= len(data)
            yield data


@router.get(
    "/tracks/{track_id}/cover",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}},
    summary="The cover of a track",
)
def get_cover(request: Request, service: TheService, _caller: Reader, track_id: Id) -> Response:
    """The picture in the file's tags, or the one in its folder; 404 if there is none."""
    with service.database.reading() as session:
        track = track_of(session, track_id)
    etag = f'"cover-{track.id}-{track.version}"'
    if is_known(request, etag):
        return Response(status_code=304, headers={"ETag": etag})
    with service.file_of(track) as path:
        cover = cover_of(path, beside=track.source == "library")
    if cover is None:
        raise not_there(f"cover of {track.name}")
    return with_etag(request, cover[0], etag, media_type=cover[1])


@router.get(
    "/tracks/{track_id}/taggram", response_model=Taggram, summary="A track's scores over time"
)
def get_taggram(
    request: Request, service: TheService, _caller: Reader, track_id: Id
) -> Response:
    """What the model says of each part of a track, and the waveform.

    The first time it is decoded for that, which takes a second or more; then it is kept.
    """
    with service.database.reading() as session:
        track = track_of(session, track_id)
    data, etag = taggram_of(service, track)
    return with_etag(request, data, etag, media_type="application/json")


@router.get(
    "/tracks/{track_id}/taggram.png",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
    summary="The same as a picture",
)
def get_taggram_picture(
    request: Request, service: TheService, _caller: Reader, track_id: Id
) -> Response:
    """The taggram as `tagger predict --plot` draws it."""
    with service.database.reading() as session:
        track = track_of(session, track_id)
    revision = service.tagger().spec.revision[:16]
    etag = f'"png-{track.id}-{track.object_key or track.mtime_ns}-{revision}"'
    if is_known(request, etag):
        return Response(status_code=304, headers={"ETag": etag})
    return with_etag(request, picture_of(service, track), etag, media_type="image/png")
