"""The undo journal of changes to objects: parts in Parquet beside the results, each made once.

    DEST/journal/RUN/run.json                     what wrote, to which place
    DEST/journal/RUN/BATCH/WRITER-000001.parquet  changes that are planned, and what became of
                                                  earlier ones

A change is in a durable part before its object is touched. What became of it is in the next
part of the same writer, and need not be: the object itself tells (`tagger.cluster.recover`).
So one request for several changes is all that the journal costs.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import obstore

from tagger.cluster.journal_rows import (
    ObjectChange,
    change_of,
    parquet_of,
    planned_row,
    rows_of,
    settled_row,
)
from tagger.cluster.problems import objects_asked
from tagger.cluster.replaceable import url_of
from tagger.cluster.stores import Place
from tagger.errors import InputError, StateError
from tagger.system.version import __version__
from tagger.writing import filecopy

_FOLDER = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRun:
    """One command's changes to the objects of a place.

    Attributes:
        id: when it began (UTC) and something random; they sort by time.
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
    dest: Place, command: str, url: str, *, model: str | None = None, undoes: str | None = None
) -> ObjectRun:
    """Record that a command is going to write.

    Raises:
        StateError: it cannot be recorded.
    """
    now = datetime.now(UTC)
    run = ObjectRun(
        id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        command=command,
        url=url,
        model=model,
        undoes=undoes,
        began=now.isoformat(timespec="seconds"),
        version=__version__,
    )
    _put(dest, f"{_FOLDER}/{run.id}/run.json", json.dumps(asdict(run)).encode())
    return run


def all_runs(dest: Place) -> list[ObjectRun]:
    """All runs of a journal, newest first.

    Raises:
        StateError: they cannot be read.
    """
    root = dest.key(_FOLDER)
    with objects_asked(url_of(dest, root), StateError):
        found = obstore.list_with_delimiter(dest.store, prefix=root)["common_prefixes"]
        texts = [_read(dest, f"{one.rstrip('/')}/run.json") for one in found]
    return sorted(
        (ObjectRun(**json.loads(one)) for one in texts), key=lambda run: run.id, reverse=True
    )


@dataclass(slots=True)
class ObjectJournal:
    """What one process writes to the journal of a run.

    Attributes:
        dest: where the results lie.
        run: its id.
        batch: names the objects that it is about: who does these again asks for them.
    """

    dest: Place
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
        _put(self.dest, f"{_FOLDER}/{self.run}/{self.batch}/{part}", parquet_of(rows))
        self._n_parts += 1
        self._settled.clear()


def changes_of(dest: Place, run: str, *, batch: str | None = None) -> Iterator[ObjectChange]:
    """All changes of a run, of each writer the last ones first.

    What became of changes stands behind them, so that reading backwards needs no memory.

    Args:
        dest: where the results lie.
        run: its id.
        batch: only those of one batch, whoever made them; None for all.

    Raises:
        StateError: a part cannot be read.
    """
    root = dest.key("/".join([_FOLDER, run, *([] if batch is None else [batch])]))
    with objects_asked(url_of(dest, root), StateError):
        names = [
            meta["path"]
            for page in obstore.list(dest.store, prefix=root)
            for meta in page
            if meta["path"].endswith(".parquet")
        ]
    settled: dict[str, dict[str, Any]] = {}
    writer = ""
    for name in sorted(names, reverse=True):
        if (whose := name.rpartition("-")[0]) != writer:
            writer, settled = whose, {}
        with objects_asked(url_of(dest, name), StateError):
            rows = rows_of(_read(dest, name))
        settled |= {row["id"]: row for row in rows if row["status"] != "planned"}
        for row in reversed(rows):
            if row["status"] == "planned":
                yield change_of(row, settled.pop(row["id"], None))


def run_named(dest: Place, run: str | None) -> ObjectRun:
    """The run of an id (or of its beginning), or the last one that nobody has undone.

    Raises:
        InputError: there is none.
    """
    runs = all_runs(dest)
    if run is not None:
        found = [one for one in runs if one.id.startswith(run)]
        if len(found) == 1:
            return found[0]
        what = "several runs begin so" if found else "there is no such run"
        shown = ", ".join(one.id for one in (found or runs)[:5]) or "none"
        raise InputError(f"{dest.url}: run {run}: {what}. The last ones are: {shown}.")
    undone = {one.undoes for one in runs}
    for one in runs:
        if one.undoes is None and one.id not in undone:
            return one
    raise InputError(
        f"{dest.url}: there is nothing to undo: no scan with these results has written to"
        " objects, or all was undone. Name a run to undo it again."
    )


def _read(dest: Place, key: str) -> bytes:
    return bytes(obstore.get(dest.store, key).bytes())


def _put(dest: Place, name: str, data: bytes) -> None:
    """Make a part: whole and durable, or not there.

    Raises:
        StateError: it cannot be written.
    """
    key = dest.key(name)
    with objects_asked(url_of(dest, key), StateError):
        if dest.folder is None:
            obstore.put(dest.store, key, data)
            return
        path = dest.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        temp = filecopy.temp_beside(path)
        try:
            temp.write_bytes(data)
            filecopy.sync_file(temp)
            temp.replace(path)
        finally:
            temp.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent, dest.folder / _FOLDER, dest.folder):
            filecopy.sync_folder(folder)
