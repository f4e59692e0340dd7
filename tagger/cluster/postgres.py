"""Results as rows of one table in PostgreSQL."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Json

from tagger.cluster.order import ListingOrder
from tagger.cluster.records import ObjectEntry, ObjectResult
from tagger.cluster.results import PastRow, TakenOverError
from tagger.errors import InputError

_TABLES = """
CREATE TABLE IF NOT EXISTS tagger_runs (
    run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    about jsonb NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS tagger_results (
    key text NOT NULL, etag text NOT NULL, etag_read text NOT NULL, size bigint NOT NULL,
    modified timestamptz NOT NULL, status text NOT NULL, reason text,
    genres text[] NOT NULL, previous text[] NOT NULL, field text NOT NULL,
    scores json, others json, duration_s double precision,
    model text NOT NULL, conditions text NOT NULL, n_read bigint NOT NULL, node text NOT NULL,
    finished_at timestamptz NOT NULL, version text NOT NULL,
    run bigint NOT NULL, part bigint NOT NULL,
    PRIMARY KEY (key, run)
);
CREATE INDEX IF NOT EXISTS tagger_results_part ON tagger_results (run, part);
"""
_COLUMNS = (
    "key", "etag", "etag_read", "size", "modified", "status", "reason", "genres", "previous",
    "field", "scores", "others", "duration_s", "model", "conditions", "n_read", "node",
    "finished_at", "version",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO tagger_results ({', '.join(_COLUMNS)}, run, part) VALUES"  # noqa: S608, ours
    f" ({', '.join(['%s'] * (len(_COLUMNS) + 2))}) ON CONFLICT (key, run) DO NOTHING"
)
_LATEST = (
    "SELECT DISTINCT ON (key) key, etag, conditions, status FROM tagger_results"
    " WHERE key = ANY(%s) AND run < %s ORDER BY key, run DESC"
)
_HAS_RUNS = "SELECT to_regclass('tagger_runs') IS NOT NULL"


class PostgresResults:
    """Rows in the tables `tagger_results` and `tagger_runs` of a database.

    Attributes:
        url: as it was named; it holds no password.
        shown: the same, shorter.
    """

    def __init__(self, url: str) -> None:
        """Name the database; each process opens its own connection.

        Raises:
            InputError: the URL holds a password.
        """
        parts = urlsplit(url)
        if parts.password is not None or "password=" in parts.query:
            raise InputError(
                "--results: a URL must not hold a password; put it into PGPASSWORD or ~/.pgpass"
                " on every machine."
            )
        self.shown = urlunsplit(parts._replace(query=""))
        self.url = url
        self._connection: psycopg.Connection[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"shown": self.shown, "url": self.url, "_connection": None}

    def is_empty(self) -> bool:
        """As in `Results`."""
        with self._asked() as connection:
            (is_there,) = connection.execute(_HAS_RUNS).fetchone() or (False,)
            if not is_there:
                return True
            return connection.execute("SELECT 1 FROM tagger_results LIMIT 1").fetchone() is None

    def begin(self, about: Mapping[str, object]) -> int:
        """As in `Results`."""
        with self._asked() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(7461676765)")  # two may begin
            connection.execute(_TABLES)
            ours = connection.execute(
                "INSERT INTO tagger_runs (about) VALUES (%s) RETURNING run",
                [json.dumps(dict(about))],
            ).fetchone()
            assert ours is not None
            return int(ours[0])

    def past(self, order: ListingOrder, run: int) -> "PostgresPast":  # noqa: ARG002 (any order)
        """As in `Results`."""
        return PostgresPast(self, run)

    def learn_order(self, name: str) -> None:
        """Nothing: rows are found by their key."""

    def known_order(self) -> str | None:
        """Any will do."""
        return None

    def has_part(self, run: int, number: int) -> list[ObjectResult] | None:
        """As in `Results`."""
        names = ", ".join(_COLUMNS)
        query = f"SELECT {names} FROM tagger_results WHERE run = %s AND part = %s"  # noqa: S608
        with self._asked() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query, [run, number]).fetchall()
        return [_row(row) for row in rows] or None

    def part_numbers(self, run: int) -> set[int]:
        """As in `Results`."""
        query = "SELECT DISTINCT part FROM tagger_results WHERE run = %s"
        with self._asked() as connection:
            return {number for (number,) in connection.execute(query, [run]).fetchall()}

    def write_part(self, run: int, number: int, rows: Sequence[ObjectResult]) -> None:
        """As in `Results`; one transaction."""
        with self._asked() as connection:
            newer = connection.execute("SELECT 1 FROM tagger_runs WHERE run > %s", [run])
            if newer.fetchone() is not None:
                raise TakenOverError(
                    f"{self.shown}: a newer run writes to these results; this one has stopped."
                )
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT, [[*_values(row), run, number] for row in rows])

    def rows(self) -> Iterator[ObjectResult]:
        """All rows of all runs; of several about a key the last run's counts."""
        names = ", ".join(_COLUMNS)
        with self._asked() as connection, connection.cursor(row_factory=dict_row) as cursor:
            for row in cursor.execute(f"SELECT {names} FROM tagger_results ORDER BY run, part"):  # noqa: S608
                yield _row(row)

    def latest(self, keys: list[str], run: int) -> dict[str, PastRow]:
        """The row of each key that the last run before this one has made."""
        with self._asked() as connection:
            rows = connection.execute(_LATEST, [keys, run]).fetchall()
        return {key: PastRow(*row) for key, *row in rows}

    @contextmanager
    def _asked(self) -> Iterator[psycopg.Connection[Any]]:
        """A transaction on this process's connection, which is opened anew if it was lost."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self.url, application_name="tagger")
            with self._connection.transaction():
                yield self._connection
        except psycopg.OperationalError as error:
            self._connection = None
            reason = " ".join(str(error).split())
            raise InputError(f"--results {self.shown}: PostgreSQL says: {reason}") from error


class PostgresPast:
    """The rows of earlier runs, by key."""

    def __init__(self, results: PostgresResults, run: int) -> None:
        """Ask nothing yet."""
        self._results, self._run = results, run

    def rows_of(self, page: Sequence[ObjectEntry]) -> dict[str, PastRow]:
        """As in `Past`."""
        return self._results.latest([_text(entry.key) for entry in page], self._run)


def _values(row: ObjectResult) -> list[Any]:
    values = {name: getattr(row, name) for name in _COLUMNS}
    values["genres"], values["previous"] = list(row.genres), list(row.previous)
    for name in ("scores", "others"):
        values[name] = None if values[name] is None else Json(values[name])
    return [_text(value) if isinstance(value, str) else value for value in values.values()]


def _text(value: str) -> str:
    """PostgreSQL has no NUL in its texts."""
    return value.replace("\0", "�")


def _row(record: dict[str, Any]) -> ObjectResult:
    record["genres"], record["previous"] = tuple(record["genres"]), tuple(record["previous"])
    return ObjectResult(**record)
