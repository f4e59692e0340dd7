"""Runs: what wrote, how much of it, and what can be taken back."""

import time
from collections.abc import Sequence

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from tagger.service.db.models import Change, Job, Run, Track
from tagger.service.schemas.common import time_at, time_of
from tagger.service.schemas.work import ChangeRow, RunRow

MOST_CHANGES = 1000


def begin_run(
    session: Session, kind: str, *, about: str, model: str = "", undoes: int | None = None
) -> Run:
    """A run, before its first change."""
    run = Run(kind=kind, about=about, model=model, undoes=undoes, began_at=time.time())
    session.add(run)
    session.flush()
    return run


def end_run_of(session: Session, job_id: int) -> None:
    """Note that the run of a job has ended, if it has one."""
    job = session.get(Job, job_id)
    run = session.get(Run, job.run_id) if job is not None and job.run_id is not None else None
    if run is not None and run.ended_at is None:
        run.ended_at = time.time()


def runs_of(session: Session, *, before: int | None, limit: int) -> list[RunRow]:
    """Runs, the newest first."""
    query = select(Run).order_by(Run.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Run.id < before)
    return rows_of(session, session.scalars(query).all())


def rows_of(session: Session, runs: Sequence[Run]) -> list[RunRow]:
    """Runs with the numbers of their changes."""
    written = case((Change.error.is_(None), 1), else_=0)
    query = (
        select(
            Change.run_id,
            func.sum(written),
            func.sum(1 - written),
            func.sum(case((Change.is_undone, 1), else_=0)),
        )
        .where(Change.run_id.in_([run.id for run in runs]))
        .group_by(Change.run_id)
    )
    counts = {
        run: (int(n), int(bad), int(back)) for run, n, bad, back in session.execute(query)
    }
    return [_row(run, *counts.get(run.id, (0, 0, 0))) for run in runs]


def _row(run: Run, n_written: int, n_failed: int, n_undone: int) -> RunRow:
    return RunRow(
        id=run.id,
        kind="undo" if run.kind == "undo" else "write",
        about=run.about,
        model=run.model,
        began_at=time_at(run.began_at),
        ended_at=time_of(run.ended_at),
        n_written=n_written,
        n_failed=n_failed,
        n_undone=n_undone,
        undoes=run.undoes,
        can_undo=run.kind == "write" and n_written > n_undone,
    )


def changes_of(session: Session, run_id: int) -> list[ChangeRow]:
    """The first changes of a run."""
    query = (
        select(Change, Track.name, Track.folder)
        .join(Track, Track.id == Change.track_id)
        .where(Change.run_id == run_id)
        .order_by(Change.id)
        .limit(MOST_CHANGES)
    )
    return [
        ChangeRow(
            track_id=change.track_id,
            name=name,
            folder=folder,
            before=change.before,
            after=change.after,
            is_undone=change.is_undone,
            error=change.error,
        )
        for change, name, folder in session.execute(query)
    ]


def last_run_of(session: Session, track_id: int) -> int | None:
    """The last run whose change of a track is in force."""
    return session.scalar(
        select(func.max(Change.run_id)).where(
            Change.track_id == track_id, Change.is_undone.is_(False), Change.error.is_(None)
        )
    )
