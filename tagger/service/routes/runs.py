"""What changes files: a write of what was accepted, and the undo of one."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from tagger.service.access import Id, Reader, TheService, Writer
from tagger.service.convert import job_row
from tagger.service.db.models import Change, Run, Track
from tagger.service.problems import conflict, not_there, wrong
from tagger.service.queries.filters import chosen
from tagger.service.queries.jobs import NewWork, add_job
from tagger.service.queries.runs import begin_run, changes_of, rows_of, runs_of
from tagger.service.queries.statistics import TO_WRITE
from tagger.service.schemas.common import HIGHEST, Model, RowId
from tagger.service.schemas.work import (
    JobRow,
    RunDetail,
    RunList,
    Started,
    WriteExample,
    WritePreview,
    WriteRequest,
)

router = APIRouter(tags=["writing"])

_N_EXAMPLES = 20


class UndoRequest(Model):
    """Which of a run's tracks are to go back; all without `ids`."""

    ids: list[RowId] | None = None


@router.post("/writes", status_code=202, summary="Write what was accepted")
def write(
    response: Response, service: TheService, caller: Writer, asked: WriteRequest
) -> Started:
    """Give files the genres that were accepted for them; with `dry_run`, only say which.

    Files of the library are changed in place, each through the journal; an upload gets a new
    object. The run can be undone.
    """
    which = and_(chosen(asked, is_sqlite=service.database.is_sqlite), TO_WRITE)
    with service.database.writing() as session:
        preview = _preview(session, which)
        if asked.dry_run:
            response.status_code = 200
            return Started(job=None, preview=preview)
        if not preview.n_files:
            raise wrong(
                "Nothing that was accepted is left to write.", remedy="Accept some first."
            )
        about = f"{preview.n_files:,} file{'s' * (preview.n_files != 1)}"
        run = begin_run(session, "write", about=about, model=service.tagger().spec.name)
        work = NewWork(
            kind="write",
            about=about,
            options={},
            needs_library=preview.n_library > 0,
            needs_journal=preview.n_library > 0,
            asked_by=caller.name,
            run_id=run.id,
        )
        job = add_job(session, work, which)
        return Started(job=job_row(job), preview=preview)


def _preview(session: Session, which: ColumnElement[bool]) -> WritePreview:
    counts = select(Track.source, func.count()).where(which).group_by(Track.source)
    by_source = {source: int(n) for source, n in session.execute(counts)}
    order = (Track.folder, Track.name_key, Track.id)
    first = session.scalars(select(Track).where(which).order_by(*order).limit(_N_EXAMPLES))
    return WritePreview(
        n_files=sum(by_source.values()),
        n_library=by_source.get("library", 0),
        n_uploads=by_source.get("upload", 0),
        examples=[
            WriteExample(
                id=change.id,
                name=change.name,
                folder=change.folder,
                before=change.genres,
                after=change.proposed,
            )
            for change in first
        ],
    )


@router.get("/runs", summary="List runs")
def list_runs(
    service: TheService,
    _caller: Reader,
    cursor: Annotated[int | None, Query(ge=1, le=HIGHEST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RunList:
    """What wrote to files, the newest first."""
    with service.database.reading() as session:
        rows = runs_of(session, before=cursor, limit=limit + 1)
    more = str(rows[limit - 1].id) if len(rows) > limit else None
    return RunList(items=rows[:limit], next_cursor=more)


def _run_of(session: Session, run_id: int) -> Run:
    run = session.get(Run, run_id)
    if run is None:
        raise not_there(f"run {run_id}")
    return run


@router.get("/runs/{run_id}", summary="One run")
def get_run(service: TheService, _caller: Reader, run_id: Id) -> RunDetail:
    """A run, and what it did to each track."""
    with service.database.reading() as session:
        (row,) = rows_of(session, [_run_of(session, run_id)])
        changes = changes_of(session, run_id)
    return RunDetail(**row.model_dump(), changes=changes)


@router.post("/runs/{run_id}/undo", status_code=202, summary="Undo a run")
def undo(
    service: TheService,
    caller: Writer,
    run_id: Id,
    asked: Annotated[UndoRequest | None, Body()] = None,
) -> JobRow:
    """Give files back what they held before, to the byte. What was changed since stays."""
    in_force = and_(
        Change.run_id == run_id, Change.is_undone.is_(False), Change.error.is_(None)
    )
    if asked is not None and asked.ids is not None:
        in_force = and_(in_force, Change.track_id.in_(asked.ids))
    which = Track.id.in_(select(Change.track_id).where(in_force))
    with service.database.writing() as session:
        run = _run_of(session, run_id)
        in_library = select(Track.id).where(which, Track.source == "library").limit(1)
        needs = session.scalar(in_library) is not None
        work = NewWork(
            kind="undo",
            about=f"run {run.id} ({run.about})",
            options={"run_id": run.id},
            needs_library=needs,
            needs_journal=needs,
            asked_by=caller.name,
        )
        job = add_job(session, work, which)
        if run.kind != "write" or not job.n_total:
            raise conflict(f"Run {run_id} has nothing left to undo.", remedy="See GET /runs.")
        return job_row(job)
