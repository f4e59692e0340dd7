"""Learning the library's genres: started, looked at, and used by scans."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tagger.errors import ModelError
from tagger.model.catalogue import PACKAGED, models_folder
from tagger.service.access import Editor, Reader, TheService
from tagger.service.answers import etagged
from tagger.service.convert import job_row
from tagger.service.db.models import Lesson, Track
from tagger.service.problems import conflict, not_there
from tagger.service.queries.jobs import NewWork, add_job, one_under_way
from tagger.service.schemas.common import time_at
from tagger.service.schemas.learn import (
    LessonDetail,
    LessonList,
    LessonRow,
    ModelChoice,
    NewLesson,
)
from tagger.service.schemas.work import JobRow
from tagger.service.service import Service
from tagger.service.texts import Storable
from tagger.service.used_model import choose_model, used_model

router = APIRouter(tags=["learning"])


@router.post("/learn", status_code=202, summary="Learn the library's genres")
def start_learning(service: TheService, caller: Editor, new: NewLesson) -> JobRow:
    """Fit a model to the genres that the library's files hold, and to what was corrected.

    Tracks that were scanned before are not decoded again. `GET /lessons/{name}` tells what came
    of it; no file changes, and scans use the model only once it is chosen.
    """
    if service.options.folder is None:
        raise conflict(
            "There is no library to learn from.",
            remedy="Start the service with the library's folder.",
        )
    with service.database.writing() as session:
        _check_name(session, new.name)
        _check_alone(session)
        n_tracks = session.scalar(
            select(func.count())
            .select_from(Track)
            .where(Track.source == "library", Track.status != "missing")
        )
        work = NewWork(
            kind="learn",
            about=f"{n_tracks or 0:,} track{'s' * (n_tracks != 1)}",
            options=new.model_dump(),
            needs_library=True,
            needs_journal=True,
            asked_by=caller.name,
        )
        job = add_job(session, work, None)
        job.n_total = n_tracks or 0
        session.flush()
        return job_row(job)


def _check_name(session: Session, name: str) -> None:
    """Refuse the name of a model that was not learned here: it would be gone.

    Raises:
        ProblemError: it is such a one.
    """
    is_there = any((folder / f"{name}.onnx").exists() for folder in (PACKAGED, models_folder()))
    if is_there and session.get(Lesson, name) is None:
        raise conflict(
            f"A model that was not learned here has the name {name}.",
            remedy="Choose another name; nothing was changed.",
        )


def _check_alone(session: Session) -> None:
    if (number := one_under_way(session, "learn")) is not None:
        raise conflict(
            f"Job {number} learns already.", remedy="Wait until it has ended, or cancel it."
        )


@router.get("/lessons", response_model=LessonList, summary="List what was learned")
def list_lessons(request: Request, service: TheService, _caller: Reader) -> Response:
    """The models that were learned from this library, the newest first."""
    with service.database.reading() as session:
        rows = session.scalars(select(Lesson).order_by(Lesson.learned_at.desc())).all()
        used = _used_name(session, service)
    return etagged(request, LessonList(items=[LessonRow(**_row(row, used)) for row in rows]))


@router.get(
    "/lessons/{name}", response_model=LessonDetail, summary="One model that was learned"
)
def get_lesson(
    request: Request,
    service: TheService,
    _caller: Reader,
    name: Annotated[Storable, Path(max_length=63, examples=["learned"])],
) -> Response:
    """Each label with its figures, what was left out, and genres of files that look wrong."""
    with service.database.reading() as session:
        row = session.get(Lesson, name)
        if row is None:
            raise not_there(f"model {name} that was learned here")
        used = _used_name(session, service)
    record = row.record
    body = LessonDetail(
        **_row(row, used),
        labels=record["labels"],
        left_out=record["left_out"],
        doubted=record["doubted"],
        n_doubted=record["n_doubted"],
        notes=record["notes"],
    )
    return etagged(request, body)


@router.put("/models/used", status_code=204, summary="Choose the model that scans use")
def use_model(service: TheService, _caller: Editor, choice: ModelChoice) -> None:
    """Scans, predictions and uploads use this one from now on; what was scanned stays."""
    with service.database.writing() as session:
        try:
            choose_model(session, service.options, choice.name)
        except ModelError as error:
            raise conflict(str(error), remedy="GET /models lists what there is.") from error


def _used_name(session: Session, service: Service) -> str:
    return used_model(session, service.options).name


def _row(row: Lesson, used: str) -> dict[str, Any]:
    return {
        "name": row.name,
        "revision": row.revision,
        "learned_at": time_at(row.learned_at),
        "is_used": row.name == used,
        "n_labels": len(row.record["labels"]),
        "figures": row.record["figures"],
    }
