"""Where rows go, and what earlier runs have left there: a run is its results."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tagger.cluster.order import ListingOrder
from tagger.cluster.records import ObjectEntry, ObjectResult
from tagger.errors import TaggerError


class PastRow(NamedTuple):
    """What counts of an earlier row when a run goes on.

    Attributes:
        etag: of the version that it is about.
        conditions: digest of the model and of all options.
        status: what became of it.
    """

    etag: str
    conditions: str
    status: str


class TakenOverError(TaggerError):
    """A newer run writes to the same results: this one must not any more."""


class Past(Protocol):
    """What earlier runs have left, asked page by page in the order of the listing."""

    def rows_of(self, page: Sequence[ObjectEntry]) -> dict[str, PastRow]:
        """The row of the last run that has one, of each key of a page."""


class Results(Protocol):
    """A place of rows; small, and pickled into every actor.

    Attributes:
        url: as it was named.
        shown: its name for people.
    """

    url: str
    shown: str

    def is_empty(self) -> bool:
        """Whether no row is here.

        Raises:
            InputError: it cannot be reached.
        """

    def begin(self, about: Mapping[str, object]) -> int:
        """Begin a run: the number by which it is known; older ones may not write any more.

        Args:
            about: what stands beside it: source, model, options.
        """

    def past(self, order: ListingOrder, run: int) -> Past:
        """The rows of all runs before this one."""

    def learn_order(self, name: str) -> None:
        """Remember in which order the store lists."""

    def known_order(self) -> str | None:
        """The order that an earlier run has found."""

    def has_part(self, run: int, number: int) -> list[ObjectResult] | None:
        """The rows of a part that is there; None if it is not."""

    def part_numbers(self, run: int) -> set[int]:
        """The parts of a run that are there."""

    def write_part(self, run: int, number: int, rows: Sequence[ObjectResult]) -> None:
        """Write a part, whole or not at all, once.

        Raises:
            TakenOverError: a newer run has begun.
        """
