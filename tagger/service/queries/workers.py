"""Workers as rows: whose heart beats, and what the dead had in hand."""

from typing import Any

from sqlalchemy import and_, delete, select, update
from sqlalchemy.orm import Session

from tagger.service.db.engine import clock_s
from tagger.service.db.models import Job, JobItem, Worker
from tagger.service.queries.jobs import MOST_ATTEMPTS, TAKEN, UNDER_WAY, WAITING
from tagger.service.queries.runs import end_run_of

_QUIET: Any = {"synchronize_session": False}


def beat(session: Session, worker: str, *, about: str) -> None:
    """Say that a worker lives."""
    now = clock_s(session)
    row = session.get(Worker, worker)
    if row is None:
        session.add(Worker(id=worker, about=about, started_at=now, heartbeat_at=now))
    else:
        row.heartbeat_at = now


def take_from_dead(session: Session, *, lease_s: float) -> int:
    """Give back what workers had whose heart has not beaten for long.

    Returns:
        How many jobs go on with others.
    """
    now = clock_s(session)
    alive = select(Worker.id).where(Worker.heartbeat_at > now - lease_s)
    running = select(Job.id).where(Job.state.in_(UNDER_WAY))
    lost = and_(
        JobItem.state == TAKEN, JobItem.worker.not_in(alive), JobItem.job_id.in_(running)
    )
    jobs = set(session.scalars(select(JobItem.job_id).where(lost).distinct()))
    looks = and_(Job.state == "running", Job.worker.is_not(None), Job.worker.not_in(alive))
    jobs |= set(session.scalars(select(Job.id).where(looks)))
    if not jobs:
        session.execute(delete(Worker).where(Worker.heartbeat_at < now - 10 * lease_s))
        return 0
    session.execute(
        update(JobItem)
        .where(lost)
        .values(state=WAITING, worker=None)
        .execution_options(**_QUIET)
    )
    for job in session.scalars(select(Job).where(Job.id.in_(jobs))):
        job.worker, job.attempts = None, job.attempts + 1
        if job.attempts >= MOST_ATTEMPTS:
            job.state, job.finished_at = "failed", now
            job.error = (
                f"Its worker ended {job.attempts} times; see the log, then retry the job."
            )
            end_run_of(session, job.id)
    return len(jobs)


def leave(session: Session, worker: str) -> None:
    """A worker goes in an orderly way: what it had is for others at once."""
    give_back(session, worker)
    session.execute(delete(Worker).where(Worker.id == worker))


def give_back(session: Session, worker: str) -> None:
    """What a worker has in hand is for others, or for itself later."""
    session.execute(
        update(JobItem)
        .where(JobItem.worker == worker, JobItem.state == TAKEN)
        .values(state=WAITING, worker=None)
        .execution_options(**_QUIET)
    )
    session.execute(
        update(Job).where(Job.worker == worker).values(worker=None).execution_options(**_QUIET)
    )
