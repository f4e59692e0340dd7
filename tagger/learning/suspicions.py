"""Tags of the owner that what was learned from all others contradicts most surely."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.learning.table import LearningTable

Matrix = NDArray[np.float32]

DOUBTFUL = 0.1
"""Below this score a track's own label is doubted, if another one is above its threshold."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A track whose own genres look wrong.

    Attributes:
        path: the file.
        genres: what it holds.
        own_score: the best score of its own labels, by a head that does not know its artist.
        suggested: the label that is surest.
        score: of that label.
    """

    path: Path
    genres: tuple[str, ...]
    own_score: float
    suggested: str
    score: float

    @property
    def certainty(self) -> float:
        """How much surer the suggested label is, -1..1."""
        return self.score - self.own_score


def find_suspicions(
    table: LearningTable, scores: Matrix, thresholds: Matrix
) -> list[Suspicion]:
    """The tags that look wrong, the most surely contradicted first.

    What the owner has corrected is not doubted again.

    Args:
        table: the tracks.
        scores: cross-fitted, shape (n_tracks, n_labels).
        thresholds: of the labels, (n_labels,).
    """
    held = table.targets > 0
    own = np.where(held, scores, -1).max(axis=1)
    other = np.where(held, -1, scores)
    best = other.argmax(axis=1)
    surest = other[np.arange(len(best)), best]
    # Not those without a label of their own: there is nothing to contradict.
    is_doubted = (own >= 0) & (own < DOUBTFUL) & (surest >= thresholds[best])
    suspicions = [
        Suspicion(
            table.tracks[row].path,
            table.tracks[row].genres,
            float(own[row]),
            table.labels[best[row]],
            float(surest[row]),
        )
        for row in np.flatnonzero(is_doubted).tolist()
        if table.tracks[row].origin != "correction"
    ]
    return sorted(suspicions, key=lambda suspicion: (-suspicion.certainty, suspicion.path))
