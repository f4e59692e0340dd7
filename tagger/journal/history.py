"""The undo journal, as it is read: which runs wrote, what each did to which file."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagger.state.store import Store, open_store
from tagger.tags.payload import Identity

ChangeStatus = Literal["planned", "done", "failed", "gone"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change to one file, as it was recorded.

    Attributes:
        id: its number; later changes have greater ones.
        run: the run that made it.
        path: the file.
        temp: the copy that was to take its place.
        undoes: the change that it takes back, or None.
        undone: another one has taken it back.
        before: what the field that was changed (mostly the genres) held.
        after: what it was given.
        was: what the file held, to the byte.
        becomes: what it was given.
        old: its device, inode, size and modification time (in nanoseconds) before.
        new_inode: its inode afterwards, as SQLite keeps it; None if that is not known.
        reverse: the record of the bytes that lead back (`tagger.journal.reverse_patch`).
    """

    id: int
    run: int
    path: Path
    temp: Path
    undoes: int | None
    undone: bool
    before: tuple[str, ...]
    after: tuple[str, ...]
    was: Identity
    becomes: Identity
    old: tuple[int, int, int, int]
    new_inode: int | None
    reverse: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """A command that wrote; the fields are those of `tagger runs --json`.

    Attributes:
        id: its number.
        began_s: when, in seconds since 1970.
        ended_s: when it ended in an orderly way, or None.
        command: scan, apply or undo.
        about: its paths, as the user gave them.
        model: which model chose the genres, or None.
        n_written: changes that it made.
        n_undone: those that were taken back since.
        n_failed: files that it meant to change and left as they were.
        n_open: changes of which it is not known yet whether they were made.
    """

    id: int
    began_s: float
    ended_s: float | None
    command: str
    about: str
    model: str | None
    n_written: int
    n_undone: int
    n_failed: int
    n_open: int


def planned_changes(store: Store) -> Iterator[Change]:
    """The changes of which it is not known whether they were made, oldest first."""
    return _select(store, "WHERE status = 'planned' ORDER BY id")


def changes_of(
    store: Store, run: int, areas: Sequence[Path] = (), *, sizes: Collection[int] | None = None
) -> Iterator[Change]:
    """What a run has changed, newest first, undone or not.

    Args:
        store: the state.
        run: its number.
        areas: files and folders; only changes of or in them. None for all.
        sizes: only changes that gave a file one of these sizes; None for all.
    """
    inside, values = _inside(areas)
    if sizes is not None:
        inside += " AND new_size IN (SELECT value FROM json_each(?))"
        values.append(json.dumps(list(sizes)))
    return _select(
        store, f"WHERE status = 'done' AND run = ? AND {inside} ORDER BY id DESC", run, *values
    )


def last_run(store: Store, areas: Sequence[Path] = ()) -> int | None:
    """The last run, undos apart, of which something is still in force.

    Args:
        store: the state.
        areas: as for `changes_of`.
    """
    inside, values = _inside(areas)
    query = f"SELECT max(run) FROM change WHERE {_IN_FORCE} AND {inside}"  # noqa: S608, bound
    with store.reading() as connection:
        (number,) = connection.execute(query, values).fetchone()
    return int(number) if number is not None else None


def later_run(store: Store, change: Change) -> int | None:
    """The last run, undos apart, that changed the same file after a change, if any.

    It may lie elsewhere by then: it is the same file if it held what the change had made.
    """
    query = (
        "SELECT max(run) FROM change WHERE (path = ? OR payload = ? AND old_size = ?"  # noqa: S608
        f" AND old_metadata = ?) AND id > ? AND {_IN_FORCE}"
    )
    becomes = change.becomes
    content = (bytes.fromhex(becomes.payload), becomes.size, bytes.fromhex(becomes.metadata))
    with store.reading() as connection:
        values = (os.fsencode(change.path), *content, change.id)
        number = connection.execute(query, values).fetchone()[0]
    return int(number) if number is not None else None


def roots_of(store: Store, run: int) -> list[Path]:
    """Files and folders that a run worked on; failing that, the folder of all its files."""
    with store.reading() as connection:
        row = connection.execute("SELECT roots FROM run WHERE id = ?", (run,)).fetchone()
        with contextlib.suppress(ValueError):  # of a state that was rescued
            if row and (named := json.loads(row[0])):
                return [Path(path) for path in named]
        query = "SELECT DISTINCT path FROM change WHERE run = ?"
        paths = [os.fsdecode(path) for (path,) in connection.execute(query, (run,))]
    if not paths:
        return []
    # A run of one file in each of two disks has the root in common, which is no place to look.
    top = Path(os.path.commonpath([os.path.dirname(path) for path in paths]))  # noqa: PTH120
    return [top] if top != top.parent else []  # not all of a disk


def sizes_of(store: Store, run: int) -> frozenset[int]:
    """The sizes that a run's changes gave to files, and those that files had."""
    query = "SELECT new_size FROM change WHERE run = ? UNION SELECT old_size FROM change"
    with store.reading() as connection:
        rows = connection.execute(f"{query} WHERE run = ?", (run, run)).fetchall()
    return frozenset(size for (size,) in rows)


def all_runs(store: Store) -> list[Run]:
    """All runs that wrote, or meant to, newest first."""
    with store.reading() as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'run'").fetchone():
            return []  # a state of an earlier version, which is only looked at
        rows = connection.execute(
            "SELECT run.id, began_ns / 1e9, ended_ns / 1e9, command, about, model,"
            " total(status = 'done'), total(status = 'done' AND undone),"
            " total(status IN ('failed', 'gone')), total(status = 'planned')"
            " FROM run LEFT JOIN change ON change.run = run.id"
            " GROUP BY run.id ORDER BY run.id DESC"
        ).fetchall()
    return [Run(*row[:6], *map(int, row[6:])) for row in rows]


def has_run(store: Store, number: int) -> bool:
    """Whether there is a run of that number; its changes are not counted for it."""
    return store.one("SELECT 1 FROM run WHERE id = ?", (number,)) is not None


def has_changed(store: Store, run: int, areas: Sequence[Path]) -> bool:
    """Whether a run has changed anything in some files and folders, undone or not."""
    inside, values = _inside(areas)
    query = f"SELECT 1 FROM change WHERE status = 'done' AND run = ? AND {inside}"  # noqa: S608
    return store.one(f"{query} LIMIT 1", (run, *values)) is not None


def runs_at(path: Path) -> list[Run]:
    """All runs that a state tells of, whoever holds it; nothing is made or changed.

    Raises:
        StateError: there is no state, or it cannot be read.
    """
    with open_store(path, on_notice=_ignore, shared=True) as store:
        return all_runs(store)


def _ignore(_sentence: str) -> None:
    """A state that is only looked at is not set aside, so nothing is told."""


def signed(number: int) -> int:
    """A number of 64 bits as SQLite keeps it: some file systems use the uppermost bit."""
    return number - (1 << 64) if number >= 1 << 63 else number


_IN_FORCE = "status = 'done' AND NOT undone AND undoes IS NULL"


def _inside(areas: Sequence[Path]) -> tuple[str, list[object]]:
    """The condition that a path is one of some files, or in one of some folders."""
    values: list[object] = []
    for area in areas:
        # With its last slash, so that `Rock` is not taken for the beginning of `Rockabilly`.
        folder = os.fsencode(area / "x")[:-1]
        values += [os.fsencode(area), len(folder), folder]
    terms = ["path = ? OR substr(path, 1, ?) = ?"] * len(areas)
    return f"({' OR '.join(terms) or '1'})", values


def _select(store: Store, rest: str, *values: object) -> Iterator[Change]:
    """Changes one at a time: the bytes of 100,000 of them may be a gigabyte."""
    with store.reading() as connection:
        query = f"SELECT id FROM change {rest}"  # noqa: S608, values are bound
        numbers = connection.execute(query, values).fetchall()
    for number in numbers:
        with store.reading() as connection:
            cursor = connection.cursor()
            cursor.row_factory = sqlite3.Row
            row = cursor.execute("SELECT * FROM change WHERE id = ?", number).fetchone()
        yield _change(row)


def _change(row: sqlite3.Row) -> Change:
    path, payload = Path(os.fsdecode(row["path"])), row["payload"].hex()
    return Change(
        id=row["id"],
        run=row["run"],
        path=path,
        temp=path.with_name(os.fsdecode(row["temp"])),
        undoes=row["undoes"],
        undone=bool(row["undone"]),
        before=tuple(json.loads(row["values_before"])),
        after=tuple(json.loads(row["values_after"])),
        was=Identity(row["container"], row["old_size"], payload, row["old_metadata"].hex()),
        becomes=Identity(row["container"], row["new_size"], payload, row["new_metadata"].hex()),
        old=(row["old_dev"], row["old_inode"], row["old_size"], row["old_mtime_ns"]),
        new_inode=row["new_inode"],
        reverse=row["reverse"],
    )
