"""Results as Parquet parts in a folder or a bucket.

    DEST/_runs/000001.json          what a run was about; the newest one alone may write
    DEST/run=000001/part-00000000.parquet, ...

The parts of a run are numbered in the order of the listing, and so are the rows in each: to
resume, they are read beside the listing, one part at a time, and nothing is held of them.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import obstore
import pyarrow.parquet as pq
from obstore.exceptions import AlreadyExistsError

from tagger.cluster.order import NONE, ORDERS, ListingOrder
from tagger.cluster.problems import objects_asked
from tagger.cluster.records import ObjectEntry, ObjectResult
from tagger.cluster.results import PastRow, TakenOverError
from tagger.cluster.schema import rows_of, table_of
from tagger.cluster.scratch import clear_unfinished
from tagger.cluster.stores import Place, open_place
from tagger.errors import InputError, StoppedError
from tagger.writing import filecopy

_RUN = re.compile(r"(\d{6,})\.json$")
_PART = re.compile(r"part-(\d{8,})\.parquet")
_PAST_COLUMNS = ["key", "etag", "conditions", "status"]


class ParquetResults:
    """Parts of rows below a folder or a prefix.

    Attributes:
        url: as it was named.
        shown: the same.
    """

    def __init__(self, url: str, *, make: bool = True) -> None:
        """Name the place; it is opened in each process that asks something of it."""
        self.shown = self.url = url
        self._make = make

    def __getstate__(self) -> dict[str, Any]:
        return {"shown": self.shown, "url": self.url, "_make": self._make}

    @cached_property
    def place(self) -> Place:
        """The folder or the bucket.

        Raises:
            InputError: it cannot be opened.
        """
        return open_place(self.url, option="--results", make=self._make)

    def is_empty(self) -> bool:
        """As in `Results`."""
        return not any(self.parts(run) for run in self._runs())

    def begin(self, about: Mapping[str, object]) -> int:
        """As in `Results`."""
        run = max(self._runs(), default=0) + 1
        while True:
            try:
                self._put(_marker(run), json.dumps(dict(about)).encode(), is_new=True)
            except AlreadyExistsError:
                run += 1
            else:
                if self.place.folder is not None:
                    clear_unfinished(self.place.folder)
                return run

    def past(self, order: ListingOrder, run: int) -> "ParquetPast":
        """As in `Results`."""
        return ParquetPast(self, order, [earlier for earlier in self._runs() if earlier < run])

    def learn_order(self, name: str) -> None:
        """As in `Results`."""
        self._put("_runs/order.txt", name.encode())

    def known_order(self) -> str | None:
        """As in `Results`."""
        try:
            stored = obstore.get(self.place.store, self.place.key("_runs/order.txt"))
            name = bytes(stored.bytes()).decode()
        except FileNotFoundError:
            return None
        return name if name in ORDERS else None

    def has_part(self, run: int, number: int) -> list[ObjectResult] | None:
        """As in `Results`."""
        try:
            part = self._part_file(self.place.key(_part(run, number)))
        except FileNotFoundError:
            return None
        return rows_of(pq.read_table(part))

    def part_numbers(self, run: int) -> set[int]:
        """As in `Results`."""
        names = (part.rpartition("/")[2] for part in self.parts(run))
        return {int(match[1]) for name in names if (match := _PART.fullmatch(name))}

    def write_part(self, run: int, number: int, rows: Sequence[ObjectResult]) -> None:
        """As in `Results`."""
        if any(other > run for other in self._runs(after=run)):
            raise TakenOverError(
                f"{self.shown}: a newer run writes to these results; this one has stopped."
            )
        buffer = io.BytesIO()
        pq.write_table(table_of(rows), buffer, compression="zstd")
        self._put(_part(run, number), buffer.getvalue())

    def rows(self) -> Iterator[ObjectResult]:
        """All rows of all runs, part by part; of several about a key the last run's counts."""
        for run in self._runs():
            for key in self.parts(run):
                yield from rows_of(pq.read_table(self._part_file(key)))

    def parts(self, run: int) -> list[str]:
        """The keys of the parts of a run, in the order of the listing.

        In a folder there may be others beside them: what a worker writes just now, or was
        writing when it was killed, has a name of its own until it is whole.
        """
        prefix = self.place.key(f"run={run:06d}")
        pages = obstore.list(self.place.store, prefix, chunk_size=1_000)
        keys = (entry["path"] for page in pages for entry in page)
        return sorted(key for key in keys if _PART.fullmatch(key.rpartition("/")[2]))

    def past_rows(self, key: str) -> Iterator[tuple[str, PastRow]]:
        """What counts of the rows of one part."""
        table = pq.read_table(self._part_file(key), columns=_PAST_COLUMNS)
        columns = (column.to_pylist() for column in table.columns)
        for name, *past in zip(*columns, strict=True):
            yield name, PastRow(*past)

    def _part_file(self, key: str) -> io.BytesIO:
        return io.BytesIO(bytes(obstore.get(self.place.store, key).bytes()))

    def _runs(self, *, after: int | None = None) -> list[int]:
        """The numbers of the runs that have begun, in order."""
        place = self.place
        offset = None if after is None or place.folder else place.key(_marker(after))
        with objects_asked(f"--results {self.shown.partition('?')[0]}", InputError):
            pages = obstore.list(place.store, place.key("_runs"), offset=offset)
            names = [entry["path"] for page in pages for entry in page]
        return sorted(int(match[1]) for name in names if (match := _RUN.search(name)))

    def _put(self, name: str, data: bytes, *, is_new: bool = False) -> None:
        """Store something whole or not at all; in a folder it is on the disk then."""
        place = self.place
        if place.folder is None or is_new:
            obstore.put(
                place.store, place.key(name), data, mode="create" if is_new else "overwrite"
            )
            return
        filecopy.write_whole(place.folder / name, data, below=place.folder)


def _marker(run: int) -> str:
    return f"_runs/{run:06d}.json"


def _part(run: int, number: int) -> str:
    return f"run={run:06d}/part-{number:08d}.parquet"


class ParquetPast:
    """The rows of earlier runs, gone through beside a listing."""

    def __init__(self, results: ParquetResults, order: ListingOrder, runs: list[int]) -> None:
        """Read nothing yet.

        Args:
            results: where the rows lie.
            order: of the listing; once it becomes another one, the rows are read anew.
            runs: whose rows count.
        """
        self._results, self._order, self._runs = results, order, runs
        self._name = ""
        self._cursors: list[_Cursor] = []

    def rows_of(self, page: Sequence[ObjectEntry]) -> dict[str, PastRow]:
        """As in `Past`."""
        if self._name != self._order.name:
            self._name = self._order.name
            if self._name == NONE and self._runs:
                raise StoppedError(
                    f"{page[0].key}: the store lists its keys in no order, so that a run cannot"
                    " be resumed from Parquet; use --results postgresql://."
                )
            name = self._name
            self._cursors = [_Cursor(self._results, run, name) for run in self._runs]
        latest = {}
        for entry in page:
            # In the order of the runs: the clocks of the machines that wrote them differ.
            for cursor in self._cursors:
                if (row := cursor.find(entry.key)) is not None:
                    latest[entry.key] = row
        return latest


class _Cursor:
    """The rows of one run, in the order of its listing; keys are asked for in that order."""

    def __init__(self, results: ParquetResults, run: int, order: str) -> None:
        self._place_of = ORDERS[order]
        self._rows = (row for key in results.parts(run) for row in results.past_rows(key))
        self._next = next(self._rows, None)

    def find(self, key: str) -> PastRow | None:
        place = self._place_of(key)
        while self._next is not None and self._place_of(self._next[0]) < place:
            self._next = next(self._rows, None)
        if self._next is None or self._next[0] != key:
            return None
        return self._next[1]
