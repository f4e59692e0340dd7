"""The tracks that are learned from, as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tagger.genres.rules import GenreRules, spelling_key
from tagger.learning.vocabulary import Vocabulary, names_of, with_ancestors

Matrix = NDArray[np.float32]
Origin = Literal["tag", "correction", "example", "background"]

WEIGHTS: Mapping[Origin, float] = {
    "tag": 1.0,
    "correction": 5.0,
    "example": 1.0,
    "background": 0.5,
}
"""How much a track counts: what the owner has decided track by track, more than old tags."""


@dataclass(frozen=True, slots=True)
class LabelledTrack:
    """A track, and what its owner calls it.

    Attributes:
        path: the file.
        artist: whose it is, for keeping sides apart.
        genres: as the owner spells them.
        denied: genres that the owner has taken away.
        origin: where the genres are from.
    """

    path: Path
    artist: str
    genres: tuple[str, ...]
    denied: tuple[str, ...] = ()
    origin: Origin = "tag"


@dataclass(frozen=True, slots=True)
class LearningTable:
    """What is learned from; rows are tracks.

    Attributes:
        tracks: the rows.
        labels: the columns of `targets`.
        features: shape (n_tracks, n_features).
        targets: 1 where a track has a label, shape (n_tracks, n_labels).
        weights: how much each of these counts, likewise.
    """

    tracks: Sequence[LabelledTrack]
    labels: tuple[str, ...]
    features: Matrix
    targets: Matrix
    weights: Matrix
    artists: tuple[str, ...]

    def only(self, columns: Sequence[int]) -> "LearningTable":
        """The same tracks with some of the labels."""
        return LearningTable(
            self.tracks,
            tuple(self.labels[i] for i in columns),
            self.features,
            self.targets[:, columns],
            self.weights[:, columns],
            self.artists,
        )


def table_of(
    tracks: Sequence[LabelledTrack],
    features: Matrix,
    vocabulary: Vocabulary,
    rules: GenreRules,
) -> LearningTable:
    """Put tracks and labels together.

    A genre that was taken away from a track is a negative that counts like a correction; of a
    track without any genre, that is all that is known.

    Args:
        tracks: those that have an embedding.
        features: theirs, shape (n_tracks, n_features).
        vocabulary: the labels.
        rules: what genres mean.
    """
    targets = np.zeros((len(tracks), len(vocabulary.labels)), np.float32)
    weights = np.ones_like(targets)
    for row, track in enumerate(tracks):
        is_labelled = bool(track.genres) or track.origin == "background"
        weights[row] = WEIGHTS[track.origin] if is_labelled else 0
        # Denied first: what the track is given all the same is set afterwards.
        for name in names_of(track.denied, rules):
            if (column := vocabulary.columns.get(spelling_key(name))) is not None:
                weights[row, column] = WEIGHTS["correction"]
        for name in with_ancestors(names_of(track.genres, rules), rules):
            if (column := vocabulary.columns.get(spelling_key(name))) is not None:
                targets[row, column] = 1
    artists = tuple(track.artist for track in tracks)
    return LearningTable(tracks, vocabulary.labels, features, targets, weights, artists)
