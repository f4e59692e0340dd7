"""Learning the library's genres: `tagger learn` on the library's folder, as a job."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tagger import TrackResult
from tagger.service.db.models import Job, Lesson, Track
from tagger.service.jobs.context import Context, GivenUpError
from tagger.service.texts import plain

if TYPE_CHECKING:
    from tagger.learning.run import Lesson as Learned
    from tagger.learning.suspicions import Suspicion

MOST_DOUBTED = 200
"""Tracks whose genres look wrong that are kept; nobody reads more of them."""

_TELL_S = 0.5


def learn_job(context: Context, job: Job) -> None:
    """Learn a model from what the library's files hold, and keep what was seen.

    A worker that takes over from a dead one begins again: what was decoded is remembered.

    Raises:
        GivenUpError: it was cancelled, or the worker is to stop.
        InputError: the library holds nothing that can be learned.
        ModelError: the usual model gives no embedding.
    """
    # NumPy and ONNX: other jobs need neither of them.
    from tagger.learning.calibrate import PRECISION  # noqa: PLC0415
    from tagger.learning.run import LearnOptions, learn_library  # noqa: PLC0415

    root = context.options.folder
    assert root is not None
    asked = job.options
    options = LearnOptions(
        name=asked["name"],
        min_tracks=asked["min_tracks"],
        include=tuple(asked["include"]),
        exclude=tuple(asked["exclude"]),
        keep_labels=asked["keep_labels"],
        precision=asked["precision"] or PRECISION,
    )
    notes: list[str] = []
    progress = _Progress(context, job.id)
    # Asked before the model is written: it would be there without its lesson.
    lesson = learn_library(
        context.tagger,
        [root],
        options,
        say=notes.append,
        on_track=progress.see,
        on_fitted=progress.tell,
    )
    context.patiently(lambda: _keep(context, options.name, lesson, notes))
    context.patiently(lambda: _end(context, job.id))


class _Progress:
    """Counts files, and says now and then how many there were."""

    def __init__(self, context: Context, job_id: int) -> None:
        self.context, self.job_id = context, job_id
        self.n_done = self.n_failed = 0
        self._current = ""
        self._told_s = 0.0

    def see(self, result: TrackResult) -> None:
        """Count a file.

        Raises:
            GivenUpError: the job is not under way any more, or the worker is to stop.
        """
        self.n_done += result.status != "failed"
        self.n_failed += result.status == "failed"
        self._current = plain(str(result.path))
        if time.monotonic() - self._told_s > _TELL_S:
            self.tell()

    def tell(self) -> None:
        """Say how many files there were, at once."""
        self._told_s = time.monotonic()
        if not self.context.patiently(self._note) or self.context.stop.is_set():
            raise GivenUpError

    def _note(self) -> bool:
        with self.context.database.writing() as session:
            job = session.get(Job, self.job_id)
            if job is None or job.state != "running" or job.worker != self.context.id:
                return False
            job.n_done, job.n_failed, job.current = self.n_done, self.n_failed, self._current
            job.n_total = max(job.n_total, self.n_done + self.n_failed)
            return True


def _keep(context: Context, name: str, lesson: "Learned", notes: Sequence[str]) -> None:
    """Keep what came of it in place of what came of it before."""
    from tagger.learning.show import lesson_record  # noqa: PLC0415 - brings NumPy

    suspicions, record = lesson.learned.suspicions, lesson_record(lesson)
    kept = {
        "labels": [_label(label) for label in record["labels"]],
        "left_out": record["left_out"],
        "doubted": _doubted(context, suspicions[:MOST_DOUBTED]),
        "n_doubted": len(suspicions),
        "figures": record["figures"],
        "notes": list(notes),
    }
    row = Lesson(
        name=name,
        revision=lesson.written.spec.revision,
        learned_at=time.time(),
        record=_plain(kept),
    )
    with context.database.writing() as session:
        session.merge(row)


def _label(record: dict[str, Any]) -> dict[str, Any]:
    """A label's row as it goes over HTTP."""
    interval = record.pop("interval") or {}
    confused = [{"label": label, "share": share} for label, share in record["confused_with"]]
    ends = {"low": interval.get("low"), "high": interval.get("high")}
    return {**record, **ends, "confused_with": confused}


def _end(context: Context, job_id: int) -> None:
    with context.database.writing() as session:
        job = session.get(Job, job_id)
        if job is not None and job.state == "running":
            job.state, job.finished_at, job.worker = "done", time.time(), None


def _doubted(context: Context, suspicions: "Sequence[Suspicion]") -> list[dict[str, Any]]:
    """Tracks whose genres look wrong, with the numbers of their rows."""
    root = context.options.folder
    assert root is not None
    places = {suspicion.path: _place(root, suspicion.path) for suspicion in suspicions}
    query = select(Track.raw_path, Track.id, Track.folder, Track.name).where(
        Track.raw_path.in_([place for place in places.values() if place is not None])
    )
    with context.database.reading() as session:
        rows = {bytes(raw or b""): row for raw, *row in session.execute(query)}
    doubted = []
    for suspicion in suspicions:
        number, folder, name = rows.get(
            places[suspicion.path] or b"", (None, "", suspicion.path.name)
        )
        doubted.append(
            {
                "track_id": number,
                "folder": folder,
                "name": name,
                "genres": list(suspicion.genres),
                "own_score": suspicion.own_score,
                "suggested": suspicion.suggested,
                "score": suspicion.score,
            }
        )
    return doubted


def _place(root: Path, path: Path) -> bytes | None:
    """The bytes of a file's path below the library, as its row has them."""
    return os.fsencode(path.relative_to(root)) if path.is_relative_to(root) else None


def _plain(value: Any) -> Any:
    """The same JSON with texts that both databases can hold."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
