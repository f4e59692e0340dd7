"""The service itself: what it is, its models, its library in numbers; logging in."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select

from tagger import __version__
from tagger.library.listing import AUDIO_SUFFIXES
from tagger.service.access import Reader, TheService
from tagger.service.answers import etagged
from tagger.service.db.models import Meta
from tagger.service.problems import ProblemError
from tagger.service.queries import statistics as figures
from tagger.service.schemas.work import (
    GenreCount,
    Info,
    ModelList,
    ModelRow,
    NewSession,
    Statistics,
    Vocabulary,
)
from tagger.service.service import Service
from tagger.service.texts import Storable, key
from tagger.service.tokens import COOKIE, SCOPES

router = APIRouter(tags=["service"])


@router.get("/info", summary="What this service is")
def get_info(service: TheService, caller: Reader) -> Info:
    """Version, library, limits, and what the caller may do."""
    spec = service.tagger().spec
    with service.database.reading() as session:
        library = session.scalar(select(Meta.value).where(Meta.key == "library"))
    return Info(
        version=__version__,
        library=library,
        model=f"{spec.name} {spec.revision[:12]}",
        scopes=[scope for scope in SCOPES if scope in caller.scopes],
        needs_token=service.tokens is not None,
        name=caller.name,
        max_upload_bytes=service.options.max_upload_bytes,
        can_presign=service.objects.can_sign,
        suffixes=sorted(AUDIO_SUFFIXES),
    )


@router.post("/session", status_code=204, summary="Log a page in")
def log_in(request: Request, response: Response, service: TheService, new: NewSession) -> None:
    """Put a token into a cookie that scripts cannot read, for pages' players and pictures."""
    if service.tokens is None or service.tokens.caller_of(new.token) is None:
        raise ProblemError(
            401,
            "token",
            "Nobody has this token",
            detail="It is not in the service's token file.",
            remedy="Ask whoever keeps the token file for one.",
        )
    response.set_cookie(
        COOKIE,
        new.token,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        max_age=30 * 86_400,
    )


@router.delete("/session", status_code=204, summary="Log a page out")
def log_out(response: Response) -> None:
    """Forget the cookie."""
    response.delete_cookie(COOKIE)


@router.get("/models", response_model=ModelList, summary="List models")
def list_models(request: Request, service: TheService, _caller: Reader) -> Response:
    """The models of this machine, with their labels; the one that is used is marked."""
    from tagger.model.cards import read_cards  # noqa: PLC0415 - few ask

    used = service.tagger()
    items = []
    for card in read_cards():
        spec = card.spec
        items.append(
            ModelRow(
                name=card.path.stem,
                revision=spec.revision if spec else "",
                is_used=used.path in {card.path, *card.variants},
                labels=list(spec.labels) if spec else [],
                thresholds=dict(spec.thresholds) if spec else {},
                parents=dict(spec.parents) if spec else {},
                kinds=dict(spec.kinds) if spec else {},
                window_s=spec.window_s if spec else 0.0,
                weights_licence=spec.weights_licence if spec else "",
                metrics=dict(spec.metrics) if spec else {},
                problem=card.problem,
            )
        )
    return etagged(request, ModelList(items=items))


@router.get("/statistics", response_model=Statistics, summary="The library in numbers")
def get_statistics(request: Request, service: TheService, _caller: Reader) -> Response:
    """Tracks by status, and each genre with how often it is there now, and would be.

    They may be a few seconds old: of a large library they take half a second to count.
    """
    return etagged(request, service.figures.get(lambda: _figures(service)))


def _figures(service: Service) -> Statistics:
    with service.database.reading() as session:
        return figures.statistics(session)


@router.get("/vocabulary", response_model=Vocabulary, summary="Genres to choose from")
def get_vocabulary(
    request: Request,
    service: TheService,
    _caller: Reader,
    prefix: Annotated[Storable, Query(max_length=200, examples=["amb"])] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """Genres of the library, the most frequent first, then the model's others."""
    with service.database.reading() as session:
        counts = figures.genre_counts(session)
    known = {key(count.genre) for count in counts}
    spec = service.tagger().spec
    counts += [
        GenreCount(genre=label, n_now=0, n_after=0)
        for label in spec.labels_of("genre")
        if key(label) not in known
    ]
    start = key(prefix)
    items = [count for count in counts if key(count.genre).startswith(start)]
    return etagged(request, Vocabulary(items=items[:limit]))
