"""What a model says of recordings, and how often a listener would accept it.

Heard through the scan's own decoder and windows; shared by the benchmarks that do so.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.model.load import Engine
from tagger.model.spec import ModelSpec
from tagger.scan.pipeline import ListenOptions, analyse

Labels = frozenset[str]


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording: where it lies, what it is called, and what a listener would accept.

    `accepted` is in lower case; it is empty for what is no music. `artists` are compared as
    `artists.py` does; there are none where nobody knows them.
    """

    path: Path
    label: str
    accepted: Labels
    artists: frozenset[str] = frozenset()


def genre_columns(spec: ModelSpec) -> NDArray[np.bool_]:
    """Which labels are genres, shape (n_labels,): a scan's first label is one of these."""
    return np.array([spec.kinds.get(label, "genre") == "genre" for label in spec.labels])


class Scores:
    """What a model says of recordings, in the order of `rows`."""

    def __init__(
        self, rows: Sequence[Recording], engine: Engine, options: ListenOptions
    ) -> None:
        scores = {
            track.path: track.scores
            for track in analyse([row.path for row in rows], engine, options)
            if track.scores is not None
        }
        self.rows = [row for row in rows if row.path in scores]
        self.n_left_out = len(rows) - len(self.rows)
        self.labels = engine.spec.labels
        self.parents = dict(engine.spec.parents)
        self.scores = np.stack([scores[row.path] for row in self.rows])
        self.is_genre = genre_columns(engine.spec)
        self.needed = np.array([engine.spec.thresholds[label] for label in self.labels])

    def lineage(self, label: str) -> Labels:
        """A label and its parents, in lower case."""
        names = [label]
        while names[-1] in self.parents:
            names.append(self.parents[names[-1]])
        return frozenset(name.lower() for name in names)

    def first(self, among: Sequence[str] = ()) -> NDArray[np.intp]:
        """The best genre of each recording, of all or of those that stand in `among`."""
        chosen = self.is_genre.copy()
        if among:
            chosen &= np.array(
                [bool(self.lineage(label) & set(among)) for label in self.labels]
            )
        return np.where(chosen, self.scores, -1).argmax(axis=1)

    def is_right(self, columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether these labels are ones that a listener would accept."""
        pairs = zip(self.rows, columns.tolist(), strict=True)
        return np.array([bool(self.lineage(self.labels[i]) & row.accepted) for row, i in pairs])

    def written(self) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Which recordings get a genre, and the first of these."""
        believed = (self.scores >= self.needed) & self.is_genre
        return believed.any(axis=1), np.where(believed, self.scores, -1).argmax(axis=1)


def by_label(scores: Scores, right: NDArray[np.bool_]) -> dict[str, tuple[float, int]]:
    """Share of right ones and number of recordings by the artist's label."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for row, is_right in zip(scores.rows, right.tolist(), strict=True):
        groups[row.label].append(is_right)
    return {name: (round(float(np.mean(x)), 3), len(x)) for name, x in sorted(groups.items())}


def calibration_error(
    confidence: NDArray[np.float32], right: NDArray[np.bool_], *, n_bins: int = 5
) -> float:
    """Expected calibration error over bins of equal size (Naeini et al., AAAI 2015)."""
    order = np.argsort(confidence)
    parts = [part for part in np.array_split(order, n_bins) if len(part)]
    gaps = [len(p) * abs(float(confidence[p].mean() - right[p].mean())) for p in parts]
    return sum(gaps) / len(confidence)
