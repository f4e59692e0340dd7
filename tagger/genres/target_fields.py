"""Which field of a file is written, and with which labels.

Most people want genres in the genre field. A model that also knows moods or instruments can
have these written to a second field, and a third can say which model it was, and when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tagger.genres.rules import fold
from tagger.model.label_tree import GENRE_KIND
from tagger.model.spec import ModelSpec
from tagger.tags import TagInfo

GENRE = "genre"
PROVENANCE = "TAGGER"
"""The free field that names the model and the date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Where names are written.

    Attributes:
        field: a name of `tagger.tags.fields.FIELDS`, or a free one.
        second_field: another one for `second_labels`; None for none.
        second_labels: the labels that are written there instead, folded.
        provenance: what is written to the free field `TAGGER` beside a change; None for none.
    """

    field: str = GENRE
    second_field: str | None = None
    second_labels: frozenset[str] = frozenset()
    provenance: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that are read to decide."""
        return (self.field,) if self.second_field is None else (self.field, self.second_field)

    def split(
        self, labels: Sequence[str], spec: ModelSpec
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The labels for the first field and those for the second, in their order.

        Moods, voices and instruments are no genres: they go to the second field or nowhere.
        """
        second = tuple(label for label in labels if fold(label) in self.second_labels)
        genres = (label for label in labels if spec.kind_of(label) == GENRE_KIND)
        return tuple(label for label in genres if label not in second), second


@dataclass(frozen=True, slots=True)
class SecondField:
    """What a second field holds, or would hold, and what it holds now."""

    name: str
    values: tuple[str, ...]
    previous: tuple[str, ...]

    @property
    def is_changed(self) -> bool:
        """Whether it would hold something else."""
        return self.values != self.previous


def second_of(info: TagInfo, name: str | None) -> SecondField | None:
    """The second field as the file has it."""
    return SecondField(name, info.values(name), info.values(name)) if name else None


def asked_of(
    field: str,
    values: Sequence[str],
    second: SecondField | None = None,
    *,
    provenance: str | None = None,
) -> tuple[tuple[str, ...] | None, Mapping[str, Sequence[str]]]:
    """(genres, others) for `write_genres`: what these fields shall hold."""
    requested: dict[str, Sequence[str]] = {field: tuple(values)}
    if second is not None:
        requested[second.name] = second.values
    if provenance is not None:
        requested[PROVENANCE] = (provenance,)
    # The genre stands apart: only it has more than one place in a file.
    genres = requested.pop(GENRE, None)
    return (None if genres is None else tuple(genres)), requested
