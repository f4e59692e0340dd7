"""For machines that watch the service: whether it lives, is ready, and what it counts."""

from fastapi import APIRouter, Response
from obstore.exceptions import BaseError as ObjectStoreError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tagger.service.access import Reader, TheService
from tagger.service.metrics import MEDIA_TYPE
from tagger.service.schemas.work import Health

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Whether the process lives")
def get_health() -> Health:
    """Always `ok`: whoever can answer lives."""
    return Health(status="ok", checks={})


@router.get(
    "/readyz",
    responses={503: {"model": Health, "description": "Something does not answer."}},
    summary="Whether what it needs answers",
)
def get_readiness(response: Response, service: TheService) -> Health:
    """Asks the database and the object store."""
    checks = {"database": "ok", "objects": "ok"}
    try:
        with service.database.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        checks["database"] = "does not answer"
    try:
        service.objects.check_answers()
    except (ObjectStoreError, OSError):
        checks["objects"] = "does not answer"
    is_ready = set(checks.values()) == {"ok"}
    response.status_code = 200 if is_ready else 503
    return Health(status="ok" if is_ready else "failing", checks=checks)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
    summary="Figures for Prometheus",
)
def get_metrics(service: TheService, _caller: Reader) -> Response:
    """Requests, tracks, jobs and workers, in Prometheus' text format."""
    return Response(service.metrics.text(service.database), media_type=MEDIA_TYPE)
