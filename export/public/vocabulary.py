"""Tags of public models -> labels of our tree, by one table for each vocabulary."""

import csv
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import ModelError
from tagger.model.label_tree import GENRE_KIND

FOLDER = Path(__file__).parent / "vocabularies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a model of ours says, and from which scores of the original.

    Attributes:
        name: as it is written.
        kind: 'genre', 'mood', 'voice' or 'instrument'.
        parent: the more general label above it; empty for none.
        columns: of the original's scores; the largest one is the label's.
    """

    name: str
    kind: str
    parent: str
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The tags of an original in the order of its scores, and what became of them."""

    name: str
    tags: tuple[str, ...]
    labels: tuple[Label, ...]

    @property
    def parents(self) -> dict[str, str]:
        """Label to the one above it."""
        return {label.name: label.parent for label in self.labels if label.parent}

    @property
    def kinds(self) -> dict[str, str]:
        """Label to its kind, where that is not genre."""
        return {label.name: label.kind for label in self.labels if label.kind != GENRE_KIND}


def read_vocabulary(name: str, *, folder: Path = FOLDER) -> Vocabulary:
    """Read the table `NAME.csv`: tag, label, kind, parent, a row for each score.

    Tags with the same label (`female vocal`, `female voice`) are one label; a tag without a
    label (a decade, a dog) is left out. A parent that is no label is a name only.

    Raises:
        ModelError: two rows of a label contradict each other.
    """
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels: dict[str, Label] = {}
    for i, row in enumerate(rows):
        label = row["label"]
        if not label:
            continue
        before = labels.get(label)
        # Rows of one label need not follow each other; its first one says where it stands.
        columns = (*(before.columns if before else ()), i)
        one = Label(name=label, kind=row["kind"], parent=row["parent"], columns=columns)
        if before and (before.kind, before.parent) != (one.kind, one.parent):
            raise ModelError(f"{name}.csv: {label} has two kinds or two parents")
        labels[label] = one
    return Vocabulary(
        name=name,
        tags=tuple(row["tag"] for row in rows),
        labels=tuple(labels.values()),
    )
