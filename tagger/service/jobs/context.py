"""What a worker has at hand for all its jobs."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tagger import Tagger
from tagger.service.db.engine import AWAY, Database
from tagger.service.db.models import Track
from tagger.service.objects import Objects
from tagger.service.options import ServeOptions
from tagger.service.places import library_file
from tagger.service.used_model import ModelFile

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S = 300.0
"""A database may be away for so long before what a worker has in hand is given up."""

_PAUSE_S = 1.0


class GivenUpError(Exception):
    """A job was cancelled, or the worker is to stop: what is in hand is given back."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a worker works with.

    Attributes:
        id: the worker's.
        options: of the service.
        database: holds jobs and tracks.
        objects: holds uploads.
        tagger: scans and writes.
        model: whose the tagger is.
        stop: set when the worker is to end.
        work: a folder for copies of uploads.
        has_journal: the tagger remembers, so that it can write files of the library.
    """

    id: str
    options: ServeOptions
    database: Database
    objects: Objects
    tagger: Tagger
    model: ModelFile
    stop: threading.Event
    work: Path
    has_journal: bool
    copies: set[Path] = field(default_factory=set)

    def journal_name(self) -> str:
        """Where the journal lies that takes this worker's changes, for people."""
        state = self.options.state or "the state of its user"
        return f"{socket.gethostname()}:{state}"

    def file_of(self, track: Track) -> Path:
        """The file of a track: in the library, or a copy of the upload.

        Raises:
            ProblemError: it is not there, or outside of the library.
            FileNotFoundError: the object is not there.
        """
        if track.object_key is None:
            assert self.options.folder is not None
            return library_file(self.options.folder, track)
        if self.objects.folder is not None:
            return self.objects.folder / track.object_key
        return self.copy_of(track)

    def copy_of(self, track: Track) -> Path:
        """A copy of an upload that may be changed, under its object's name."""
        assert track.object_key is not None
        name = f"{track.id}-{Path(track.object_key).name}"
        path = self.objects.fetch(track.object_key, self.work / name)
        self.copies.add(path)
        return path

    def drop_copies(self) -> None:
        """Delete the copies that were made."""
        for path in self.copies:
            path.unlink(missing_ok=True)
        self.copies.clear()

    def patiently(self, work: Callable[[], T]) -> T:
        """Do something with the database, again and again while it does not answer.

        Raises:
            GivenUpError: the worker is to stop.
            OperationalError: it was away for too long.
        """
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return work()
            except AWAY as error:
                if time.monotonic() > until:
                    raise
                log.warning("the database: %s; trying again", type(error).__name__)
            if self.stop.wait(_PAUSE_S):
                raise GivenUpError
