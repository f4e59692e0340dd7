"""A look through the library: which files are there, and what each says of itself."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tagger import read_tags
from tagger.errors import TrackError
from tagger.library.selection import WalkOptions
from tagger.service.db.models import Job, Track
from tagger.service.jobs.context import Context, GivenUpError
from tagger.service.listing import about
from tagger.service.places import is_inside
from tagger.service.queries.facets import set_facets
from tagger.service.queries.jobs import NewWork, add_job
from tagger.service.texts import FOLDER_LEN, fold, folder_key, key, plain

GROUP = 200
"""Files that are looked at between two words to the database."""

_LONGEST_PATH = 2000
"""Bytes of a path that PostgreSQL can index."""


def look_job(context: Context, job: Job) -> None:
    """Bring the rows of the library's tracks up to date, and scan what is new.

    Raises:
        GivenUpError: it was cancelled, or the worker is to stop.
        InputError: the library's folder is not there.
    """
    root = context.options.folder
    assert root is not None
    unlisted: list[str] = []
    outside: list[str] = []
    walk = WalkOptions(on_error=lambda path, reason: unlisted.append(f"{path}: {reason}"))
    real_root = root.resolve()
    turn = context.patiently(lambda: _turn(context))
    group: list[Path] = []
    for path in context.tagger.tracks([root], walk):
        if is_inside(real_root, path):
            group.append(path)
        else:
            outside.append(f"{path}: leads out of the library's folder; it is left out")
        if len(group) == GROUP:
            _look_at(context, job, turn, root, group)
            group = []
    _look_at(context, job, turn, root, group)
    context.patiently(lambda: _end(context, job, turn, unlisted, outside))


def _turn(context: Context) -> int:
    """The number of this pass through the library, above those of all before it.

    It is not the job's: a job that is tried again, or taken over, would take what its first
    pass had seen for seen by this one, and what a later job has seen for missing.
    """
    with context.database.reading() as session:
        return (session.scalar(select(func.max(Track.seen))) or 0) + 1


def _look_at(context: Context, job: Job, turn: int, root: Path, paths: Sequence[Path]) -> None:
    """Look at some files, and record those that are new or changed."""
    if context.stop.is_set():
        raise GivenUpError
    raw = {os.fsencode(path.relative_to(root)): path for path in paths}
    raw = {name: path for name, path in raw.items() if len(name) <= _LONGEST_PATH}
    stored = context.patiently(lambda: _known(context, list(raw)))
    rows: dict[bytes, dict[str, Any]] = {}
    for name, path in raw.items():
        try:
            state = path.stat()
        except OSError:
            continue  # it went away meanwhile
        was = stored.get(name)
        if was is None or was != (state.st_size, state.st_mtime_ns):
            rows[name] = described(path, Path(os.fsdecode(name)), state)
    if not context.patiently(lambda: _record(context, job.id, turn, list(raw), rows)):
        raise GivenUpError


def _known(context: Context, raw: list[bytes]) -> dict[bytes, tuple[int, int]]:
    query = select(Track.raw_path, Track.size, Track.mtime_ns).where(
        Track.raw_path.in_(raw), Track.status != "missing"
    )
    with context.database.reading() as session:
        return {bytes(path or b""): (size, at) for path, size, at in session.execute(query)}


def described(path: Path, shown: Path, state: os.stat_result | None) -> dict[str, Any]:
    """The columns of a track that its file says.

    Args:
        path: the file.
        shown: folder and name under which it is listed.
        state: size and time; None for an upload, whose size its object tells.
    """
    tags = about(path)
    try:
        info = read_tags(path)
        container, genres = info.container, [plain(genre) for genre in info.genres]
    except TrackError:
        container, genres = "unknown", []  # the scan will tell why
    folder = folder_key(shown.parts[:-1])
    title = tags.title or plain(shown.stem)
    texts = (tags.title, tags.artist, tags.album, plain("/".join(shown.parts)))
    return {
        "folder": folder[:FOLDER_LEN],
        "name": plain(shown.name),
        "title": tags.title,
        "artist": tags.artist,
        "album": tags.album,
        "name_key": key(shown.name),
        "title_key": key(title),
        "artist_key": key(tags.artist),
        "album_key": key(tags.album),
        "search": fold(" ".join(texts))[:2000],
        "container": container,
        "genres": genres,
        "duration_s": tags.duration_s,
        "has_cover": tags.has_cover,
        **({} if state is None else {"size": state.st_size, "mtime_ns": state.st_mtime_ns}),
    }


def _record(
    context: Context,
    job_id: int,
    turn: int,
    raw: Sequence[bytes],
    rows: dict[bytes, dict[str, Any]],
) -> bool:
    """Record what was looked at; False if the job is not under way any more."""
    with context.database.writing() as session:
        job = session.get(Job, job_id)
        if job is None or job.state != "running" or job.worker != context.id:
            return False
        session.execute(
            update(Track)
            .where(Track.raw_path.in_(raw), Track.seen < turn)  # a later pass keeps its word
            .values(seen=turn)
            .execution_options(synchronize_session=False)
        )
        there = session.scalars(select(Track).where(Track.raw_path.in_(list(rows)))).all()
        old = {bytes(track.raw_path or b""): track for track in there}
        tracks = [
            _upsert(session, old.get(name), name, row, turn) for name, row in rows.items()
        ]
        session.flush()
        set_facets(session, tracks)
        job.n_done += len(raw)
        job.n_total = max(job.n_total, job.n_done)
        if raw:
            job.current = plain(os.fsdecode(raw[-1]))
        return True


def _upsert(
    session: Session, track: Track | None, raw: bytes, row: dict[str, Any], turn: int
) -> Track:
    """A new row, or an old one whose file has changed: it is to be scanned again."""
    if track is None:
        track = Track(source="library", raw_path=raw, added_at=time.time(), version=0)
        track.proposed, track.suggested, track.decision, track.seen = [], [], "open", 0
        session.add(track)
    for name, value in row.items():
        setattr(track, name, value)
    track.status, track.seen = "new", max(track.seen, turn)
    track.version += 1
    return track


def _end(
    context: Context, job: Job, turn: int, unlisted: Sequence[str], outside: Sequence[str]
) -> None:
    """Mark what is not there any more, and let the rest be scanned."""
    with context.database.writing() as session:
        row = session.get(Job, job.id)
        if row is None or row.state != "running" or row.worker != context.id:
            return
        problems = [*unlisted, *outside]
        if problems:
            row.error = plain("; ".join(problems[:10]))[:2000]
        if not unlisted:  # of a folder that could not be listed nobody knows what is missing
            session.execute(
                update(Track)
                .where(
                    Track.source == "library",
                    Track.seen < turn,
                    Track.status != "missing",
                )
                .values(status="missing", version=Track.version + 1)
                .execution_options(synchronize_session=False)
            )
        row.n_failed = len(problems)
        row.state, row.finished_at = "done", time.time()
        new = (Track.source == "library") & (Track.status == "new")
        n_new = session.scalar(select(func.count()).select_from(Track).where(new)) or 0
        if n_new and job.options.get("scan", True):
            work = NewWork(
                kind="scan",
                about=f"{n_new:,} new tracks",
                options=dict(job.options.get("scan_options", {})),
                needs_library=True,
                asked_by=job.asked_by,
            )
            add_job(session, work, new)
