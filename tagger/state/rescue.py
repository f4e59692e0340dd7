"""What a damaged state still tells of the undo journal: results can be had again, this not.

SQLite has no checksums of its own, so a row may be wrong without anybody noticing. That does no
harm: an undo compares whole files, and does nothing where the journal is wrong.
"""

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

_TABLES = ("run", "correction", "change")  # in this order, since changes name runs

Row = Sequence[object]


def rescue_journal(damaged: Path, connection: sqlite3.Connection) -> int | None:
    """Copy all runs, corrections and changes that can still be read into a new state.

    Args:
        damaged: the old state; it is not changed.
        connection: the new one, in autocommit mode.

    Returns:
        How many changes were saved; None if the old state cannot be read at all.
    """
    try:
        old = sqlite3.connect(f"{damaged.resolve().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error:
        return None
    n_saved = 0
    try:
        # Opening reads nothing: the first question shows whether there is anything to read.
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("BEGIN IMMEDIATE")
        for table in _TABLES:
            n_saved = _copy(table, old, connection)
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return None
    finally:
        old.close()
    return n_saved


def _copy(table: str, old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Copy one table; a row that the new one does not take is left out."""
    kinds = _columns(table, new)
    names = [name for name in _columns(table, old) if name in kinds]
    if not names:
        return 0
    marks = ", ".join("?" * len(names))
    # Numbers are kept: people have noted them, and changes name each other by them.
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
    n_copied = 0
    for row in _readable(table, names, old).values():
        if _is_sound(dict(zip(names, row, strict=True)), kinds):
            n_copied += new.execute(insert, tuple(row)).rowcount
    return n_copied


def _columns(table: str, connection: sqlite3.Connection) -> dict[str, str]:
    """Name to declared type."""
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {str(row[1]): str(row[2]) for row in columns}


def _is_sound(row: Mapping[str, object], kinds: Mapping[str, str]) -> bool:
    """Whether the rest of the program can read a row: types, lists and names are such."""
    types = {"INTEGER": int, "TEXT": str, "BLOB": bytes}
    if not all(
        value is None or isinstance(value, types[kinds[name]]) for name, value in row.items()
    ):
        return False
    path, temp = row.get("path", b"/"), row.get("temp", b"x")
    if not isinstance(path, bytes) or not isinstance(temp, bytes):
        return False
    if b"\0" in path + temp or not Path(os.fsdecode(path)).is_absolute():
        return False
    if not temp or Path(os.fsdecode(temp)).name != os.fsdecode(temp):
        return False
    try:
        lists = [
            json.loads(str(value)) for name, value in row.items() if name.startswith("values_")
        ]
    except ValueError:
        return False
    return all(
        isinstance(values, list) and all(isinstance(value, str) for value in values)
        for values in lists
    )


def _readable(table: str, names: Sequence[str], old: sqlite3.Connection) -> dict[int, Row]:
    """The rows from both ends up to what is broken, then one by one what lies between."""
    select = f"SELECT id, {', '.join(names)} FROM {table}"  # noqa: S608, names of our tables
    readable: dict[int, Row] = {}
    ends = []
    # SQLite stops at the first broken page: from the other end there may be more.
    for order in ("", " DESC"):
        last = None
        try:
            for number, *row in old.execute(f"{select} ORDER BY id{order}"):
                readable[number], last = row, number
        except sqlite3.DatabaseError:
            ends.append(last)
            continue
        return readable
    first, last = ends
    for number in range((first or 0) + 1, last or 0):
        try:
            row = old.execute(f"{select} WHERE id = ?", (number,)).fetchone()
        except sqlite3.DatabaseError:
            continue
        if row is not None:
            readable[number] = row[1:]
    return readable
