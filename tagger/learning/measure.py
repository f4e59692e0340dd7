"""Scores against labels: average precision, precision, recall, and how sure they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
N_DRAWS = 200
_SURE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a figure lies with a probability of 95 %."""

    low: float
    high: float


def average_precision(targets: Array, scores: Array) -> float:
    """Mean of the precisions at each track that has the label, in the order of the scores.

    Tracks of the same score share a place: their order is chance, and so counts as a whole.

    Args:
        targets: 1 or 0, shape (n_tracks,).
        scores: shape (n_tracks,).

    Returns:
        0..1; by chance it is the share of tracks that have the label; NaN if none has it.
    """
    order = np.argsort(-scores, kind="stable")
    is_last = np.append(np.diff(scores[order]) != 0, [True])
    n_right = np.cumsum(targets[order] > 0)[is_last]
    n_taken = np.flatnonzero(is_last) + 1
    if n_right[-1] == 0:
        return float("nan")
    gained = np.diff(n_right, prepend=0)
    return float((gained * n_right / n_taken).sum() / n_right[-1])


def average_precisions(targets: Array, scores: Array, weights: Array) -> NDArray[np.float64]:
    """`average_precision` of each label over the tracks whose weight is not zero.

    Args:
        targets: 1 or 0, shape (n_tracks, n_labels).
        scores: likewise.
        weights: likewise; zero where nobody has said whether a track has a label.

    Returns:
        Shape (n_labels,).
    """
    columns = zip(targets.T, scores.T, weights.T > 0, strict=True)
    return np.array(
        [
            average_precision(held[labelled], column[labelled])
            for held, column, labelled in columns
        ]
    )


def chances(targets: Array, weights: Array) -> NDArray[np.float64]:
    """What `average_precisions` would be by chance: over the same tracks, who has the label.

    Args:
        targets: 1 or 0, shape (n_tracks, n_labels).
        weights: likewise; zero where nobody has said whether a track has a label.

    Returns:
        Shape (n_labels,); NaN where nobody has said it of any track.
    """
    return np.array(
        [
            held[labelled].mean() if labelled.any() else np.nan
            for held, labelled in zip(targets.T, weights.T > 0, strict=True)
        ]
    )


def precision_recall(targets: Array, is_given: NDArray[np.bool_]) -> tuple[float, float]:
    """(precision, recall) of one label; NaN where it is given to, or held by, no track."""
    has = targets > 0
    n_right = int((is_given & has).sum())
    n_given, n_held = int(is_given.sum()), int(has.sum())
    return (
        n_right / n_given if n_given else float("nan"),
        n_right / n_held if n_held else float("nan"),
    )


def interval_of_precision(
    targets: Array, scores: Array, artists: Sequence[str], *, seed: int = 0
) -> Interval:
    """How sure an average precision is: artists drawn with replacement, again and again.

    Args:
        targets: 1 or 0, shape (n_tracks,).
        scores: shape (n_tracks,).
        artists: whose each track is; tracks of one artist are no separate evidence.
        seed: of the draws.
    """
    _, whose = np.unique(np.asarray(artists, dtype=object).astype(str), return_inverse=True)
    members = [np.flatnonzero(whose == owner) for owner in range(whose.max() + 1)]
    rng = np.random.default_rng(seed)
    figures = []
    for _ in range(N_DRAWS):
        drawn = np.concatenate(
            [members[i] for i in rng.integers(len(members), size=len(members))]
        )
        # Draws without the label say nothing of it.
        if targets[drawn].any():
            figures.append(average_precision(targets[drawn], scores[drawn]))
    if not figures:
        return Interval(0.0, 1.0)
    low, high = np.quantile(figures, [(1 - _SURE) / 2, (1 + _SURE) / 2])
    return Interval(float(low), float(high))


def calibration_error(targets: Array, scores: Array, *, n_bins: int = 10) -> float:
    """Mean distance of scores from how often they are right, over equally large bins."""
    order = np.argsort(scores, axis=None)
    predicted, actual = scores.ravel()[order], targets.ravel()[order]
    bins = np.array_split(np.arange(len(predicted)), n_bins)
    return float(
        sum(
            len(part) * abs(predicted[part].mean() - actual[part].mean())
            for part in bins
            if len(part)
        )
        / len(predicted)
    )
