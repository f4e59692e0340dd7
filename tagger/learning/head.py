"""Features and own labels -> a linear head: one logistic regression a label, all at once.

Every label's loss has its curvature bounded by the same matrix, a quarter of the weighted Gram
matrix (Böhning 1992): one factorisation serves all labels and all steps, and the steps are
accelerated (Nesterov, with a restart where a label's loss rises). So 60 labels take little more
than one, and NumPy is enough.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

TOLERANCE = 3e-3
"""The fit ends when no weight of a standardised feature moves by more in a step."""

MAX_STEPS = 100
_LEAST_SPREAD = 1e-6  # a feature that never changes says nothing, and is not blown up
_INTERCEPT = 1e-6  # per track: the intercept is all but free


@dataclass(frozen=True, slots=True)
class Head:
    """A linear map from features to logits.

    Attributes:
        weight: shape (n_features, n_labels).
        bias: shape (n_labels,).
    """

    weight: Matrix
    bias: Matrix

    def logits(self, features: Matrix) -> Matrix:
        """Logits of tracks, shape (n_tracks, n_labels)."""
        return features @ self.weight + self.bias

    def rescaled(self, scale: Matrix, shift: Matrix) -> "Head":
        """The head whose logits are `scale * logits + shift`, each of shape (n_labels,)."""
        return Head(
            (self.weight * scale).astype(np.float32),
            (self.bias * scale + shift).astype(np.float32),
        )


def sigmoid(logits: Matrix) -> Matrix:
    """Logits -> scores in (0, 1), without an overflow."""
    scores: Matrix = (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
    return scores


def fit_heads(
    features: Matrix,
    targets: Matrix,
    weights: Matrix,
    *,
    penalties: Sequence[float],
    prior: Matrix | None = None,
    gains: Matrix | None = None,
) -> Iterator[Head]:
    """Fit one head for each strength of the penalty, beginning each where the last one ended.

    Args:
        features: shape (n_tracks, n_features).
        targets: 1 where a track has a label and 0 where not, shape (n_tracks, n_labels).
        weights: how much each of them counts, >= 0, shape (n_tracks, n_labels).
        penalties: of the squared weights of standardised features, relative to the number of
            tracks; best from strong to weak.
        prior: the weights, of features as they are, that a head has where nothing speaks
            against them, shape (n_features, n_labels); zero if None.
        gains: how freely the weight of each standardised feature may move, (n_features,); all
            alike if None.

    Yields:
        A head for features as they are, one a penalty in their order.

    Raises:
        ValueError: there is no track, or nothing counts.
    """
    if len(features) == 0 or not weights.any():
        raise ValueError(f"nothing to fit a head on: {features.shape=}")
    mean, spread = features.mean(axis=0), _spread(features, gains)
    if prior is None:
        prior = np.zeros((features.shape[1], targets.shape[1]), np.float32)
    problem = _Problem(
        table=_with_intercept((features - mean) / spread),
        targets=targets,
        share=(weights / len(features)).astype(np.float32),
        offset=features @ prior,
    )
    solution = np.zeros((features.shape[1] + 1, targets.shape[1]), np.float32)
    solution[-1] = _log_odds(targets, weights)
    curvature = problem.curvature()
    for penalty in penalties:
        ridge = _ridge(penalty, len(solution))
        step = np.linalg.inv(curvature + np.diag(ridge)).astype(np.float32)
        solution = _minimise(
            problem, ridge=ridge.astype(np.float32)[:, None], start=solution, step=step
        )
        weight = solution[:-1] / spread[:, None]
        yield Head(prior + weight, solution[-1] - mean @ weight)


def _ridge(penalty: float, n_weights: int) -> NDArray[np.float64]:
    """The penalty of each weight, (n_weights,); the last one is the intercept's."""
    ridge = np.full(n_weights, penalty)
    ridge[-1] = _INTERCEPT
    return ridge


def _spread(features: Matrix, gains: Matrix | None) -> Matrix:
    """What a feature is divided by: the more freely its weight may move, the less."""
    spread: Matrix = np.maximum(features.std(axis=0), _LEAST_SPREAD)
    return spread if gains is None else spread / gains


def _with_intercept(features: Matrix) -> Matrix:
    """Features and a column of ones behind them, shape (n_tracks, n_features + 1)."""
    table = np.ones((len(features), features.shape[1] + 1), np.float32)
    table[:, :-1] = features
    return table


def _log_odds(targets: Matrix, weights: Matrix) -> Matrix:
    """The logits that say how frequent labels are, and nothing else, shape (n_labels,)."""
    held = (weights * targets).sum(axis=0) + 0.5
    other = (weights * (1 - targets)).sum(axis=0) + 0.5
    odds: Matrix = np.log(held / other).astype(np.float32)
    return odds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """What is minimised: weighted losses of logits that begin at `offset`, and a penalty."""

    table: Matrix
    targets: Matrix
    share: Matrix
    offset: Matrix

    def curvature(self) -> NDArray[np.float64]:
        """A bound of every label's loss at once, shape (n_features + 1, n_features + 1)."""
        bound = self.share.max(axis=1)
        # In double precision: the inverse of a Gram matrix of like features needs it.
        gram: NDArray[np.float64] = (self.table * bound[:, None]).T.astype(
            np.float64
        ) @ self.table
        return gram / 4

    def gradient(self, solution: Matrix, ridge: Matrix) -> Matrix:
        """Of the penalised loss, shape of the solution: (n_features + 1, n_labels)."""
        scores = sigmoid(self.table @ solution + self.offset)
        return self.table.T @ (self.share * (scores - self.targets)) + ridge * solution


def _minimise(problem: _Problem, *, ridge: Matrix, start: Matrix, step: Matrix) -> Matrix:
    """The solution of the least loss, penalised by `ridge` of shape (n_features + 1, 1)."""
    now, ahead = start, start
    momentum = np.ones(start.shape[1], np.float32)
    for _ in range(MAX_STEPS):
        gradient = problem.gradient(ahead, ridge)
        following = ahead - step @ gradient
        moved = following - now
        if np.abs(moved).max() < TOLERANCE:
            return following
        # A label whose step runs against its gradient has overshot: its momentum begins anew.
        momentum[(gradient * moved).sum(axis=0) > 0] = 1
        faster = ((1 + np.sqrt(1 + 4 * momentum**2)) / 2).astype(np.float32)
        ahead = (following + moved * ((momentum - 1) / faster)).astype(np.float32)
        now, momentum = following, faster
    return now
