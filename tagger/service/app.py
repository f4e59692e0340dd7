"""The app factory: routes, their guards, and what lives as long as the app."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool

from tagger import __version__
from tagger.service.access import DOCUMENTED
from tagger.service.guard import PREFIX, Guard
from tagger.service.http_problems import add_problems
from tagger.service.jobs.supervisor import Supervisor
from tagger.service.openapi import document_problems
from tagger.service.options import ServeOptions
from tagger.service.queries.jobs import NewWork, add_job, one_under_way
from tagger.service.routes import (
    about,
    audio,
    health,
    jobs,
    learn,
    pages,
    runs,
    tracks,
    uploads,
)
from tagger.service.service import Service, open_service

log = logging.getLogger(__name__)

_ABOUT = """A library of music over HTTP: look, listen, correct, write, undo.

Errors are problems (RFC 9457) with a `remedy`. Lists are paged by `next_cursor`. `ETag` and
`If-None-Match` spare what has not changed; `If-Match` guards a change."""


def create_app(options: ServeOptions) -> FastAPI:
    """An app that serves a library and uploads.

    Args:
        options: checked ones, of `serve_options`.

    Raises:
        StartError: the database, the store or the token file cannot be used.
    """
    service = open_service(options)
    app = FastAPI(
        title="tagger",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        lifespan=_lifespan,
    )
    app.state.service, app.state.stopping = service, threading.Event()
    add_problems(app)
    api = APIRouter(prefix=PREFIX, dependencies=DOCUMENTED)
    for part in (tracks, audio, uploads, jobs, runs, learn, about):
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(health.router)
    document_problems(app, PREFIX)
    pages.add_pages(app)
    app.add_middleware(Guard, service=service)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    if service.options.folder is not None and service.options.scan_at_start:
        await run_in_threadpool(_look_at_start, service)
    with Supervisor(service.options):
        warming = asyncio.create_task(run_in_threadpool(_warm, service))
        yield
        app.state.stopping.set()
        await warming
    service.close()


def _look_at_start(service: Service) -> None:
    """Let the library be looked through, unless that is under way from before."""
    with service.database.writing() as session:
        if one_under_way(session, "look") is None:
            folder = service.options.folder
            work = NewWork(
                kind="look",
                about=folder.name if folder is not None else "",
                options={"scan": True},
                needs_library=True,
            )
            add_job(session, work, None)


def _warm(service: Service) -> None:
    """Read the model's labels while nobody waits for them."""
    try:
        service.tagger()
    except Exception:  # whoever asks next is told
        log.exception("the model cannot be used")
