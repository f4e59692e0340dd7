"""What all requests share: the database, the store, the model, and who may ask."""

import contextlib
import functools
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Request
from sqlalchemy import select

from tagger.errors import StartError
from tagger.service.db.engine import Database, check_answers, open_database, put_row
from tagger.service.db.migrate import migrate
from tagger.service.db.models import Meta, Track
from tagger.service.limits import RateLimit
from tagger.service.metrics import Metrics
from tagger.service.objects import Objects, open_objects
from tagger.service.options import ServeOptions
from tagger.service.places import library_file
from tagger.service.problems import ProblemError, not_there
from tagger.service.remembered import Remembered
from tagger.service.spool import clean_spool, passing
from tagger.service.tokens import Tokens, read_tokens
from tagger.service.used_model import UsedTagger

if TYPE_CHECKING:
    from tagger import Tagger
    from tagger.service.schemas.work import Statistics

log = logging.getLogger(__name__)

N_LISTENERS = 2
"""Requests that may decode audio at once."""

N_WAITING = 8
"""Requests that may wait for them: each holds one of the threads that answer all others."""


@dataclass(slots=True)
class Service:
    """A running service.

    Attributes:
        options: what it was told.
        database: tracks, jobs, runs.
        objects: uploads.
        tokens: who may ask; None for everybody on this machine.
        metrics: what it counts.
        requests: how often a client may ask.
        uploads: how often a client may upload.
        used: the model that is used.
        listening: held by requests that decode audio.
        figures: statistics that were just counted.
    """

    options: ServeOptions
    database: Database
    objects: Objects
    tokens: Tokens | None
    metrics: Metrics
    requests: RateLimit
    uploads: RateLimit
    used: UsedTagger
    listening: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(N_LISTENERS)
    )
    figures: "Remembered[Statistics]" = field(default_factory=Remembered)
    _queue: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(N_LISTENERS + N_WAITING)
    )

    def tagger(self) -> "Tagger":
        """The model that is used, for predictions and timelines; it remembers nothing.

        Raises:
            StartError: it cannot be used.
        """
        return self.used.get()

    @contextlib.contextmanager
    def listener(self) -> Iterator["Tagger"]:
        """The model, for one of a few at once.

        Raises:
            ProblemError: too many wait for it, or the others take too long.
        """
        if not self._queue.acquire(blocking=False):
            raise _busy("More requests wait for it than may.")
        try:
            if not self.listening.acquire(timeout=60):
                raise _busy("Other requests have been at the model for a minute.")
            try:
                yield self.tagger()
            finally:
                self.listening.release()
        finally:
            self._queue.release()

    @contextlib.contextmanager
    def file_of(self, track: Track) -> Iterator[Path]:
        """The file of a track, for reading: in the library, in the store, or a passing copy.

        Raises:
            ProblemError: it is not there.
        """
        if track.object_key is None:
            if self.options.folder is None:
                raise not_there(f"library here that {track.name} could be in")
            yield library_file(self.options.folder, track)
            return
        if self.objects.folder is not None:
            path = self.objects.folder / track.object_key
            if not path.is_file():
                raise not_there(f"object of {track.name} any more")
            yield path
            return
        copy = passing(self.options.spool, "read", suffix=Path(track.object_key).suffix)
        try:
            yield self.objects.fetch(track.object_key, copy)
        except FileNotFoundError:
            raise not_there(f"object of {track.name} any more") from None
        finally:
            copy.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of everything."""
        self.used.close()
        self.database.close()


def _busy(detail: str) -> ProblemError:
    return ProblemError(
        503,
        "busy",
        "The model is busy",
        detail=detail,
        remedy="Try again soon.",
        headers={"Retry-After": "30"},
    )


def open_service(options: ServeOptions) -> Service:
    """A service with its tables as this version needs them.

    Raises:
        StartError: the database, the store or the token file cannot be used.
    """
    tokens = read_tokens(options.token_file) if options.token_file is not None else None
    options.spool.mkdir(parents=True, exist_ok=True)
    clean_spool(options.spool)
    database, objects = open_database(options.database), open_objects(options.objects)
    check_answers(database, options.database)
    if (notice := migrate(database)) is not None:
        log.info("%s", notice)
    _check_library(database, options)
    return Service(
        options,
        database,
        objects,
        tokens,
        Metrics(),
        RateLimit(options.requests_per_s),
        RateLimit(options.uploads_per_s),
        UsedTagger(options, database),
    )


def _check_library(database: Database, options: ServeOptions) -> None:
    """A database is of one library: rows of two would be taken for one another's."""
    if options.folder is None:
        return
    with database.writing() as session:
        shown = _shown(options.folder)
        put_row(session, Meta, {"key": "library", "value": shown}, replaces=False)
        there = session.scalar(select(Meta.value).where(Meta.key == "library"))
        if there != shown:
            raise StartError(
                f"--database holds the library {there}, not {shown};"
                " give another --database, or --data."
            )


@functools.lru_cache(maxsize=8)
def _shown(folder: Path) -> str:
    from tagger.service.texts import plain  # noqa: PLC0415

    return plain(str(folder))


async def service_of(request: Request) -> Service:
    """The service that a request is for."""
    service: Service = request.app.state.service
    return service
