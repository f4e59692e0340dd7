"""The undo journal, as it is written: every change is durable before its file changes.

A change is `planned`, then `done` or `failed` (the file is as it was); `gone` means that the
file was found to be neither old nor new after a run was killed.
"""

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from tagger.journal.history import ChangeStatus, signed
from tagger.journal.reverse_patch import pack
from tagger.text import sanitise
from tagger.writing.replace import PreparedWrite


def begin_run(
    connection: sqlite3.Connection,
    command: str,
    about: str,
    model: str | None,
    *,
    roots: Sequence[Path] = (),
) -> int:
    """Record that a command is going to write; returns the run's number."""
    row = connection.execute(
        "INSERT INTO run (began_ns, command, about, model, roots) VALUES (?, ?, ?, ?, ?)",
        (time.time_ns(), command, about, model, json.dumps([str(root) for root in roots])),
    )
    return int(row.lastrowid or 0)


def end_run(connection: sqlite3.Connection, run: int) -> None:
    """Record that a run has ended in an orderly way."""
    connection.execute("UPDATE run SET ended_ns = ? WHERE id = ?", (time.time_ns(), run))


def record(
    connection: sqlite3.Connection, run: int, planned: PreparedWrite, undoes: int | None
) -> int:
    """Record a change as `planned`; returns its number."""
    values = {
        "run": run,
        "path": os.fsencode(planned.path),
        "temp": os.fsencode(planned.temp.name),
        "status": "planned",
        "undoes": undoes,
        "values_before": json.dumps(planned.before),
        "values_after": json.dumps(planned.after),
        "container": planned.was.container,
        "payload": bytes.fromhex(planned.was.payload),
        "old_size": planned.was.size,
        "old_metadata": bytes.fromhex(planned.was.metadata),
        "new_size": planned.becomes.size,
        "new_metadata": bytes.fromhex(planned.becomes.metadata),
        # What tells one state of a file from the next: a killed run is judged by it.
        "old_dev": signed(planned.stat.st_dev),
        "old_inode": signed(planned.stat.st_ino),
        "old_mtime_ns": planned.stat.st_mtime_ns,
        "reverse": pack(planned.patches, planned.undo),
    }
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    row = connection.execute(
        f"INSERT INTO change ({names}) VALUES ({marks})",  # noqa: S608, our own names
        tuple(values.values()),
    )
    return int(row.lastrowid or 0)


def settle(
    connection: sqlite3.Connection,
    change: int,
    status: ChangeStatus,
    *,
    reason: str | None = None,
    new: os.stat_result | None = None,
) -> None:
    """Record what became of a planned change.

    Args:
        connection: in a transaction.
        change: its number.
        status: any but `planned`.
        reason: why it was not made.
        new: the state of the file that it made.
    """
    made = (signed(new.st_dev), signed(new.st_ino), new.st_mtime_ns) if new else (None,) * 3
    connection.execute(
        "UPDATE change SET status = ?, reason = ?, new_dev = ?, new_inode = ?, new_mtime_ns = ?"
        " WHERE id = ?",
        (status, sanitise(reason) if reason else None, *made, change),
    )
    # Only then: a change that failed has taken nothing back.
    if status == "done":
        _toggle_undone(connection, change)


def _toggle_undone(connection: sqlite3.Connection, change: int) -> None:
    """What a change takes back is undone; what that had taken back is in force again."""
    undone, current = True, change
    while (row := connection.execute(_UNDOES, (current,)).fetchone()) and row[0] is not None:
        current = row[0]
        connection.execute("UPDATE change SET undone = ? WHERE id = ?", (undone, current))
        undone = not undone


_UNDOES = "SELECT undoes FROM change WHERE id = ?"
