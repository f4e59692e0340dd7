"""URL -> a database that can be read and written, the same way on PostgreSQL and SQLite."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    event,
    extract,
    func,
    inspect,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session

from tagger.errors import MissingExtraError, StartError

AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
"""Errors of a database that does not answer; others are mistakes, which no patience mends."""

_WRITES = "tagger_writes"
_BUSY_S = 30.0


@dataclass(frozen=True, slots=True)
class Database:
    """One database; `reading` and `writing` are transactions.

    Attributes:
        engine: of SQLAlchemy.
        is_sqlite: it is one file.
    """

    engine: Engine
    is_sqlite: bool

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that is committed at the end of the block, or taken back by an error.

        SQLite's begins with the lock: two that read first and write then would get in each
        other's way, and fail without waiting.
        """
        engine = self.engine.execution_options(**{_WRITES: True})
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def open_database(url_text: str) -> Database:
    """The database of a URL; it is connected to when it is first asked.

    Raises:
        StartError: this is no URL of PostgreSQL or SQLite.
        MissingExtraError: its driver is not installed.
    """
    try:
        url = make_url(url_text)
    except ArgumentError as error:
        raise StartError(
            "--database: this is no URL; write postgresql+psycopg://USER:SECRET@HOST/NAME or"
            " sqlite:///FILE."
        ) from error
    if url.get_backend_name() == "sqlite":
        return Database(_sqlite(url), is_sqlite=True)
    if url.get_backend_name() != "postgresql":
        raise StartError(f"--database: {shown(url)} is neither PostgreSQL nor SQLite.")
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=30,
            pool_timeout=10,
            pool_recycle=1800,
            # Never prepared: a plan for any word reads all rows, one for this word an index.
            connect_args={
                "connect_timeout": 5,
                "options": "-c statement_timeout=60000",
                "prepare_threshold": None,
            },
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise MissingExtraError(
            "--database postgresql needs psycopg: pip install 'tagger-music[service]' brings"
            " it."
        ) from error
    return Database(engine, is_sqlite=False)


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, connect_args={"timeout": _BUSY_S, "check_same_thread": False}, pool_size=10,
        max_overflow=30, pool_timeout=10,
    )  # fmt: skip
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transaction; `_begin` does
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "cache_size = -32000",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def shown(url: URL | str) -> str:
    """A URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def clock_s(session: Session) -> float:
    """The time in seconds since 1970 by the database's clock: those of machines differ."""
    if session.get_bind().dialect.name == "sqlite":
        return time.time()  # a file, which is on one machine
    return float(session.scalar(select(extract("epoch", func.clock_timestamp()))) or 0)


def put_row(
    session: Session, model: type[DeclarativeBase], row: Mapping[str, Any], *, replaces: bool
) -> None:
    """Insert a row in one statement: who inserts the same at the same time waits, and goes on.

    Args:
        session: one that writes.
        model: of the table.
        row: its values by column; the key among them.
        replaces: the row that is there by that key gets these values; else it stays.
    """
    kind = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    query = kind.insert(model).values(dict(row))
    if not replaces:
        session.execute(query.on_conflict_do_nothing())
        return
    keys = [column.name for column in inspect(model).primary_key]
    session.execute(query.on_conflict_do_update(index_elements=keys, set_=dict(row)))


def check_answers(database: Database, url: str) -> None:
    """See that the database can be reached.

    Raises:
        StartError: it cannot; the message says what to do.
    """
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except DBAPIError as error:
        lines = str(error.orig).strip().splitlines()
        raise StartError(
            f"--database {shown(url)}: it does not answer ({lines[0] if lines else error});"
            " start it (./start_services.sh), or check user, secret, host and name."
        ) from error
