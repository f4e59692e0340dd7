"""Tracks: lists, one of them, folders; what is proposed for them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from tagger.service.access import Editor, Id, Reader, TheService, Writer
from tagger.service.answers import check_match, etagged, track_etag, with_etag
from tagger.service.convert import track_detail, track_row
from tagger.service.db.models import Track
from tagger.service.problems import conflict, not_there, wrong
from tagger.service.queries.filters import chosen
from tagger.service.queries.proposals import change_many, change_one
from tagger.service.queries.runs import last_run_of
from tagger.service.queries.statistics import folders_below
from tagger.service.queries.tracks import Paging, page_of
from tagger.service.schemas.common import HIGHEST
from tagger.service.schemas.tracks import (
    BulkChange,
    BulkResult,
    FolderList,
    ProposalChange,
    Sort,
    TrackDetail,
    TrackFilter,
    TrackList,
    TrackRow,
)
from tagger.service.texts import Storable

router = APIRouter(tags=["tracks"])


class TrackQuery(TrackFilter):
    """A filter, and which page of what it matches."""

    sort: Sort = "folder"
    cursor: Storable | None = Field(default=None, max_length=4000)
    offset: int = Field(default=0, ge=0, le=HIGHEST, description="Rows to pass over.")
    limit: int = Field(default=100, ge=1, le=500)


@router.get("/tracks", response_model=TrackList, summary="List and search tracks")
def list_tracks(
    request: Request,
    service: TheService,
    _caller: Reader,
    asked: Annotated[TrackQuery, Query()],
) -> Response:
    """Tracks that match, in order. `next_cursor` leads to the next page."""
    if asked.cursor is not None and asked.offset:
        raise wrong("Both cursor and offset are given.", remedy="Give one of them.")
    paging = Paging(
        sort=asked.sort, cursor=asked.cursor, offset=asked.offset, limit=asked.limit
    )
    with service.database.reading() as session:
        page = page_of(session, asked, paging, is_sqlite=service.database.is_sqlite)
        rows = [track_row(track) for track in page.tracks]
    body = TrackList.model_construct(items=rows, next_cursor=page.next_cursor, total=page.total)
    return etagged(request, body)


@router.get("/folders", response_model=FolderList, summary="List folders")
def list_folders(
    request: Request,
    service: TheService,
    _caller: Reader,
    parent: Annotated[Storable, Query(max_length=2000, examples=["Boards of Canada/"])] = "",
) -> Response:
    """The folders right below one (of the top without `parent`), with their tracks counted."""
    with service.database.reading() as session:
        items = folders_below(session, parent)
    return etagged(request, FolderList.model_construct(parent=parent, items=items))


def track_of(session: Session, track_id: int) -> Track:
    """A track by its number.

    Raises:
        ProblemError: there is none.
    """
    track = session.get(Track, track_id)
    if track is None:
        raise not_there(f"track {track_id}")
    return track


@router.get("/tracks/{track_id}", response_model=TrackDetail, summary="One track")
def get_track(request: Request, service: TheService, _caller: Reader, track_id: Id) -> Response:
    """A track with its scores and tags. Its ETag is for `If-Match` when it is changed."""
    with service.database.reading() as session:
        track = track_of(session, track_id)
        last = last_run_of(session, track_id)
    body = track_detail(track, service.tagger().spec, last_run_id=last)
    etag = track_etag(track.id, track.version)
    data = body.model_dump_json().encode()
    return with_etag(request, data, etag, media_type="application/json")


@router.delete("/tracks/{track_id}", status_code=204, summary="Forget an upload")
def delete_track(service: TheService, _caller: Writer, track_id: Id) -> None:
    """Forget an upload with all that is known of it, or a library file that is gone.

    A file that is in the library is never deleted.
    """
    with service.database.writing() as session:
        track = track_of(session, track_id)
        if track.source == "library" and track.status != "missing":
            raise conflict(
                f"{track.name} is a file of the library.",
                remedy="Delete the file itself; the next look will notice.",
            )
        session.delete(track)


@router.patch(
    "/tracks/{track_id}/proposal",
    summary="Accept, reject or edit a proposal",
)
def change_proposal(
    request: Request,
    response: Response,
    service: TheService,
    _caller: Editor,
    track_id: Id,
    change: ProposalChange,
) -> TrackRow:
    """Say what is to become of what is proposed for one track. No file changes by it."""
    genres = _genres(change)
    with service.database.writing() as session:
        track = track_of(session, track_id)
        check_match(request, track_etag(track.id, track.version))
        change_one(session, track, change.action, genres)
        session.flush()
        response.headers["ETag"] = track_etag(track.id, track.version)
        return track_row(track)


@router.post("/proposals", summary="The same for many tracks")
def change_proposals(service: TheService, _caller: Editor, change: BulkChange) -> BulkResult:
    """Accept, reject or edit what is proposed for a set of tracks; only count, if asked."""
    genres = _genres(change)
    which = chosen(change, is_sqlite=service.database.is_sqlite)
    with service.database.writing() as session:
        n_matched, n_changed = change_many(
            session, which, change.action, genres, dry_run=change.dry_run
        )
    return BulkResult(n_matched=n_matched, n_changed=n_changed, dry_run=change.dry_run)


def _genres(change: ProposalChange | BulkChange) -> list[str]:
    if change.action == "edit" and not change.genres:
        raise wrong("`edit` needs genres.", remedy="Give the genres that the file shall hold.")
    return list(dict.fromkeys(change.genres or []))
