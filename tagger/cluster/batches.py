"""A listing -> what is still to be done, in batches: each becomes one part of the results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from tagger.cluster.listing import PAGE_LEN
from tagger.cluster.order import ListingOrder
from tagger.cluster.records import ObjectEntry
from tagger.cluster.results import Past, PastRow

PART_LEN = 256
"""Objects whose rows make one part, unless somebody says otherwise."""

_FEWEST = 8
_PIECES = 8
"""Batches an actor gets of what is left at the end, so that all end at about the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What of a listing is to be done.

    Attributes:
        conditions: digest of the model and of all options.
        write: objects are to be changed: what was only proposed is not done.
        retry_failed: what has failed is not done.
        rescan: nothing is done.
    """

    conditions: str
    write: bool = False
    retry_failed: bool = False
    rescan: bool = False

    def is_done(self, entry: ObjectEntry, row: PastRow | None) -> bool:
        """Whether a row says all that there is to say of this version of an object."""
        if row is None or self.rescan or row.conditions != self.conditions:
            return False
        if row.etag != entry.etag:
            return False
        if row.status == "failed":
            return not self.retry_failed
        return not (self.write and row.status == "proposed")


def pending(
    entries: Iterable[ObjectEntry],
    past: Past,
    order: ListingOrder,
    what: Pending,
    *,
    on_done: Callable[[str], None],
) -> Iterator[ObjectEntry]:
    """The entries that have no row yet.

    Args:
        entries: a listing.
        past: what earlier runs have left.
        order: of the listing; told of every key.
        what: counts as done.
        on_done: told the status of each object that is passed.
    """
    listed = iter(entries)
    while page := list(islice(listed, PAGE_LEN)):
        for entry in page:
            order.see(entry.key)
        rows = past.rows_of(page)
        for entry in page:
            row = rows.get(entry.key)
            if row is not None and what.is_done(entry, row):
                on_done(row.status)
            else:
                yield entry


def batches(
    entries: Iterable[ObjectEntry], *, part_len: int, n_actors: int
) -> Iterator[list[ObjectEntry]]:
    """Consecutive batches of a stated size, smaller ones when the end is in sight.

    Args:
        entries: what is to be done; read so far ahead that each actor could have a batch.
        part_len: objects a batch.
        n_actors: who works.
    """
    listed, ahead = iter(entries), deque[ObjectEntry]()
    while True:
        ahead.extend(islice(listed, part_len * (n_actors + 1) - len(ahead)))
        if len(ahead) <= part_len * n_actors:
            break
        yield [ahead.popleft() for _ in range(part_len)]
    size = min(part_len, max(_FEWEST, -(-len(ahead) // (n_actors * _PIECES))))
    while ahead:
        yield [ahead.popleft() for _ in range(min(size, len(ahead)))]
