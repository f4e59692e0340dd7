"""Jobs: started, watched while they run, cancelled, tried again."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from tagger.service.access import Editor, Id, Reader, TheService
from tagger.service.convert import job_row
from tagger.service.db.engine import AWAY
from tagger.service.db.models import Job, Track
from tagger.service.problems import conflict, not_there, wrong
from tagger.service.queries.filters import chosen
from tagger.service.queries.jobs import (
    UNDER_WAY,
    NewWork,
    add_job,
    cancel_job,
    one_under_way,
    retry_job,
)
from tagger.service.queries.runs import end_run_of
from tagger.service.schemas.common import HIGHEST
from tagger.service.schemas.work import JobList, JobRow, NewJob
from tagger.service.service import Service

router = APIRouter(tags=["jobs"])

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
_POLL_S, _ALIVE_S = 0.4, 15.0


@router.get("/jobs", summary="List jobs")
def list_jobs(
    service: TheService,
    _caller: Reader,
    cursor: Annotated[int | None, Query(ge=1, le=HIGHEST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobList:
    """Jobs, the newest first."""
    query = select(Job).order_by(Job.id.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(Job.id < cursor)
    with service.database.reading() as session:
        jobs = session.scalars(query).all()
    more = str(jobs[limit - 1].id) if len(jobs) > limit else None
    return JobList(items=[job_row(job) for job in jobs[:limit]], next_cursor=more)


@router.post("/jobs", status_code=202, summary="Start a scan or a look")
def start_job(service: TheService, caller: Editor, new: NewJob) -> JobRow:
    """A scan of some tracks, or of all; or a look for files that are new in the library."""
    with service.database.writing() as session:
        if new.kind == "look":
            job = _start_look(session, service, new, caller.name)
        else:
            job = _start_scan(session, service, new, caller.name)
        session.flush()
        return job_row(job)


def _start_look(session: Session, service: Service, new: NewJob, caller: str) -> Job:
    if service.options.folder is None:
        raise conflict("There is no library.", remedy="Start the service with a folder.")
    if (number := one_under_way(session, "look")) is not None:
        raise conflict(
            f"Job {number} looks through the library already.",
            remedy="Wait until it has ended; look again for what came since.",
        )
    work = NewWork(
        kind="look",
        about=str(service.options.folder.name),
        options={"scan": True, "scan_options": new.options.model_dump()},
        needs_library=True,
        asked_by=caller,
    )
    return add_job(session, work, None)


def _start_scan(session: Session, service: Service, new: NewJob, caller: str) -> Job:
    which = chosen(new, is_sqlite=service.database.is_sqlite) & (Track.status != "missing")
    in_library = select(Track.id).where(which, Track.source == "library").limit(1)
    work = NewWork(
        kind="scan",
        options=new.options.model_dump(),
        needs_library=session.scalar(in_library) is not None,
        asked_by=caller,
    )
    job = add_job(session, work, which)
    if not job.n_total:
        raise wrong("No track matches.", remedy="Choose others, or look for new files first.")
    job.about = f"{job.n_total:,} track{'s' * (job.n_total != 1)}"
    return job


def job_of(session: Session, job_id: int) -> Job:
    """A job by its number.

    Raises:
        ProblemError: there is none.
    """
    job = session.get(Job, job_id)
    if job is None:
        raise not_there(f"job {job_id}")
    return job


@router.get("/jobs/{job_id}", summary="One job")
def get_job(service: TheService, _caller: Reader, job_id: Id) -> JobRow:
    """How far a job is."""
    with service.database.reading() as session:
        return job_row(job_of(session, job_id))


@router.post("/jobs/{job_id}/cancel", summary="Cancel a job")
def cancel(service: TheService, _caller: Editor, job_id: Id) -> JobRow:
    """End a job; what it has done so far stays."""
    with service.database.writing() as session:
        job = job_of(session, job_id)
        if job.state not in UNDER_WAY:
            raise conflict(f"Job {job_id} has ended.", remedy="Nothing is left to cancel.")
        cancel_job(job)
        end_run_of(session, job_id)
        return job_row(job)


@router.post("/jobs/{job_id}/retry", summary="Try a job again")
def retry(service: TheService, _caller: Editor, job_id: Id) -> JobRow:
    """Go on with what failed or was left, in the same job."""
    with service.database.writing() as session:
        job = job_of(session, job_id)
        if job.state in UNDER_WAY:
            raise conflict(f"Job {job_id} is under way.", remedy="Wait for it, or cancel it.")
        retry_job(session, job)
        return job_row(job)


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses=_EVENTS,
            summary="Watch a job")  # fmt: skip
async def watch_job(
    request: Request, service: TheService, _caller: Reader, job_id: Id
) -> StreamingResponse:
    """Server-sent events: `job`, with its row, whenever it changes, until it has ended."""
    await run_in_threadpool(_rows, service, [job_id])

    async def events() -> AsyncIterator[str]:
        async for rows in _changes(request, service, [job_id]):
            yield rows
            if '"finished_at":null' not in rows and rows.startswith("event"):
                return

    return _stream(events())


@router.get("/events", response_class=StreamingResponse, responses=_EVENTS,
            summary="Watch all jobs")  # fmt: skip
async def watch_all(
    request: Request, service: TheService, _caller: Reader
) -> StreamingResponse:
    """Server-sent events: `job` for each job that is under way or has just ended."""
    return _stream(_changes(request, service, None))


def _stream(events: AsyncIterator[str]) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, headers=headers, media_type="text/event-stream")


async def _changes(
    request: Request, service: Service, ids: list[int] | None
) -> AsyncIterator[str]:
    """An event for each change, and a comment now and then, by which a dead line is noticed."""
    sent: dict[int, str] = {}
    open_ids: set[int] = set()
    spoken_s = time.monotonic()
    stopping = request.app.state.stopping
    yield ": here\n\n"
    while not stopping.is_set():
        for row in await run_in_threadpool(_rows_if_any, service, ids, open_ids):
            open_ids -= {row.id}
            open_ids |= {row.id} if row.finished_at is None else set()
            text = row.model_dump_json()
            if sent.get(row.id) != text:
                sent[row.id] = text
                spoken_s = time.monotonic()
                yield f"event: job\nid: {row.id}-{row.n_done}\ndata: {text}\n\n"
        if time.monotonic() - spoken_s > _ALIVE_S:
            spoken_s = time.monotonic()
            yield f": {json.dumps('alive')}\n\n"
        await asyncio.sleep(_POLL_S)


def _rows_if_any(
    service: Service, ids: list[int] | None, open_ids: Collection[int]
) -> list[JobRow]:
    """The same; none while the database does not answer: the stream goes on after that."""
    try:
        return _rows(service, ids, open_ids)
    except AWAY:
        return []


def _rows(
    service: Service, ids: list[int] | None, open_ids: Collection[int] = ()
) -> list[JobRow]:
    """The jobs of some numbers, or those that are under way, were so, or have just ended."""
    with service.database.reading() as session:
        if ids is not None:
            return [job_row(job_of(session, id_)) for id_ in ids]
        lately = time.time() - 5
        # The clock of another machine tells when a job has ended: those told of are asked for.
        is_told = or_(Job.finished_at > lately, Job.id.in_(open_ids))
        query = select(Job).where(or_(Job.state.in_(UNDER_WAY), is_told))
        return [job_row(job) for job in session.scalars(query.order_by(Job.id).limit(50))]
