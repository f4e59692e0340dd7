"""What earlier scans found out, by name and by content; what this one finds out is added.

Records are written in small transactions as they come, so that a scan that is killed has lost
half a second. A word (options, versions, reasons) is stored once and stands as a number.
"""

import contextlib
import functools
import json
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tagger.errors import StateError
from tagger.library.walk import Entry
from tagger.state.embeddings import EMBEDDING_OF, put_embedding
from tagger.state.records import CacheKey, Result, StoredFile
from tagger.state.store import Row, Store

FLUSH_S = 0.5
FLUSH_ROWS = 256


_FOLDER = "SELECT listing, counts FROM folder WHERE path = ? AND decision = ?"
_FILES = """
    SELECT file.name, size, mtime_ns, inode, n_links, ctime_ns, reading, container, tags,
        word.text, file.content, error, decoder,
        result.content IS NOT NULL, scores, n_windows, n_silent, duration_s
    FROM file
    LEFT JOIN word ON word.id = file.unwritable
    LEFT JOIN result ON result.content = file.content AND result.listening = ?
    WHERE folder = (SELECT id FROM folder WHERE path = ?)
"""
_RESULT = """
    SELECT scores, n_windows, n_silent, duration_s FROM result
    WHERE content = ? AND listening = ?
"""
_PUT_FILE = """
    INSERT INTO file (folder, name, size, mtime_ns, inode, n_links, ctime_ns,
        reading, container, tags, unwritable, content, error, decoder)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (folder, name) DO UPDATE SET size = excluded.size,
        mtime_ns = excluded.mtime_ns, inode = excluded.inode, n_links = excluded.n_links,
        ctime_ns = excluded.ctime_ns, reading = excluded.reading,
        container = excluded.container, tags = excluded.tags,
        unwritable = excluded.unwritable, content = excluded.content, error = excluded.error,
        decoder = excluded.decoder
"""
"""An update, not a replacement: only so do the triggers see what was there."""

_PUT_RESULT = "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?, ?)"
_CHANGED = """
    UPDATE file SET size = ?, mtime_ns = ?, inode = ?, n_links = ?, ctime_ns = ?,
        tags = json_patch(tags, ?)
    WHERE folder = ? AND name = ?
"""
_PUT_FOLDER = "UPDATE folder SET listing = ?, decision = ?, counts = ? WHERE id = ?"


def _say_nothing(_sentence: str) -> None:
    """Leave a store that fails to be found out at the next start."""


class ScanCache:
    """A store as a scan sees it; `flush` before it is closed.

    A store that fails while the scan runs (a full disk, damage) ends the remembering, not the
    scan: what it would have told is found out.

    Attributes:
        is_stored: what is found out is kept.
    """

    is_stored = True

    def __init__(
        self, store: Store, keys: CacheKey, *, on_notice: Callable[[str], None] = _say_nothing
    ) -> None:
        """Take the words of this scan's conditions from the store, or add them.

        Args:
            store: held by this process.
            keys: the conditions under which what is stored counts: model, options, versions.
            on_notice: told once, in a sentence, if the store fails.
        """
        self.keys = keys
        self._on_notice = on_notice
        self._has_failed = False
        self._store = store
        self._lock = threading.Lock()
        self._pending: list[Callable[[sqlite3.Connection], object]] = []
        self._flushed = time.monotonic()
        self._words: dict[str, int] = {}
        self._last_folder: tuple[Path | None, int] = None, 0
        self._listening = self._reading = self._decision = self._source = 0
        with self._tolerant(), store.transaction() as connection:
            self._listening = self._word(connection, keys.listening)
            self._reading = self._word(connection, keys.reading)
            self._decision = self._word(connection, keys.decision)
            self._source = self._word(connection, keys.embedding)

    def folder(self, folder: Path) -> tuple[bytes, dict[str, int]] | None:
        """The digest of a folder's listing when all was done, and how many files became what.

        None if it was not done under the conditions of this scan.
        """
        row = self._one(_FOLDER, (_path(folder), self._decision))
        return None if row is None or row[0] is None else (row[0], _counts(row[1]))

    def files(self, folder: Path) -> dict[str, StoredFile]:
        """Everything that is known of a folder's files, by name."""
        rows: list[Row] = []
        if self._has_failed:
            return {}
        with self._tolerant(), self._store.reading() as connection:
            # All rows at once: a cursor left open would hold up the writing thread.
            rows = connection.execute(_FILES, (self._listening, _path(folder))).fetchall()
        by_name = {}
        for name, size, mtime_ns, inode, n_links, ctime_ns, reading, *rest in rows:
            text = os.fsdecode(name)
            entry = (text, size, mtime_ns, inode, n_links, ctime_ns)
            by_name[text] = StoredFile(entry, reading == self._reading, *rest)
        return by_name

    def result(self, content: bytes) -> Result | None:
        """What was scored of some audio, wherever it lay."""
        row = self._one(_RESULT, (content, self._listening))
        return None if row is None else Result(*row)

    def failed_alike(self, stored: StoredFile) -> bool:
        """Whether it failed under the decoders that are in use now."""
        if stored.error is None:
            return False
        row = self._one("SELECT id FROM word WHERE text = ?", (self.keys.decoders(),))
        return row is not None and row[0] == stored.decoder

    def store_file(
        self,
        folder: Path,
        entry: Entry,
        *,
        container: str | None,
        tags: str,
        unwritable: str | None,
        content: bytes | None,
        error: str | None,
    ) -> None:
        """Remember what a name led to, until its listing says something else."""

        def put(connection: sqlite3.Connection) -> None:
            reason = None if unwritable is None else self._word(connection, unwritable)
            decoder = None if error is None else self._word(connection, self.keys.decoders())
            name, *status = entry
            key = self._folder(connection, folder), os.fsencode(name)
            rest = (self._reading, container, tags, reason, content, error, decoder)
            connection.execute(_PUT_FILE, (*key, *status, *rest))

        self._add(put)

    def embedding(self, content: bytes) -> bytes | None:
        """The embedding of some audio, float16, by this scan's network and windows."""
        row = self._one(EMBEDDING_OF, (content, self.keys.embedding))
        return None if row is None else bytes(row[0])

    def store_result(
        self, content: bytes, result: Result, embedding: bytes | None = None
    ) -> None:
        """Store how some audio was scored, and its embedding, float16, if that is kept."""
        row = (content, self._listening, *result)

        def put(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT_RESULT, row)
            if embedding is not None:
                duration_s = result.duration_s
                put_embedding(connection, content, self._source, embedding, duration_s)

        self._add(put)

    def store_change(self, folder: Path, entry: Entry, tags: str) -> None:
        """Remember that we have changed these tags of a file, whose audio is the same."""

        def put(connection: sqlite3.Connection) -> None:
            name, *status = entry
            key = self._folder(connection, folder), os.fsencode(name)
            connection.execute(_CHANGED, (*status, tags, *key))

        self._add(put)

    def store_folder(self, folder: Path, listing: bytes, counts: Mapping[str, int]) -> None:
        """Remember that all files of a folder are done, and how many became what."""

        def put(connection: sqlite3.Connection) -> None:
            row = (listing, self._decision, json.dumps(counts))
            connection.execute(_PUT_FOLDER, (*row, self._folder(connection, folder)))

        self._add(put)

    def forget(self, folder: Path, names: Iterable[str]) -> None:
        """Drop names that are not there any more; what was scored of them is kept."""

        def drop(connection: sqlite3.Connection) -> None:
            number = self._folder(connection, folder)
            keys = [(number, os.fsencode(name)) for name in names]
            connection.executemany("DELETE FROM file WHERE folder = ? AND name = ?", keys)

        self._add(drop)

    def flush(self) -> None:
        """Write what is waiting."""
        with self._lock:
            # Taken under the lock, written without it: threads that add do not wait for the
            # disk.
            pending, self._pending = self._pending, []
            self._flushed = time.monotonic()
        if pending and not self._has_failed:
            with self._tolerant(), self._store.transaction() as connection:
                for change in pending:
                    change(connection)

    def _add(self, change: Callable[[sqlite3.Connection], object]) -> None:
        with self._lock:
            self._pending.append(change)
            is_due = (
                len(self._pending) >= FLUSH_ROWS or time.monotonic() - self._flushed >= FLUSH_S
            )
        if is_due:
            self.flush()

    def _one(self, query: str, values: tuple[object, ...]) -> Row | None:
        if not self._has_failed:
            with self._tolerant():
                return self._store.one(query, values)
        return None

    @contextlib.contextmanager
    def _tolerant(self) -> Iterator[None]:
        """Let the scan go on when the store fails, and say so once."""
        try:
            yield
        except StateError as error:
            with self._lock:
                is_first, self._has_failed = not self._has_failed, True
            if is_first:
                self._on_notice(f"{error} The scan continues, and stores no more results.")

    def _word(self, connection: sqlite3.Connection, text: str) -> int:
        if (number := self._words.get(text)) is None:
            connection.execute("INSERT OR IGNORE INTO word (text) VALUES (?)", (text,))
            row = connection.execute("SELECT id FROM word WHERE text = ?", (text,)).fetchone()
            number = self._words[text] = row[0]
        return number

    def _folder(self, connection: sqlite3.Connection, folder: Path) -> int:
        if folder != self._last_folder[0]:  # most records are of the folder of the one before
            path = _path(folder)
            connection.execute("INSERT OR IGNORE INTO folder (path) VALUES (?)", (path,))
            row = connection.execute("SELECT id FROM folder WHERE path = ?", (path,)).fetchone()
            self._last_folder = folder, int(row[0])
        return self._last_folder[1]


@functools.lru_cache(maxsize=1024)
def _counts(text: str) -> dict[str, int]:
    """Most folders have a dozen files that are kept."""
    return dict(json.loads(text))


def _path(folder: Path) -> bytes:
    """The absolute name of a folder, without looking at the disk."""
    name = str(folder)
    if not _IS_PLAIN(name):
        name = os.path.abspath(name)  # noqa: PTH100 (resolve would ask the disk)
    return os.fsencode(name)


_IS_PLAIN = re.compile(r"/(?!.*/\.\.?(/|$)).*", re.DOTALL).fullmatch
"""Of names that `abspath` would leave as they are: most of them, and it takes its time."""
