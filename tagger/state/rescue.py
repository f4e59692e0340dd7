"""What a damaged state still tells of the undo journal: results can be had again, this not.

SQLite has no checksums of its own, so a row may be wrong without anybody noticing. That does no
harm: an undo compares whole files, and does nothing where the journal is wrong.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

_TABLES = ("run", "correction", "change")  # in this order, since changes name runs
_MIN_ROW_LEN = 16  # bytes; those of all these tables are longer

Row = Sequence[object]


def rescue_journal(damaged: Path, connection: sqlite3.Connection) -> int | None:
    """Copy all runs, corrections and changes that can still be read into a new state.

    Args:
        damaged: the old state; it is not changed.
        connection: the new one, in autocommit mode.

    Returns:
        How many changes the new state has by then; None if the old one cannot be read at all.

    Raises:
        sqlite3.Error: the new one cannot be written, and holds what it held before.
    """
    kinds = {table: _columns(table, connection) for table in _TABLES}
    try:
        rows = _all_readable(damaged, kinds)
    except sqlite3.Error:  # of the old one
        return None
    connection.execute("BEGIN IMMEDIATE")
    try:
        for table, (names, found) in rows.items():
            marks = ", ".join("?" * len(names))
            # Numbers are kept: people have noted them, and changes name each other by them.
            # So nothing comes twice, whichever start was killed after it had copied all.
            insert = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
            connection.executemany(insert, found)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it itself on a full disk
            connection.execute("ROLLBACK")
        raise
    return int(connection.execute("SELECT count(*) FROM change").fetchone()[0])


def _all_readable(
    damaged: Path, kinds: Mapping[str, Mapping[str, str]]
) -> dict[str, tuple[list[str], list[Row]]]:
    """By table: the columns that both states have, and the rows that the new one can take.

    Raises:
        sqlite3.Error: the old state cannot be read.
    """
    found = {}
    most = damaged.stat().st_size // _MIN_ROW_LEN
    with contextlib.closing(
        sqlite3.connect(f"{damaged.resolve().as_uri()}?mode=ro", uri=True)
    ) as old:
        # Opening reads nothing: the first question shows whether there is anything to read.
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for table in _TABLES:
            names = [name for name in _columns(table, old) if name in kinds[table]]
            if names:
                rows = _readable(table, names, old, most).values()
                sound = [
                    row
                    for row in rows
                    if _is_sound(dict(zip(names, row, strict=True)), kinds[table])
                ]
                found[table] = names, sound
    return found


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


def _readable(
    table: str, names: Sequence[str], old: sqlite3.Connection, most: int
) -> dict[int, Row]:
    """The rows from both ends up to what is broken, then one by one `most` of those between."""
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
    first, last = (end or 0 for end in ends)
    # A broken page may tell any number: no more rows are missing than the file has room for.
    for number in range(first + 1, min(last, first + most)):
        try:
            row = old.execute(f"{select} WHERE id = ?", (number,)).fetchone()
        except sqlite3.DatabaseError:
            continue
        if row is not None:
            readable[number] = row[1:]
    return readable
