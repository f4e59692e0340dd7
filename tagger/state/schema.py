"""The tables of the state, as numbered migrations: what stands here is never changed again.

A new version of the program appends a migration. Paths and names are bytes as the file system
has them, absolute; times are as `os.stat` gives them.

    word    texts that many rows share (options, versions, reasons), by number
    folder  a folder of music, and what a glance at an unchanged one may tell
    file    the shortcut: what was found under a name, as long as size and times are the same
    result  what was heard, by content
"""

import sqlite3
from collections.abc import Sequence

APPLICATION_ID = 0x74616772  # 'tagr'

Migration = Sequence[str]
"""Statements, each on its own."""

_FIRST: Migration = (
    """
    CREATE TABLE word (
        id INTEGER PRIMARY KEY,
        text TEXT NOT NULL UNIQUE
    )
    """,
    # `listing` is a digest of all names, sizes and times of the folder; as long as it is the
    # same and `decision` is that of the scan, `counts` says what became of the files.
    """
    CREATE TABLE folder (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL UNIQUE,
        listing BLOB,
        decision INTEGER REFERENCES word (id),
        counts TEXT
    )
    """,
    # `reading`: the options under which `tags`, values as JSON, were read. `content` is NULL
    # until a track is to be heard. `error`, `decoder`: why it failed, and under which version.
    """
    CREATE TABLE file (
        folder INTEGER NOT NULL REFERENCES folder (id),
        name BLOB NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        n_links INTEGER NOT NULL,
        reading INTEGER NOT NULL REFERENCES word (id),
        container TEXT,
        tags TEXT NOT NULL,
        unwritable INTEGER REFERENCES word (id),
        content BLOB,
        error TEXT,
        decoder INTEGER REFERENCES word (id),
        PRIMARY KEY (folder, name)
    ) WITHOUT ROWID
    """,
    # `listening`: model and windows. `scores` are float32, NULL for silence.
    """
    CREATE TABLE result (
        content BLOB NOT NULL,
        listening INTEGER NOT NULL REFERENCES word (id),
        scores BLOB,
        n_windows INTEGER NOT NULL,
        n_silent INTEGER NOT NULL,
        duration_s REAL,
        PRIMARY KEY (content, listening)
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: tuple[Migration, ...] = (_FIRST,)
"""Number n leads from version n - 1 to n; the version is SQLite's `user_version`."""


def version_of(connection: sqlite3.Connection) -> int:
    """The version of an open state; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(
    connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Bring a state to the newest version, step by step, each step whole or not at all.

    Args:
        connection: in autocommit mode; nobody else writes.
        migrations: all of them, the first for an empty file.
    """
    for number in range(version_of(connection) + 1, len(migrations) + 1):
        connection.execute("BEGIN EXCLUSIVE")
        try:
            for statement in migrations[number - 1]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
