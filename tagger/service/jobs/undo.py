"""Changes taken back: files from the journal, uploads by their former object."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger import read_tags
from tagger.errors import InputError, TrackError
from tagger.service.db.models import Change, Job, Track
from tagger.service.jobs.context import Context, GivenUpError
from tagger.service.jobs.write import mark_written, reason_of, taken_tracks
from tagger.service.problems import ProblemError
from tagger.service.queries.facets import set_facets
from tagger.service.queries.jobs import owned, settle
from tagger.service.texts import plain

_CHANGED = "It was changed since; undo that first."


def undo_job(context: Context, job: Job) -> None:
    """Take back what is left of a job, until nothing is or it is cancelled.

    Raises:
        GivenUpError: it was cancelled, or the worker is to stop.
        StateError: another process holds the journal.
    """
    run_id = int(job.options["run_id"])
    while tracks := context.patiently(lambda: taken_tracks(context, job.id)):
        uploads = [track for track in tracks if track.object_key is not None]
        files = [track for track in tracks if track.object_key is None]
        outcomes: list[tuple[int, str | None]] = [(upload.id, None) for upload in uploads]
        outcomes += list(_undo_files(context, run_id, files)) if files else []
        _record(context, job, run_id, outcomes)


def _undo_files(
    context: Context, run_id: int, tracks: Sequence[Track]
) -> Iterator[tuple[int, str | None]]:
    """Take back changes of library files: (track, why not, or None)."""
    files: dict[Path, Track] = {}
    for track in tracks:
        try:
            files[context.file_of(track).resolve()] = track
        except ProblemError as error:
            yield track.id, str(error)
    for number in _journal_runs(context, run_id):
        if not files:
            return
        with contextlib.suppress(InputError):  # that run has nothing left of these
            for result in context.tagger.undo(number, paths=list(files)):
                path = result.path.resolve()
                if path in files:
                    track = files.pop(path)
                    is_back = result.status in {"written", "unchanged"}
                    yield track.id, None if is_back else result.reason or _CHANGED
    for path, track in files.items():
        yield track.id, _still_changed(context, run_id, path, track)


def _journal_runs(context: Context, run_id: int) -> list[int]:
    """The journal's runs of one of the service, newest first: a killed worker leaves two."""
    return [run.id for run in context.tagger.runs() if run.about == reason_of(run_id)]


def _still_changed(context: Context, run_id: int, path: Path, track: Track) -> str | None:
    """None if a file holds again what it held: it was taken back before a worker was killed."""
    query = select(Change.before).where(Change.run_id == run_id, Change.track_id == track.id)
    try:
        with context.database.reading() as session:
            before = session.scalar(query)
        held = [plain(genre) for genre in read_tags(path).genres]
    except TrackError as error:
        return str(error)
    return None if held == before else _whose(context, run_id)


def _whose(context: Context, run_id: int) -> str:
    """Why this worker's journal has nothing of a change: another service's may have it."""
    query = select(Job.options).where(Job.run_id == run_id, Job.kind == "write")
    with context.database.reading() as session:
        journals = {name for row in session.scalars(query) for name in row.get("journals", ())}
    others = sorted(journals - {plain(context.journal_name())})
    if not others:
        return "The journal has nothing to take back for it."
    return (
        f"It was written with another journal ({', '.join(others)}), which alone can take it"
        " back. If another service on this database has that one, undo it again while this"
        " service is stopped."
    )


def _record(
    context: Context, job: Job, run_id: int, outcomes: Sequence[tuple[int, str | None]]
) -> None:
    def note() -> bool:
        with context.database.writing() as session:
            reasons = {
                track: _take_back(session, context, run_id, track, reason)
                for track, reason in _owned(session, context, job.id, outcomes)
            }
            good = [(track, reason is None) for track, reason in reasons.items()]
            settle(session, job.id, context.id, good)
            row = session.get(Job, job.id)
            if row is None or row.state != "running":
                return False
            row.error = row.error or next(filter(None, reasons.values()), None)
            return True

    if not context.patiently(note) or context.stop.is_set():
        raise GivenUpError


def _owned(
    session: Session, context: Context, job_id: int, outcomes: Sequence[tuple[int, str | None]]
) -> list[tuple[int, str | None]]:
    """The outcomes of tracks that are this worker's still."""
    mine = owned(session, job_id, context.id, [outcome for outcome, _ in outcomes])
    return [outcome for outcome in outcomes if outcome[0] in mine]


def _take_back(
    session: Session, context: Context, run_id: int, track_id: int, reason: str | None
) -> str | None:
    """Let a track and its change say that it is as it was, or why it is not.

    A change that could not be taken back is in force still: it can be tried again.
    """
    track = session.get(Track, track_id)
    change = session.scalar(
        select(Change).where(Change.run_id == run_id, Change.track_id == track_id)
    )
    if track is None or change is None:
        return "It is not there any more."
    if reason is None and track.object_key != change.after_key:
        reason = _CHANGED
    if reason is not None:
        track.reason = plain(reason)[:2000]
        return track.reason
    change.is_undone, change.error = True, None
    if change.before_key is not None:
        track.object_key = change.before_key
        if track.object_key == track.original_key:
            track.original_key = None
    mark_written(track, context)
    track.genres, track.proposed = list(change.before), list(change.after)
    track.status, track.decision, track.reason = "proposed", "open", None
    track.scanned_at = track.scanned_at or time.time()
    track.version += 1
    set_facets(session, [track])
    return None
