"""Accepted genres into files: the library's through the journal, uploads as new objects."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger import read_tags, write_genres
from tagger.errors import TrackError
from tagger.journal.run import WriteRequest
from tagger.scan.from_settings import writing_of
from tagger.service.db.models import Change, Job, Run, Track
from tagger.service.jobs.context import Context, GivenUpError
from tagger.service.jobs.sweep import announce
from tagger.service.objects import key_of
from tagger.service.problems import ProblemError
from tagger.service.queries.facets import set_facets
from tagger.service.queries.jobs import settle, take_items
from tagger.service.texts import plain
from tagger.system.digest import file_sha256

GROUP = 64
"""Tracks that are taken at once."""

CHANGED = "Its genres are not those any more that were shown; look and scan again."


def reason_of(run_id: int) -> str:
    """What stands beside the journal's runs that belong to one of the service."""
    return f"tagger serve, run {run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of one track.

    Attributes:
        track: as it was.
        after: what its file holds now.
        new_key: of an upload: the object that holds it.
        error: why it was left as it was; None if it was written.
    """

    track: Track
    after: tuple[str, ...] = ()
    new_key: str | None = None
    error: str | None = None


def write_job(context: Context, job: Job) -> None:
    """Write what is left of a job, until nothing is or it is cancelled.

    Raises:
        GivenUpError: it was cancelled, or the worker is to stop.
        StateError: another process holds the journal.
    """
    assert job.run_id is not None
    run_id = job.run_id
    if job.needs_journal:
        context.patiently(lambda: _sign(context, job.id))
    while tracks := context.patiently(lambda: taken_tracks(context, job.id)):
        uploads = [track for track in tracks if track.object_key is not None]
        for upload in uploads:
            record(context, job.id, run_id, [_write_upload(context, upload)])
        files = [track for track in tracks if track.object_key is None]
        for written in _write_files(context, run_id, files):
            record(context, job.id, run_id, [written])


def _sign(context: Context, job_id: int) -> None:
    """Let a job name the journal that takes changes of it: no other can give them back."""
    with context.database.writing() as session:
        job = session.get(Job, job_id, with_for_update=True)
        if job is not None:
            journals = {*job.options.get("journals", ()), plain(context.journal_name())}
            job.options = {**job.options, "journals": sorted(journals)}


def taken_tracks(context: Context, job_id: int) -> list[Track]:
    """The next tracks of a job, now this worker's."""
    with context.database.writing() as session:
        taken = take_items(session, job_id, context.id, at_most=GROUP)
        tracks = {
            track.id: track
            for track in session.scalars(select(Track).where(Track.id.in_(taken)))
        }
    return [tracks[id_] for id_ in taken if id_ in tracks]


def _write_files(context: Context, run_id: int, tracks: Sequence[Track]) -> Iterator[Written]:
    """Write files of the library in one run of the journal."""
    options = writing_of(context.tagger.settings)
    asked: list[tuple[Track, WriteRequest]] = []
    for track in tracks:
        try:
            path = context.file_of(track)
            info = read_tags(path, style=options.style)
        except (ProblemError, TrackError) as error:
            yield Written(track=track, error=str(error))
            continue
        if not _is_as_shown(track, info.genres):
            yield Written(track=track, error=CHANGED)
            continue
        request = WriteRequest(path, track.proposed, options=options, expected=info)
        asked.append((track, request))
    if not asked:
        return
    outcomes = context.tagger.write_many(
        [request for _, request in asked], reason=reason_of(run_id)
    )
    for (track, _), outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, TrackError):
            yield Written(track=track, error=str(outcome))
        else:
            yield Written(track=track, after=tuple(track.proposed))


def _is_as_shown(track: Track, genres: Sequence[str]) -> bool:
    """Whether a file holds what the page shows, or already what it is to be given.

    The latter is what a worker leaves that was killed between the file and its row.
    """
    return [plain(genre) for genre in genres] in (track.genres, track.proposed)


def _write_upload(context: Context, track: Track) -> Written:
    """Write a copy of an upload, and store it as an object of its own."""
    options = writing_of(context.tagger.settings)
    try:
        copy = context.copy_of(track)
        write_genres(copy, track.proposed, options=options)
        key = key_of(file_sha256(copy), Path(track.object_key or "").suffix)
        context.patiently(lambda: announce(context.database, key, copy.stat().st_size))
        context.objects.put(key, copy)
    except (TrackError, FileNotFoundError) as error:
        return Written(track=track, error=str(error))
    finally:
        context.drop_copies()
    return Written(track=track, after=tuple(track.proposed), new_key=key)


def record(context: Context, job_id: int, run_id: int, written: Sequence[Written]) -> None:
    """Record what became of tracks.

    Raises:
        GivenUpError: the job is not under way any more, or the worker is to stop.
    """

    def note() -> bool:
        with context.database.writing() as session:
            outcomes = [(done.track.id, done.error is None) for done in written]
            mine = settle(session, job_id, context.id, outcomes)
            for done in written:
                if done.track.id in mine:
                    _note(session, context, run_id, done)
            job = session.get(Job, job_id)
            if job is None or job.state != "running":
                _end_run(session, run_id)
                return False
            job.current = f"{written[-1].track.folder}{written[-1].track.name}"
            return True

    if not context.patiently(note) or context.stop.is_set():
        raise GivenUpError


def _note(session: Session, context: Context, run_id: int, written: Written) -> None:
    track = session.get(Track, written.track.id)
    if track is None:
        return
    query = select(Change).where(Change.run_id == run_id, Change.track_id == track.id)
    change = session.scalar(query) or Change(run_id=run_id, track_id=track.id, is_undone=False)
    change.before, change.after = list(track.genres), list(written.after or track.proposed)
    change.error = plain(written.error)[:2000] if written.error is not None else None
    change.before_key = change.after_key = track.object_key
    if written.error is not None:
        track.reason = change.error
    else:
        if written.new_key is not None:
            change.after_key = written.new_key
            track.original_key = track.original_key or track.object_key
            track.object_key = written.new_key
        mark_written(track, context)
        track.genres, track.proposed = change.after, []
        track.status, track.reason = "written", None
        set_facets(session, [track])
    track.version += 1
    session.add(change)


def mark_written(track: Track, context: Context) -> None:
    """Keep size and time of a file that we have changed: it is not new to the next look."""
    if track.raw_path is None or context.options.folder is None:
        return
    try:
        state = (context.options.folder / os.fsdecode(track.raw_path)).stat()
    except OSError:
        return
    track.size, track.mtime_ns = state.st_size, state.st_mtime_ns


def _end_run(session: Session, run_id: int) -> None:
    run = session.get(Run, run_id)
    if run is not None and run.ended_at is None:
        run.ended_at = time.time()
