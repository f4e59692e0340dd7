"""One of many workers: a held `Tagger` that turns batches of objects into parts of results."""

import os
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tagger.api import Tagger
from tagger.cluster.attempts import MAX_DEATHS, attempt, clear_attempts
from tagger.cluster.fetch import Copy, Fetcher, loads
from tagger.cluster.metrics import count_batch
from tagger.cluster.records import ObjectEntry, ObjectResult
from tagger.cluster.scratch import clear_scratch, scratch_folder
from tagger.cluster.stores import open_place
from tagger.cluster.write_rows import Writing, earlier_writes, write_rows
from tagger.model.device_options import DeviceOptions
from tagger.system.version import __version__

if TYPE_CHECKING:
    from tagger.cluster.results import Results
    from tagger.journal.run import WriteRequest
    from tagger.scan.options import ScanOptions
    from tagger.scan.results import TrackResult
    from tagger.settings.config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What every actor is told when it starts.

    Attributes:
        source: URL or folder of the objects.
        results: where rows go.
        run: number of the run in them.
        options: of the scan.
        settings: the owner's.
        conditions: digest of the model and of all that decides.
        model_name: file name of the model.
        model_sha: sha256 of the model file.
        n_decoders: decoding processes of an actor.
        max_len: bytes of an object that is copied.
        writing: how objects are changed; None if they are not.
        rows_asked: rows come back to the driver as well.
        token: no other driver has it: what is counted for one is counted for no other.
    """

    source: str
    results: "Results"
    run: int
    options: "ScanOptions"
    settings: "Settings"
    conditions: str
    model_name: str
    model_sha: str
    n_decoders: int = 1
    max_len: int
    writing: Writing | None = None
    rows_asked: bool = False
    token: str = field(default_factory=lambda: uuid4().hex)


@dataclass(slots=True, kw_only=True)
class Done:
    """What the driver learns of a batch.

    Attributes:
        number: of the part.
        node: where it was done.
        seconds: that it took.
        audio_s: seconds of music.
        n_read: bytes that were fetched.
        statuses: number of objects by status.
        genres: proposed or written, by name.
        reasons: of failures, with the number of objects.
        rows: if they were asked for.
    """

    number: int
    node: str
    seconds: float = 0.0
    audio_s: float = 0.0
    n_read: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    genres: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rows: list[ObjectResult] | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """Where an actor lives.

    Attributes:
        node: name of the machine, and Ray's of the node.
        pid: of its process.
    """

    node: str
    pid: int


class ScanActor:
    """Holds a model, decoding processes and a folder for copies for as long as it lives."""

    def __init__(self, work: Work, model: bytes, node: str = "") -> None:
        """Load nothing yet but the model file.

        Args:
            work: what is to be done.
            model: the model file: its path is that of another machine.
            node: Ray's name of the node.
        """
        self._work = work
        self.presence = Presence(f"{socket.gethostname()}/{node[:6]}", os.getpid())
        self._stack = ExitStack()
        clear_scratch(None)
        clear_attempts()
        folder = self._stack.enter_context(scratch_folder(None))
        path = folder / work.model_name
        path.write_bytes(model)
        self._tagger = self._stack.enter_context(
            Tagger(
                path,
                device="cpu",
                compute=DeviceOptions(n_threads=1),
                state=False,
                settings=work.settings,
                n_decoders=work.n_decoders,
            )
        )
        self._place = open_place(work.source, option="PATH")
        copies = Path(tempfile.mkdtemp(dir=folder))
        whole = work.options.listen.full
        self._fetcher = Fetcher(self._place, copies, max_len=work.max_len, whole=whole)
        self._stack.callback(self._fetcher.close)

    def scan(self, number: int, entries: Sequence[ObjectEntry]) -> Done:
        """Do a batch and store its rows, once: who is asked again says what was done.

        Raises:
            TakenOverError: a newer run writes to these results.
            StartError: what all objects need cannot be had.
        """
        work, started = self._work, time.monotonic()
        rows = work.results.has_part(work.run, number)
        if rows is None:
            with attempt(f"{work.token}-{number}") as n_deaths:
                gives_up = n_deaths >= MAX_DEATHS
                rows = self._given_up(entries) if gives_up else self._done(number, entries)
            work.results.write_part(work.run, number, rows)
        done = _summary(number, self.presence.node, rows)
        done.seconds = time.monotonic() - started
        count_batch(done.statuses, audio_s=done.audio_s, n_read=done.n_read)
        done.rows = rows if work.rows_asked else None
        return done

    def presence_of(self) -> Presence:
        """Where it lives, once it has started."""
        return self.presence

    def close(self) -> None:
        """Let go of everything."""
        self._stack.close()

    def _done(self, number: int, entries: Sequence[ObjectEntry]) -> list[ObjectResult]:
        """The rows of a batch, in its order; its objects are written if that is asked for."""
        writing, place = self._work.writing, self._place
        earlier = {} if writing is None else earlier_writes(writing, place, number)
        requests: dict[str, WriteRequest] = {}
        by_key = {row.key: row for load in loads(entries) for row in self._rows(load, requests)}
        rows = [by_key[entry.key] for entry in entries]
        if writing is None:
            return rows
        return write_rows(writing, place, number, rows, requests=requests, earlier=earlier)

    def _given_up(self, entries: Sequence[ObjectEntry]) -> list[ObjectResult]:
        reason = (
            f"the process that scanned its part of the results died {MAX_DEATHS} times, for"
            " want of memory or by a defect; --retry-failed --part-size 1 finds the object."
        )
        return [self._row(Copy(entry, None, reason=reason), None) for entry in entries]

    def _rows(
        self, entries: Sequence[ObjectEntry], requests: "dict[str, WriteRequest]"
    ) -> Iterator[ObjectResult]:
        """A row of each object, as soon as it is done; what is to be written is added."""
        failed: list[Copy] = []
        copies: dict[Path, Copy] = {}

        def paths() -> Iterator[Path]:
            for copy in self._fetcher.copies(entries):
                if copy.path is None:
                    failed.append(copy)
                else:
                    copies[copy.path] = copy
                    yield copy.path

        options = self._work.options
        for result in self._tagger.scan_each(paths(), options):
            copy = copies.pop(result.path)
            copy = self._fetcher.drop(copy)
            if copy.reason is not None:  # a part of it could not be fetched
                failed.append(copy)
                continue
            if (request := self._tagger.request_of(result, options)) is not None:
                requests[copy.entry.key] = request
            yield self._row(copy, result)
        for copy in failed:
            yield self._row(copy, None)

    def _row(self, copy: Copy, result: "TrackResult | None") -> ObjectResult:
        entry, work = copy.entry, self._work
        row = ObjectResult(
            key=entry.key,
            etag=entry.etag,
            etag_read=entry.etag,
            size=entry.size,
            modified=entry.modified,
            status="failed",
            reason=None if copy.reason is None else f"{entry.key}: {copy.reason}",
            model=work.model_sha,
            conditions=work.conditions,
            n_read=copy.n_read,
            node=self.presence.node,
            finished_at=datetime.now(UTC),
            version=__version__,
        )
        return row if result is None else _filled(row, result)


def _filled(row: ObjectResult, result: "TrackResult") -> ObjectResult:
    """The row of an object that was scanned."""
    reason = result.reason
    return replace(
        row,
        status=result.status,
        reason=None if reason is None else reason.replace(str(result.path), row.key),
        genres=result.genres,
        previous=result.previous,
        field=result.field,
        scores=result.scores,
        others=result.others,
        duration_s=result.duration_s,
    )


def _summary(number: int, node: str, rows: Sequence[ObjectResult]) -> Done:
    done = Done(number=number, node=node)
    for row in rows:
        done.statuses[row.status] += 1
        done.audio_s += row.duration_s or 0.0
        done.n_read += row.n_read
        if row.status in {"proposed", "written"}:
            done.genres.update(row.genres)
        if row.status == "failed" and row.reason:
            done.reasons[row.reason.removeprefix(f"{row.key}: ")] += 1
    return done
