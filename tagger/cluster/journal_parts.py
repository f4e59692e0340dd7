"""Where the parts of the undo journal lie: beside the results, whatever holds these.

In a folder or a bucket they are objects below `_journal/`, which readers of the results as a
data set pass over; in PostgreSQL rows of a table. A part is made whole or not at all, and never
changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import obstore

from tagger.cluster.problems import objects_asked
from tagger.cluster.replaceable import url_of
from tagger.cluster.stores import Place, open_place
from tagger.errors import MissingExtraError, StateError
from tagger.writing import filecopy

if TYPE_CHECKING:
    import psycopg

_FOLDER = "_journal"
_TABLE = """
CREATE TABLE IF NOT EXISTS tagger_journal (
    name text COLLATE "C" PRIMARY KEY, data bytea NOT NULL
)
"""


class JournalParts(Protocol):
    """Parts by name, with slashes."""

    @property
    def shown(self) -> str:
        """The place, without anything secret."""

    def put(self, name: str, data: bytes) -> None:
        """Make a part that lasts.

        Raises:
            StateError: it cannot be written.
        """

    def read(self, name: str) -> bytes:
        """The content of a part.

        Raises:
            StateError: it cannot be read.
        """

    def names(self, folder: str) -> list[str]:
        """The names of all parts below a folder, sorted.

        Raises:
            StateError: they cannot be listed.
        """

    def folders(self, folder: str = "") -> list[str]:
        """The folders in a folder, or at the top, sorted.

        Raises:
            StateError: they cannot be listed.
        """


def open_parts(results: str) -> JournalParts:
    """The journal of the results that `--results` names.

    Raises:
        InputError: it is no place that can be opened.
        MissingExtraError: what it needs is not installed.
    """
    if not results.startswith(("postgresql://", "postgres://")):
        return StoredParts(open_place(results, option="--results"))
    try:
        import psycopg  # noqa: F401, PLC0415 (an extra)
    except ImportError as error:
        raise MissingExtraError(
            "--results postgresql:// needs psycopg: pip install 'tagger-music[cluster]'."
        ) from error
    return PostgresParts(results)


@dataclass(slots=True)
class StoredParts:
    """Parts as objects of a bucket, or as files of a folder."""

    place: Place

    @property
    def shown(self) -> str:
        """The place."""
        return self.place.url

    def put(self, name: str, data: bytes) -> None:
        """As in `JournalParts`."""
        key = self._key(name)
        with self._asked(key):
            if self.place.folder is None:
                obstore.put(self.place.store, key, data)
                return
            folder = self.place.folder
            filecopy.write_whole(folder / key, data, below=folder)

    def read(self, name: str) -> bytes:
        """As in `JournalParts`."""
        with self._asked(key := self._key(name)):
            return bytes(obstore.get(self.place.store, key).bytes())

    def names(self, folder: str) -> list[str]:
        """As in `JournalParts`."""
        root = self._key(folder)
        first = len(self._key("x")) - 1
        with self._asked(root):
            pages = obstore.list(self.place.store, prefix=root)
            names = (entry["path"][first:] for page in pages for entry in page)
            # Hidden: what is being written, or was when its writer was killed.
            return sorted(n for n in names if not n.rpartition("/")[2].startswith("."))

    def folders(self, folder: str = "") -> list[str]:
        """As in `JournalParts`."""
        root = self._key(folder).rstrip("/")
        with self._asked(root):
            listed = obstore.list_with_delimiter(self.place.store, prefix=root)
            return sorted(
                prefix.rstrip("/").rpartition("/")[2] for prefix in listed["common_prefixes"]
            )

    def _key(self, name: str) -> str:
        return self.place.key(f"{_FOLDER}/{name}")

    @contextmanager
    def _asked(self, key: str) -> Iterator[None]:
        with objects_asked(url_of(self.place, key), StateError):
            yield


@dataclass(slots=True)
class PostgresParts:
    """Parts as rows of the table `tagger_journal`."""

    url: str

    @property
    def shown(self) -> str:
        """The database, without what follows its name."""
        return self.url.partition("?")[0]

    def put(self, name: str, data: bytes) -> None:
        """As in `JournalParts`."""
        with self._asked() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(7461676765)")  # two may make it
            connection.execute(_TABLE)
            connection.execute("INSERT INTO tagger_journal VALUES (%s, %s)", [name, data])

    def read(self, name: str) -> bytes:
        """As in `JournalParts`."""
        with self._asked() as connection:
            query = "SELECT data FROM tagger_journal WHERE name = %s"
            row = connection.execute(query, [name]).fetchone()
        if row is None:
            raise StateError(f"{self.shown}: the journal has no part {name}.")
        return bytes(row[0])

    def names(self, folder: str) -> list[str]:
        """As in `JournalParts`."""
        query = "SELECT name FROM tagger_journal WHERE starts_with(name, %s) ORDER BY name"
        return [name for (name,) in self._rows(query, [f"{folder}/"])]

    def folders(self, folder: str = "") -> list[str]:
        """As in `JournalParts`."""
        above = f"{folder}/" if folder else ""
        query = "SELECT substr(name, %s) FROM tagger_journal WHERE starts_with(name, %s)"
        query = f"SELECT DISTINCT split_part(below, '/', 1) FROM ({query}) AS t (below)"  # noqa: S608
        query += " WHERE strpos(below, '/') > 0 ORDER BY 1"
        return [name for (name,) in self._rows(query, [len(above) + 1, above])]

    def _rows(self, query: str, values: list[Any]) -> list[Any]:
        with self._asked() as connection:
            table = connection.execute("SELECT to_regclass('tagger_journal')").fetchone()
            if table is None or table[0] is None:
                return []
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _asked(self) -> "Iterator[psycopg.Connection[Any]]":
        """A transaction on a connection of its own: parts are few beside decoding.

        Raises:
            StateError: the database cannot be asked.
        """
        import psycopg  # noqa: PLC0415 (an extra)

        try:
            with psycopg.connect(self.url, application_name="tagger") as connection:
                yield connection
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
            raise StateError(f"{self.shown}: PostgreSQL says: {reason}") from error
