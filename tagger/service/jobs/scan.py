"""The scan of a job's tracks: taken a few hundred at a time, each recorded once."""

import contextlib
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tagger import ScanOptions, TrackResult
from tagger.errors import InputError
from tagger.genres.spelling import Spelling
from tagger.scan.records import ListenOptions
from tagger.service.db.models import Facet, Job, Track
from tagger.service.jobs.context import Context, GivenUpError
from tagger.service.problems import ProblemError
from tagger.service.queries.facets import set_facets
from tagger.service.queries.jobs import settle, take_items
from tagger.service.texts import plain

CHUNK = 256
"""Tracks that are scanned together: at the end of each, cores wait for the last one."""

_MOST_TIMES_BACK = 3
"""So often some tracks are begun again because of a file that was away for a moment."""

_FLUSH_S = 0.3
_FLUSH_N = 64


def scan_job(context: Context, job: Job) -> None:
    """Scan what is left of a job, until nothing is or it is cancelled.

    Raises:
        GivenUpError: it was cancelled, or the worker is to stop.
        StartError: the model cannot be used.
    """
    options = scan_options(context, job.options)
    while not context.stop.is_set():
        tracks = context.patiently(lambda: _take(context, job.id))
        if not tracks:
            return
        try:
            _scan_tracks(context, job.id, tracks, options)
        finally:
            context.drop_copies()


def _take(context: Context, job_id: int) -> list[Track]:
    with context.database.writing() as session:
        taken = take_items(session, job_id, context.id, at_most=CHUNK)
        tracks = {
            track.id: track
            for track in session.scalars(select(Track).where(Track.id.in_(taken)))
        }
    return [tracks[id_] for id_ in taken if id_ in tracks]


def scan_options(context: Context, asked: Mapping[str, Any]) -> ScanOptions:
    """The options of a scan that a job asks for; spellings are those of the whole library."""
    return ScanOptions(
        policy=asked.get("policy", "fill"),
        top=asked.get("top"),
        threshold=asked.get("threshold"),
        score_all=asked.get("score_all", False),
        listen=ListenOptions(
            full=asked.get("full", False), limit_s=asked.get("time_limit_s", 60.0)
        ),
        spelling=Spelling(lambda: context.patiently(lambda: _spellings(context))),
    )


def _spellings(context: Context) -> dict[str, int]:
    query = select(Facet.label, func.count()).where(Facet.kind == "n").group_by(Facet.label)
    with context.database.reading() as session:
        return {label: int(n) for label, n in session.execute(query)}


def _scan_tracks(
    context: Context, job_id: int, tracks: Sequence[Track], options: ScanOptions
) -> None:
    """Scan some tracks, and record what becomes of each in small groups."""
    recorder = Recorder(context, job_id)
    files = _files(context, tracks, recorder)
    n_back = 0
    while files:
        try:
            _scan_files(context, files, options, recorder)
        except InputError as error:  # a file went away since it was looked at
            gone = [path for path in files if not path.exists()]
            # One that was written anew, as tag editors do, is there again by now.
            n_back += not gone
            if n_back > _MOST_TIMES_BACK:
                raise
            for track in (track for path in gone for track in files.pop(path)):
                recorder.add(track, _failed(track, str(error)))
    recorder.flush()


def _files(
    context: Context, tracks: Sequence[Track], recorder: "Recorder"
) -> dict[Path, list[Track]]:
    """The file of each track; those that have none have failed."""
    files: dict[Path, list[Track]] = {}
    for track in tracks:
        try:
            files.setdefault(context.file_of(track), []).append(track)
        except (ProblemError, OSError) as error:
            recorder.add(track, _failed(track, str(error)))
    return files


def _scan_files(
    context: Context,
    files: dict[Path, list[Track]],
    options: ScanOptions,
    recorder: "Recorder",
) -> None:
    """Scan files, and take each out of `files` with its result."""
    results = context.tagger.scan(list(files), options, stop=recorder.stop)
    with contextlib.closing(results):
        for result in results:
            for track in files.pop(result.path, ()):
                recorder.add(track, result)
    for track in (track for path in list(files) for track in files.pop(path)):
        recorder.add(track, _failed(track, "The settings' `exclude` leaves it out."))


def _failed(track: Track, reason: str) -> TrackResult:
    return TrackResult(
        path=Path(track.name), status="failed", genres=tuple(track.genres), reason=reason
    )


class Recorder:
    """Records results in groups, and notices that a job is cancelled."""

    def __init__(self, context: Context, job_id: int) -> None:
        self.context, self.job_id = context, job_id
        self.stop = threading.Event()
        self._held: list[tuple[Track, TrackResult]] = []
        self._since = time.monotonic()

    def add(self, track: Track, result: TrackResult) -> None:
        """Hold one result, and record what is held once it is enough."""
        self._held.append((track, result))
        is_late = time.monotonic() - self._since > _FLUSH_S
        if len(self._held) >= _FLUSH_N or is_late:
            self.flush()

    def flush(self) -> None:
        """Record what is held.

        Raises:
            GivenUpError: the job is not under way any more, or the worker is to stop.
        """
        held, self._held = self._held, []
        is_open = self.context.patiently(lambda: self._record(held))
        self._since = time.monotonic()
        if not is_open or self.context.stop.is_set():
            self.stop.set()
            raise GivenUpError

    def _record(self, held: Sequence[tuple[Track, TrackResult]]) -> bool:
        with self.context.database.writing() as session:
            outcomes = [(track.id, result.status != "failed") for track, result in held]
            mine = settle(session, self.job_id, self.context.id, outcomes)
            spec = self.context.tagger.spec
            record_results(
                session,
                [(track.id, result) for track, result in held if track.id in mine],
                model=f"{spec.name} {spec.revision[:12]}",
            )
            job = session.get(Job, self.job_id)
            if job is None or job.state != "running":
                return False
            if held:
                job.current = f"{held[-1][0].folder}{held[-1][0].name}"
            return True


def record_results(
    session: Session, results: Iterable[tuple[int, TrackResult]], *, model: str
) -> None:
    """Let tracks say what a scan says of them.

    What somebody has decided stays: an accepted edit is not taken back by a scan.
    """
    by_id = dict(results)
    tracks = session.scalars(select(Track).where(Track.id.in_(list(by_id)))).all()
    for track in tracks:
        _apply(track, by_id[track.id], model)
    if tracks:
        set_facets(session, tracks)


def _apply(track: Track, result: TrackResult, model: str) -> None:
    is_new = result.status == "proposed"
    now = result.previous if is_new else result.genres
    if result.status != "failed":
        track.genres = [plain(genre) for genre in now]
    suggested = [plain(genre) for genre in result.genres] if is_new else []
    track.suggested = suggested
    track.reason = plain(result.reason) if result.reason is not None else None
    if result.scores is not None:
        best = next(iter(result.scores.items()), ("", 0.0))
        track.scores, (track.top_label, track.top_score) = dict(result.scores), best
        track.others, track.model = result.others, model
    if result.duration_s is not None:
        track.duration_s = result.duration_s
    is_own = track.is_edited and track.decision == "accepted" and track.status == "proposed"
    if not (is_own and track.proposed != track.genres):
        if suggested != track.proposed:
            track.decision = "open"  # what was decided was decided of something else
        track.proposed, track.status, track.is_edited = suggested, result.status, False
    track.scanned_at = time.time()
    track.version += 1
