"""Jobs as rows: made, taken by workers, finished, taken over from the dead."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from tagger.service.db.models import Job, JobItem, Track

WAITING, TAKEN, DONE, FAILED = 0, 1, 2, 3
"""States of an item."""

MOST_ATTEMPTS = 5
"""A job that was taken over so often kills its workers."""

UPLOADS = "uploads"
"""What the job is about in which uploads are scanned as they come."""

UNDER_WAY = ("queued", "running")

ALONE = ("look", "learn")
"""Kinds of jobs that have no items: one worker does all of it."""

_QUIET: Any = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWork:
    """What a job is to be.

    Attributes:
        kind: look, scan, write, undo or learn.
        about: for people.
        options: of the scan.
        needs_library: only a worker that has the library's folder can do it.
        needs_journal: it changes files of the library.
        asked_by: who asked for it.
        run_id: of the changes that it makes.
    """

    kind: str
    about: str = ""
    options: dict[str, Any]
    needs_library: bool = False
    needs_journal: bool = False
    asked_by: str = ""
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Able:
    """What a worker can do: it has the library's folder, and holds its journal."""

    library: bool = True
    journal: bool = True


def add_job(session: Session, work: NewWork, which: ColumnElement[bool] | None) -> Job:
    """Add a job over the tracks that match; over none of them for None."""
    job = Job(
        kind=work.kind,
        about=work.about,
        options=work.options,
        needs_library=work.needs_library,
        needs_journal=work.needs_journal,
        asked_by=work.asked_by,
        run_id=work.run_id,
        created_at=time.time(),
    )
    session.add(job)
    session.flush()
    if which is not None:
        place = func.row_number().over(order_by=(Track.folder, Track.name_key, Track.id))
        tracks = select(literal(job.id), Track.id, place, literal(WAITING)).where(which)
        columns = ["job_id", "track_id", "position", "state"]
        session.execute(insert(JobItem).from_select(columns, tracks))
        job.n_total = count_items(session, job.id)
    return job


def one_under_way(session: Session, kind: str) -> int | None:
    """The number of a job of some kind that waits or runs; None if there is none."""
    query = select(Job.id).where(Job.kind == kind, Job.state.in_(UNDER_WAY)).limit(1)
    return session.scalar(query)


def scan_upload(session: Session, track_id: int, *, asked_by: str) -> Job:
    """Let an upload be scanned: in the job of those that came just before it, if that goes on.

    Ten thousand files that are dropped at once are one job.
    """
    query = (
        select(Job)
        .where(
            Job.kind == "scan",
            Job.about == UPLOADS,
            Job.asked_by == asked_by,
            Job.state.in_(UNDER_WAY),
        )
        .order_by(Job.id.desc())
        .limit(1)
        .with_for_update()  # it does not end before this item is in it
    )
    job = session.scalar(query)
    if job is None or job.state not in UNDER_WAY:
        work = NewWork(kind="scan", about=UPLOADS, options={}, asked_by=asked_by)
        job = add_job(session, work, None)
    job.n_total += 1
    session.add(JobItem(job_id=job.id, track_id=track_id, position=job.n_total, state=WAITING))
    return job


def count_items(session: Session, job_id: int, states: Sequence[int] = ()) -> int:
    """How many items a job has, in some states or in all."""
    query = select(func.count()).select_from(JobItem).where(JobItem.job_id == job_id)
    if states:
        query = query.where(JobItem.state.in_(states))
    return session.scalar(query) or 0


def take_job(session: Session, worker: str, able: Able) -> Job | None:
    """The oldest job in which there is something to do for a worker; None without one."""
    free = exists().where(JobItem.job_id == Job.id, JobItem.state == WAITING)
    is_alone = and_(Job.kind.in_(ALONE), or_(Job.worker.is_(None), Job.worker == worker))
    left = exists().where(JobItem.job_id == Job.id, JobItem.state.in_([WAITING, TAKEN]))
    # One with nothing left, whose tracks were deleted perhaps, is finished by who sees it.
    is_empty = and_(Job.kind.not_in(ALONE), ~left)
    terms = [Job.state.in_(UNDER_WAY), or_(free, is_alone, is_empty), ~_waits_for_a_look()]
    if not able.library:
        terms.append(Job.needs_library.is_(False))
    if not able.journal:
        terms.append(Job.needs_journal.is_(False))
    query = select(Job).where(*terms).order_by(Job.id).limit(1)
    job = session.scalar(query.with_for_update(skip_locked=True))
    if job is None:
        return None
    if job.state == "queued":
        job.state, job.started_at = "running", job.started_at or time.time()
        job.error = None
    if job.kind in ALONE:
        job.worker = worker
    return job


def _waits_for_a_look() -> ColumnElement[bool]:
    """Whether a job is a look, and another one is before it.

    Two at once would each call missing what only the other one saw, and both insert what is
    new. First comes what runs, then what was asked for first: of any two, one may go on.
    """
    other = aliased(Job)
    runs_alone = and_(other.state == "running", Job.state == "queued")
    is_first = and_(other.state == Job.state, other.id < Job.id)
    is_before = and_(
        other.kind == "look", other.state.in_(UNDER_WAY), or_(runs_alone, is_first)
    )
    return and_(Job.kind == "look", exists().where(is_before))


def tell_waiting(session: Session, reason: str) -> None:
    """Say beside jobs that need the journal why they wait."""
    session.execute(
        update(Job)
        .where(Job.state == "queued", Job.needs_journal, Job.error.is_(None))
        .values(error=reason)
        .execution_options(**_QUIET)
    )


def take_items(session: Session, job_id: int, worker: str, *, at_most: int) -> list[int]:
    """Tracks of a job that nobody has yet, now this worker's, in order."""
    is_open = select(Job.id).where(Job.id == job_id, Job.state == "running")
    if session.scalar(is_open) is None:
        return []
    free = (
        select(JobItem.track_id)
        .where(JobItem.job_id == job_id, JobItem.state == WAITING)
        .order_by(JobItem.position)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    taken = list(session.scalars(free))
    if taken:
        session.execute(
            update(JobItem)
            .where(JobItem.job_id == job_id, JobItem.track_id.in_(taken))
            .values(state=TAKEN, worker=worker)
            .execution_options(**_QUIET)
        )
    return taken


def settle(
    session: Session, job_id: int, worker: str, outcomes: Iterable[tuple[int, bool]]
) -> set[int]:
    """Note that items are done: (track, whether it went well).

    Returns:
        The tracks that were this worker's; what became of the others is not to be recorded,
        since another worker has them by now.
    """
    good = dict(outcomes)
    mine = owned(session, job_id, worker, list(good))
    for state, is_good in ((DONE, True), (FAILED, False)):
        group = [track for track in mine if good[track] is is_good]
        if group:
            session.execute(
                update(JobItem)
                .where(JobItem.job_id == job_id, JobItem.track_id.in_(group))
                .values(state=state, worker=None)
                .execution_options(**_QUIET)
            )
    n_failed = sum(not good[track] for track in mine)
    session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(n_done=Job.n_done + len(mine) - n_failed, n_failed=Job.n_failed + n_failed)
        .execution_options(**_QUIET)
    )
    return mine


def owned(session: Session, job_id: int, worker: str, tracks: Sequence[int]) -> set[int]:
    """Those of some tracks of a job that are a worker's still."""
    query = select(JobItem.track_id).where(
        JobItem.job_id == job_id,
        JobItem.track_id.in_(tracks),
        JobItem.state == TAKEN,
        JobItem.worker == worker,
    )
    return set(session.scalars(query.with_for_update()))


def finish_if_done(session: Session, job_id: int) -> bool:
    """End a job in which nothing is left to do, and nothing in anybody's hands."""
    # Locked first, looked at then: who adds an item meanwhile has the same lock.
    running = select(Job).where(Job.id == job_id, Job.state == "running").with_for_update()
    job = session.scalar(running.execution_options(populate_existing=True))
    if job is None or count_items(session, job_id, [WAITING, TAKEN]):
        return False
    job.state, job.finished_at, job.worker = "done", time.time(), None
    return True


def fail_job(session: Session, job_id: int, reason: str) -> None:
    """End a job that cannot go on; what nobody did of it is left for a retry."""
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == "running")
        .values(state="failed", error=reason[:2000], finished_at=time.time(), worker=None)
        .execution_options(**_QUIET)
    )
    _give_back(session, JobItem.job_id == job_id, TAKEN)


def cancel_job(job: Job) -> None:
    """End a job; a worker that is at it sees that with its next result."""
    job.state, job.is_cancelled = "cancelled", True
    job.finished_at, job.worker = time.time(), None


def retry_job(session: Session, job: Job) -> None:
    """Begin again with what failed, and with what was left."""
    _give_back(session, JobItem.job_id == job.id, TAKEN, FAILED)
    job.state, job.is_cancelled, job.error = "queued", False, None
    job.n_failed, job.attempts, job.finished_at, job.worker = 0, 0, None, None


def _give_back(session: Session, which: ColumnElement[bool], *states: int) -> None:
    session.execute(
        update(JobItem)
        .where(which, JobItem.state.in_(states))
        .values(state=WAITING, worker=None)
        .execution_options(**_QUIET)
    )
