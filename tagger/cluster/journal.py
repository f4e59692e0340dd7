"""The undo journal of changes to objects: parts beside the results, each made once.

    RUN/run.json                     what wrote, to which place
    RUN/BATCH/WRITER-000001.parquet  changes that are planned, and what became of earlier ones

A change is in a durable part before its object is touched. What became of it is in the next
part of the same writer, and need not be: the object itself tells (`tagger.cluster.settled`).
So one request for several changes is all that the journal costs.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from tagger.cluster.journal_parts import JournalParts
from tagger.cluster.journal_rows import (
    ObjectChange,
    change_of,
    parquet_of,
    planned_row,
    rows_of,
    settled_row,
)
from tagger.cluster.stores import Place
from tagger.errors import InputError, StateError
from tagger.system.version import __version__

_RUN = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRun:
    """One command's changes to the objects of a place.

    Attributes:
        id: its number in the results; of an undo something random.
        command: scan or undo.
        url: of the place; its query names the endpoint, and nothing of it is secret.
        model: sha256 of the model that chose the genres, or None.
        undoes: the run that it takes back, or None.
        began: in UTC.
        version: of tagger.
    """

    id: str
    command: str
    url: str
    model: str | None = None
    undoes: str | None = None
    began: str
    version: str


def begin_run(
    parts: JournalParts,
    command: str,
    place: Place,
    *,
    number: int | None = None,
    model: str | None = None,
    undoes: str | None = None,
) -> ObjectRun:
    """Record that a command is going to write.

    Args:
        parts: of the journal.
        command: scan or undo.
        place: of the objects.
        number: of the run in the results; None for a command that has none.
        model: sha256 of the model that chose the genres.
        undoes: the run that is taken back.

    Raises:
        StateError: it cannot be recorded.
    """
    now = datetime.now(UTC)
    run = ObjectRun(
        id=f"undo-{secrets.token_hex(3)}" if number is None else str(number),
        command=command,
        url=place.url if place.folder is None else str(place.folder),
        model=model,
        undoes=undoes,
        began=now.isoformat(timespec="milliseconds"),
        version=__version__,
    )
    parts.put(f"{run.id}/{_RUN}", json.dumps(asdict(run)).encode())
    return run


def all_runs(parts: JournalParts) -> list[ObjectRun]:
    """All runs of a journal, newest first.

    Raises:
        StateError: they cannot be read.
    """
    runs = []
    for folder in parts.folders():
        try:
            runs.append(_run_of(parts, f"{folder}/{_RUN}"))
        except StateError:
            # An empty folder is left by one that was killed as it began; it changed nothing.
            if parts.names(folder):
                raise
    return sorted(runs, key=lambda run: run.began, reverse=True)


def scans_of(runs: Iterable[ObjectRun]) -> list[ObjectRun]:
    """The scans among runs, the last one first: by number, for machines' clocks differ."""
    scans = [run for run in runs if run.undoes is None]
    return sorted(scans, key=lambda run: (int(run.id) if run.id.isdecimal() else 0, run.began),
                  reverse=True)  # fmt: skip


def _run_of(parts: JournalParts, name: str) -> ObjectRun:
    data = parts.read(name)
    try:
        told = json.loads(data)
        return ObjectRun(
            **{attribute.name: told.get(attribute.name) for attribute in fields(ObjectRun)}
        )
    except (ValueError, AttributeError) as error:
        raise StateError(
            f"{parts.shown}: {name} of the journal is damaged ({error}). Put it back from a"
            " copy."
        ) from error


@dataclass(slots=True)
class ObjectJournal:
    """What one process writes to the journal of a run.

    Attributes:
        parts: of all processes.
        run: its id.
        batch: names the objects that it is about: who does these again asks for them.
    """

    parts: JournalParts
    run: str
    batch: str = "0"
    _writer: str = field(init=False)
    _n_parts: int = 0
    _n_changes: int = 0
    _settled: list[ObjectChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._writer = secrets.token_hex(6)

    def plan(self, changes: Sequence[ObjectChange]) -> list[ObjectChange]:
        """Record changes that are about to be made, durably.

        Returns:
            The same with their ids.

        Raises:
            StateError: they cannot be recorded; none may be made.
        """
        named = []
        for change in changes:
            self._n_changes += 1
            named.append(replace(change, id=f"{self._writer}-{self._n_changes}"))
        self._write(named)
        return named

    def settle(self, change: ObjectChange) -> None:
        """Say what became of a change, if that is known; it is written with the next ones."""
        if change.status != "planned":
            self._settled.append(change)

    def close(self) -> None:
        """Write what became of the last changes.

        Raises:
            StateError: that cannot be written; the objects still tell.
        """
        if self._settled:
            self._write([])

    def _write(self, planned: Sequence[ObjectChange]) -> None:
        rows = [*map(settled_row, self._settled), *map(planned_row, planned)]
        if not rows:
            return
        part = f"{self._writer}-{self._n_parts + 1:06d}.parquet"
        self.parts.put(f"{self.run}/{self.batch}/{part}", parquet_of(rows))
        self._n_parts += 1
        self._settled.clear()


def changes_of(
    parts: JournalParts, run: str, *, batch: str | None = None
) -> Iterator[ObjectChange]:
    """All changes of a run, the last batches first, and in each the last ones of each writer.

    What became of changes stands behind them, so that reading backwards needs no memory.

    Args:
        parts: of the journal.
        run: its id.
        batch: only those of one batch, whoever made them; None for all.

    Raises:
        StateError: a part cannot be read.
    """
    # Batch by batch: a run of millions has more parts than anybody should hold names of.
    for folder in [batch] if batch is not None else reversed(parts.folders(run)):
        yield from _changes_in(parts, f"{run}/{folder}")


def _changes_in(parts: JournalParts, folder: str) -> Iterator[ObjectChange]:
    settled: dict[str, dict[str, Any]] = {}
    writer = ""
    for name in reversed(parts.names(folder)):
        if (whose := name.rpartition("-")[0]) != writer:
            writer, settled = whose, {}
        rows = rows_of(parts.read(name), name)
        settled |= {row["id"]: row for row in rows if row["status"] != "planned"}
        for row in reversed(rows):
            if row["status"] == "planned":
                yield change_of(row, settled.pop(row["id"], None))


def batches_of(parts: JournalParts, run: str) -> set[str]:
    """The batches of a run in which something was to be changed.

    Raises:
        StateError: they cannot be listed.
    """
    return set(parts.folders(run))


def run_named(parts: JournalParts, run: str | None) -> ObjectRun:
    """The run of an id, or the last one that nobody has undone.

    Raises:
        InputError: there is none.
    """
    runs = all_runs(parts)
    if run is not None:
        for earlier in runs:
            if earlier.id == run:
                return earlier
        shown = ", ".join(run.id for run in runs[:5]) or "none"
        raise InputError(f"{parts.shown}: no run {run} has written. The last ones: {shown}.")
    undone = {run.undoes for run in runs}
    for scan in scans_of(runs):
        if scan.id not in undone and batches_of(parts, scan.id):
            return scan
    raise InputError(
        f"{parts.shown}: there is nothing to undo: no scan with these results has written to"
        " objects, or all was undone. Name a run to undo it again."
    )
