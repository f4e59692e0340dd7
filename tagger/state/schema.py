"""The tables of the state, as numbered migrations: what stands here is never changed again.

A new version of the program appends a migration. Paths and names are bytes as the file system
has them, absolute; times are as `os.stat` gives them.

    word    texts that many rows share (options, versions, reasons), by number
    folder  a folder of music, and what a glance at an unchanged one may tell
    file    the shortcut: what was found under a name, as long as size and times are the same
    result  what was scored, by content
    spelling  genres as the files hold them, with their number of files
    run     a command that wrote
    change  what it did to each file, with the bytes that lead back: the undo journal
    embedding  what a network made of audio before it named it, by content
    correction  what the owner has decided about genres of files
    learned  models that were learned from the library, and how to learn them again
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
    # until a track is to be decoded. `error`, `decoder`: why it failed, and in which version.
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

_JOURNAL: Migration = (
    # AUTOINCREMENT: people name runs by number, and no number ever means another one.
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        began_ns INTEGER NOT NULL,
        ended_ns INTEGER,
        command TEXT NOT NULL,
        about TEXT NOT NULL,
        model TEXT
    )
    """,
    # `values_*` are those of the field that was changed, as JSON: mostly the genres.
    # `path` has its links resolved; `temp` is the name of the copy in the same folder.
    # `reverse` makes the old file of the new one (reverse_patch.py). `undoes`: the change that
    # this one takes back; `undone`: another one has taken this back, and was not itself.
    # *_payload and *_metadata are SHA-256; dev, inode, mtime_ns are what tells one state of a
    # file from the next one, the second of each since it is `done`.
    """
    CREATE TABLE change (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL REFERENCES run (id),
        path BLOB NOT NULL,
        temp BLOB NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('planned', 'done', 'failed', 'gone')),
        reason TEXT,
        undoes INTEGER REFERENCES change (id),
        undone INTEGER NOT NULL DEFAULT 0,
        values_before TEXT NOT NULL,
        values_after TEXT NOT NULL,
        container TEXT NOT NULL,
        payload BLOB NOT NULL,
        old_size INTEGER NOT NULL,
        old_metadata BLOB NOT NULL,
        new_size INTEGER NOT NULL,
        new_metadata BLOB NOT NULL,
        old_dev INTEGER NOT NULL,
        old_inode INTEGER NOT NULL,
        old_mtime_ns INTEGER NOT NULL,
        new_dev INTEGER,
        new_inode INTEGER,
        new_mtime_ns INTEGER,
        reverse BLOB NOT NULL
    )
    """,
    "CREATE INDEX change_of_run ON change (run, id)",
    "CREATE INDEX change_of_path ON change (path, id)",
    "CREATE INDEX change_planned ON change (id) WHERE status = 'planned'",
)

_CHANGE_TIME: Migration = (
    # 0 is what systems without such a time tell. Elsewhere it differs from what a listing says,
    # so that every file is opened for its tags once more, and what was scored of it counts.
    "ALTER TABLE file ADD COLUMN ctime_ns INTEGER NOT NULL DEFAULT 0",
)

_ROOTS: Migration = (
    # Files and folders that a run worked on, absolute, as JSON: where to look for its files.
    "ALTER TABLE run ADD COLUMN roots TEXT NOT NULL DEFAULT '[]'",
)

_SPELLING: Migration = (
    # Kept by triggers, so that no scan has to count: `files` hold `genre`, spelled so.
    """
    CREATE TABLE IF NOT EXISTS spelling (
        genre TEXT PRIMARY KEY,
        files INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    INSERT OR REPLACE INTO spelling
    SELECT one.value, count(DISTINCT file.folder || '/' || hex(file.name))
    FROM file, json_each(file.tags, '$.genre') AS one GROUP BY one.value
    """,
    """
    CREATE TRIGGER IF NOT EXISTS spelling_of_new AFTER INSERT ON file BEGIN
        INSERT INTO spelling
        SELECT DISTINCT value, 1 FROM json_each(NEW.tags, '$.genre') WHERE true
        ON CONFLICT (genre) DO UPDATE SET files = files + 1;
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS spelling_of_gone AFTER DELETE ON file BEGIN
        UPDATE spelling SET files = files - 1
        WHERE genre IN (SELECT value FROM json_each(OLD.tags, '$.genre'));
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS spelling_of_changed AFTER UPDATE OF tags ON file
    WHEN OLD.tags != NEW.tags BEGIN
        UPDATE spelling SET files = files - 1
        WHERE genre IN (SELECT value FROM json_each(OLD.tags, '$.genre'));
        INSERT INTO spelling
        SELECT DISTINCT value, 1 FROM json_each(NEW.tags, '$.genre') WHERE true
        ON CONFLICT (genre) DO UPDATE SET files = files + 1;
    END
    """,
)

# What a row of `change` and its `run` tell of the owner: rows of an edited report and of the
# service's page are decisions (`values_after` hold, what they lack of `values_before` was taken
# away); a scan's change that was undone was refused (what it had added was taken away).
_DECIDED = "(run.command = 'apply' OR run.command = 'write' AND run.about LIKE 'tagger serve%')"
_CORRECTION_OF = f"""
    INSERT OR REPLACE INTO correction (change, at_ns, path, origin, genres, denied)
    SELECT change.id, run.began_ns, change.path,
        CASE WHEN {_DECIDED} THEN run.command ELSE 'undo' END,
        CASE WHEN {_DECIDED} THEN values_after ELSE '[]' END,
        (SELECT json_group_array(value) FROM json_each(
            CASE WHEN {_DECIDED} THEN values_before ELSE values_after END)
        WHERE value NOT IN (SELECT value FROM json_each(
            CASE WHEN {_DECIDED} THEN values_after ELSE values_before END)))
    FROM change JOIN run ON run.id = change.run
    WHERE change.status = 'done'
        AND CASE WHEN {_DECIDED} THEN NOT undone ELSE undone AND run.command = 'scan' END
"""  # noqa: S608 - nothing but our own texts

_LEARNING: Migration = (
    # `source`: the network and its windows. `vector`: float16, as many as its spec names.
    """
    CREATE TABLE IF NOT EXISTS embedding (
        id INTEGER PRIMARY KEY,
        content BLOB NOT NULL,
        source INTEGER NOT NULL REFERENCES word (id),
        vector BLOB NOT NULL,
        duration_s REAL,
        UNIQUE (content, source)
    )
    """,
    # Kept by triggers: `genres` the file shall have, `denied` it shall not, both as JSON. A
    # row that is deleted is forgotten; the journal keeps the change itself.
    """
    CREATE TABLE IF NOT EXISTS correction (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        change INTEGER NOT NULL UNIQUE,
        at_ns INTEGER NOT NULL,
        path BLOB NOT NULL,
        origin TEXT NOT NULL,
        genres TEXT NOT NULL,
        denied TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS correction_of_path ON correction (path, id)",
    _CORRECTION_OF,
    f"""
    CREATE TRIGGER IF NOT EXISTS correction_of_change
    AFTER UPDATE OF status, undone ON change
    WHEN OLD.status != NEW.status OR OLD.undone != NEW.undone BEGIN
        DELETE FROM correction WHERE change = NEW.id;
        {_CORRECTION_OF} AND change.id = NEW.id;
    END
    """,  # noqa: S608 - likewise
    # `recipe`: paths and options, as JSON; they are the owner's own and go into no model.
    """
    CREATE TABLE IF NOT EXISTS learned (
        name TEXT PRIMARY KEY,
        at_ns INTEGER NOT NULL,
        recipe TEXT NOT NULL,
        last_correction INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: tuple[Migration, ...] = (
    _FIRST, _JOURNAL, _CHANGE_TIME, _ROOTS, _SPELLING, _LEARNING
)  # fmt: skip
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
