"""Held-out logits -> scores that are probabilities, and the thresholds that are believed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.genres.choose import NEVER
from tagger.learning.head import sigmoid

Array = NDArray[np.float32]

PRECISION = 0.75
"""How often a genre that is written shall be right: three times in four."""

_PULL = 4.0  # about ten tracks of a label count for its scale as much as all others do
_STEPS = 30
_LONGEST_STEP = 2.0
_SCALES = (0.05, 10.0)
_LEAST_RIGHT = 3  # fewer right tracks above a threshold prove nothing
_LOWEST = 0.1


@dataclass(frozen=True, slots=True)
class Calibration:
    """`sigmoid(scale * logits + shift)` is a probability; each of shape (n_labels,)."""

    scale: Array
    shift: Array

    def scores(self, logits: Array) -> Array:
        """Scores in (0, 1) of logits, shape (n_tracks, n_labels)."""
        return sigmoid(logits * self.scale + self.shift)


def fit_calibration(logits: Array, targets: Array, weights: Array) -> Calibration:
    """Scale and shift of each label (Platt 1999); few tracks leave the scale that all share.

    Args:
        logits: of tracks that the head was not fitted on, shape (n_tracks, n_labels).
        targets: 1 or 0, likewise.
        weights: how much each counts, likewise.
    """
    n_held = (weights * targets).sum(axis=0)
    n_other = (weights * (1 - targets)).sum(axis=0)
    # Platt's own targets: a label that was always right is not sure for ever.
    smooth = np.where(targets > 0, (n_held + 1) / (n_held + 2), 1 / (n_other + 2))
    smooth = smooth.astype(np.float32)
    # First one scale for all labels, then each its own, held back towards that one.
    common, shift = _fit(logits, smooth, weights, towards=None, shift=None)
    scale, shift = _fit(logits, smooth, weights, towards=common, shift=shift)
    return Calibration(scale, shift)


def _fit(
    logits: Array, targets: Array, weights: Array, *, towards: Array | None, shift: Array | None
) -> tuple[Array, Array]:
    """(scale, shift) by Newton's method; one scale for all labels if `towards` is None."""
    n_labels = logits.shape[1]
    scale = np.ones(n_labels, np.float32) if towards is None else towards
    shift = np.zeros(n_labels, np.float32) if shift is None else shift
    for _ in range(_STEPS):
        scores = sigmoid(logits * scale + shift)
        surplus = weights * (scores - targets)
        curvature = weights * scores * (1 - scores) + 1e-9
        slope, level = (surplus * logits).sum(axis=0), surplus.sum(axis=0)
        mixed, bend = (curvature * logits).sum(axis=0), curvature.sum(axis=0)
        # The shift is eliminated, so that one Newton step of the scale needs no matrix.
        steep = (curvature * logits**2).sum(axis=0) - mixed**2 / bend
        rise = slope - mixed / bend * level
        if towards is None:
            rise, steep = np.full_like(rise, rise.sum()), np.full_like(steep, steep.sum())
        else:
            rise, steep = rise + _PULL * (scale - towards), steep + _PULL
        step = np.clip(rise / (steep + 1e-9), -_LONGEST_STEP, _LONGEST_STEP)
        moved = np.clip(scale - step, *_SCALES).astype(np.float32)
        lift = (level - mixed * (scale - moved)) / bend
        lift = np.clip(lift, -_LONGEST_STEP, _LONGEST_STEP)
        is_done = max(np.abs(scale - moved).max(), np.abs(lift).max()) < 1e-4
        scale, shift = moved, (shift - lift).astype(np.float32)
        if is_done:
            break
    return scale, shift


def choose_thresholds(
    scores: Array, targets: Array, weights: Array, *, precision: float = PRECISION
) -> Array:
    """The lowest threshold of each label above which it is right often enough.

    Args:
        scores: calibrated, of tracks that the head was not fitted on, (n_tracks, n_labels).
        targets: 1 or 0, likewise.
        weights: likewise; zero where nobody has said whether a track has a label.
        precision: how often a genre that is written shall be right.

    Returns:
        Thresholds in (0, 1], shape (n_labels,); 1 for a label that is never right often
        enough, which is shown and never written.
    """
    columns = zip(scores.T, targets.T, weights.T > 0, strict=True)
    thresholds = [
        _threshold(column[labelled], held[labelled], precision)
        for column, held, labelled in columns
    ]
    return np.array(thresholds, np.float32)


def _threshold(scores: Array, targets: Array, precision: float) -> float:
    order = np.argsort(-scores, kind="stable")
    n_right = np.cumsum(targets[order] > 0)
    n_taken = np.arange(1, len(order) + 1)
    # A threshold cannot part tracks of the same score.
    is_end = np.append(np.diff(scores[order]) != 0, [True])
    # One right and one wrong track more: a short run of luck is not taken for a rule.
    is_good = (n_right + 1) / (n_taken + 2) >= precision
    usable = is_end & is_good & (n_right >= _LEAST_RIGHT) & (scores[order] >= _LOWEST)
    if not usable.any():
        return NEVER
    last = int(np.flatnonzero(usable)[-1])
    return float(np.floor(scores[order][last] * 100) / 100)
