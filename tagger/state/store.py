"""The state's file, open: created, migrated or set aside as needed; transactions."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from tagger.errors import StateError
from tagger.state.aside import (
    OnNotice,
    being_rescued,
    finish_making_way,
    finish_rescue,
    make_way,
)
from tagger.state.lock import Hold, lock_path
from tagger.state.schema import APPLICATION_ID, MIGRATIONS, Migration, migrate, version_of
from tagger.system.mounts import is_on_network

BUSY_S = 30.0
"""How long a statement waits for a program that only reads, such as `sqlite3`."""

_MAGIC = b"SQLite format 3\0"
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

Row = tuple[Any, ...]


class Store:
    """An open state; one connection that threads take in turns.

    Attributes:
        path: the file.
        connection: in autocommit mode, for use in `transaction` or `reading` only.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, hold: Hold | None) -> None:
        self.path = path
        self.connection = connection
        self._hold = hold
        self._lock = threading.RLock()
        self._is_damaged = False

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Change the state: all of it or nothing.

        Args:
            durable: when the block is left, the change is on the disk, and so is everything
                before it; otherwise the last moments may be lost if the machine stops (but
                not if the program does).

        Raises:
            StateError: the state is full, read-only or damaged.
        """
        with self._lock, self._translated():
            self.connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            # Immediate: a lock that is only needed later could be refused in the middle.
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                if self.connection.in_transaction:  # SQLite ends it itself on a full disk
                    self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Look something up.

        Raises:
            StateError: the state cannot be read or is damaged.
        """
        with self._lock, self._translated():
            yield self.connection

    def one(self, query: str, values: Sequence[object]) -> Row | None:
        """The first row of a query, quickly: there may be one for each folder of a library.

        Raises:
            StateError: as for `reading`.
        """
        try:
            with self._lock:
                row: Row | None = self.connection.execute(query, values).fetchone()
                return row
        except sqlite3.DatabaseError as error:
            raise self._ours(error) from error

    def close(self) -> None:
        """Let go of the state."""
        with self._lock:
            self.connection.close()
            if self._hold is not None:
                self._hold.release(orderly=not self._is_damaged)
                self._hold = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._ours(error) from error

    def _ours(self, error: sqlite3.DatabaseError) -> StateError:
        if is_damage(error):
            self._is_damaged = True
            return StateError(
                f"{self.path}: the state is damaged ({error}); the next start sets it aside."
            )
        return StateError(
            f"{self.path}: the state cannot be used ({error}); is its disk full or"
            " read-only? --state FILE names another place."
        )


def open_store(
    path: Path,
    *,
    on_notice: OnNotice,
    shared: bool = False,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> Store:
    """Open a state; one that is not there is made, one that is damaged is set aside.

    Args:
        path: its file; folders on the way to it are made.
        on_notice: told when a damaged state was set aside.
        shared: only look, whoever holds it; nothing is made, migrated or set aside.
        migrations: the tables.

    Raises:
        StateError: another process holds it, a newer version made it, it is no state of
            tagger, or it cannot be made or read.
    """
    if shared:
        return _look(path, migrations)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"{path.parent}: cannot be made ({error.strerror}); name another place for the"
            " state with --state FILE or the variable TAGGER_STATE."
        ) from error
    # Before the lock is made: a damaged state of ours had one beside it, a song has none.
    was_ours = lock_path(path).exists()
    _check_kind(path, was_ours=was_ours)
    hold = Hold(path)
    try:
        connection = _opened_or_begun(path, migrations, on_notice, thoroughly=hold.was_left)
    except sqlite3.DatabaseError as error:
        hold.release(orderly=not hold.was_left)  # not looked at as closely as it has to be
        raise StateError(
            f"{path}: the state cannot be opened ({error}); name another one with --state FILE."
        ) from error
    except BaseException:
        hold.release(orderly=not hold.was_left)
        raise
    return Store(path, connection, hold)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def _look(path: Path, migrations: Sequence[Migration]) -> Store:
    if being_rescued(path).exists():
        raise StateError(
            f"{path}: the state was damaged, and what can be read of its undo journal is not"
            " saved yet; `tagger undo --dry-run` goes on with that."
        )
    if not path.exists():
        raise StateError(f"{path}: there is no state; nothing was recorded there so far.")
    try:
        connection = _connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        _check_version(path, connection, migrations)
    except sqlite3.DatabaseError as error:
        raise StateError(f"{path}: the state cannot be read ({error}).") from error
    return Store(path, connection, None)


def _connect(database: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        database, uri=uri, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )


def _opened(
    path: Path, migrations: Sequence[Migration], *, thoroughly: bool
) -> sqlite3.Connection:
    connection = _connect(str(path))
    try:
        _check_version(path, connection, migrations)
        # The write-ahead log needs memory that all who open the file share.
        mode = "DELETE" if is_on_network(path.parent) else "WAL"
        connection.execute(f"PRAGMA journal_mode = {mode}")
        if thoroughly:
            _check_pages(connection)
        migrate(connection, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _opened_or_begun(
    path: Path, migrations: Sequence[Migration], on_notice: OnNotice, *, thoroughly: bool
) -> sqlite3.Connection:
    """The state; in place of a damaged one a new one, with the undo journal of that."""
    finish_making_way(path)
    damage = None
    try:
        connection = _opened(path, migrations, thoroughly=thoroughly)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        damage = error
        make_way(path)
        connection = _opened(path, migrations, thoroughly=False)
    try:
        finish_rescue(path, connection, damage, on_notice)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_pages(connection: sqlite3.Connection) -> None:
    """Find damage that would show later: it takes a second for some 100 MB."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        damage = sqlite3.DatabaseError(verdict)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage


def _check_kind(path: Path, *, was_ours: bool) -> None:
    """What is no database, and never was, is the owner's: a song, named by mistake."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateError(
            f"{path}: the state cannot be read ({error.strerror}); name another one with"
            " --state FILE."
        ) from error
    if start and start != _MAGIC and not was_ours:
        raise StateError(
            f"{path}: this is not a state of tagger; name another file with --state."
        )


def _check_version(
    path: Path, connection: sqlite3.Connection, migrations: Sequence[Migration]
) -> None:
    """Refuse other programs' databases, and those of a tagger that knows more tables."""
    (made_by,) = connection.execute("PRAGMA application_id").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if made_by != APPLICATION_ID and n_tables:
        raise StateError(
            f"{path}: this is a database of another program; name another file with --state."
        )
    version = version_of(connection)
    if version > len(migrations):
        raise StateError(
            f"{path}: a newer tagger made this state (version {version}, this one knows"
            f" {len(migrations)}); update tagger, or name another file with --state."
        )
