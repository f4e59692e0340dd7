"""How good scores are: accuracy, and whether they mean what they say."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % bootstrap interval over the clips."""

    value: float
    low: float
    high: float

    def to_list(self) -> list[float]:
        """Value, low, high to four places."""
        return [round(figure, 4) for figure in (self.value, self.low, self.high)]


def among_known(scores: Scores, targets: Scores) -> tuple[Scores, Scores]:
    """Scores and targets in which a label that a clip's set does not know is no candidate.

    Args:
        scores: in [0, 1], shape (n_clips, n_labels).
        targets: NaN unknown, the same shape.

    Returns:
        Both with 0 in place of what is unknown.
    """
    known = ~np.isnan(targets)
    return np.where(known, scores, np.float32(0)), np.nan_to_num(targets)


def first_right(scores: Scores, targets: Scores) -> NDArray[np.bool_]:
    """Whether the best label of each clip is true, shape (n_clips,)."""
    right: NDArray[np.bool_] = targets[np.arange(len(scores)), scores.argmax(axis=1)] > 0
    return right


def calibration_error(scores: Scores, targets: Scores, *, n_bins: int = 5) -> float:
    """Expected calibration error of the first label in equally filled bins.

    Mean over the bins of |mean score - share of right ones|, weighted by their clips
    (Naeini et al., AAAI 2015, with bins of equal mass).
    """
    confidence, right = scores.max(axis=1), first_right(scores, targets)
    parts = np.array_split(np.argsort(confidence), n_bins)
    gaps = [
        len(part) * abs(confidence[part].mean() - right[part].mean())
        for part in parts
        if len(part)  # fewer clips than bins
    ]
    return float(sum(gaps) / len(scores))


def brier(scores: Scores, targets: Scores) -> float:
    """Brier score of the first label: mean squared error of its score (0 is perfect)."""
    return float(np.mean((scores.max(axis=1) - first_right(scores, targets)) ** 2))


def bootstrap(
    measure: Callable[[Scores, Scores], float],
    scores: Scores,
    targets: Scores,
    *,
    n_draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """A figure with its interval; clips are drawn with replacement."""
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(n_draws):
        chosen = rng.integers(len(scores), size=len(scores))
        draws.append(measure(scores[chosen], targets[chosen]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(measure(scores, targets)), float(low), float(high))
