"""What a head says of tracks whose artists it has not learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.learning.calibrate import (
    PRECISION,
    Calibration,
    choose_thresholds,
    fit_calibration,
)
from tagger.learning.folds import N_FOLDS, artist_folds
from tagger.learning.head import Head, fit_heads
from tagger.learning.measure import average_precisions
from tagger.learning.table import LearningTable

Matrix = NDArray[np.float32]

PENALTIES = (300.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
"""From strong to weak: which one is right depends on how much there is to learn from."""

_ALIKE = 0.003  # of a mean average precision


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadOptions:
    """How heads are fitted.

    Attributes:
        prior: as for `fit_heads`, of all labels of the table.
        gains: likewise.
        penalties: those that are tried.
        n_folds: sides that are held out in turn.
    """

    prior: Matrix | None = None
    gains: Matrix | None = None
    penalties: Sequence[float] = PENALTIES
    n_folds: int = N_FOLDS


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Cross-validated: of each track by heads that know nothing of its artist.

    Attributes:
        logits: shape (n_tracks, n_labels); a label's level is free until it is calibrated.
        folds: of each track, shape (n_tracks,).
        penalties: of each label, the one that ranks best, shape (n_labels,).
        average_precision: of each label with its penalty, shape (n_labels,).
        centre: what is taken from the features before the weights, shape (n_features,).
    """

    logits: Matrix
    folds: NDArray[np.intp]
    penalties: NDArray[np.float64]
    average_precision: NDArray[np.float64]
    centre: Matrix


def hold_out(table: LearningTable, options: HeadOptions) -> HeldOut:
    """Fit heads fold by fold, and keep what the best penalty says of the tracks left out.

    Labels of which the base knows something and those that are new each have a penalty of
    their own: what is known already needs a pull towards it that would starve the others.
    The intercepts of the folds are left out: a fold in which a label is rare was judged by
    heads that saw it more often, so that they would order the tracks of different folds
    wrongly.
    """
    folds = artist_folds(table.artists, table.targets, n_folds=options.n_folds)
    centre = table.features.mean(axis=0)
    shape = (len(options.penalties), *table.targets.shape)
    logits = np.zeros(shape, np.float32)
    for fold in range(folds.max() + 1):
        fitted, left_out = folds != fold, folds == fold
        heads = _heads(table, options, options.penalties, fitted)
        for number, head in enumerate(heads):
            logits[number, left_out] = (table.features[left_out] - centre) @ head.weight
    figures = np.array(
        [average_precisions(table.targets, logit, table.weights) for logit in logits]
    )
    best = _best_penalties(figures, options)
    columns = np.arange(len(best))
    return HeldOut(
        logits[best, :, columns].T.copy(),
        folds,
        np.asarray(options.penalties)[best],
        figures[best, columns],
        centre,
    )


def _best_penalties(figures: NDArray[np.float64], options: HeadOptions) -> NDArray[np.intp]:
    """Which penalty is best, one for new labels and one for the others, shape (n_labels,).

    Args:
        figures: average precisions, shape (n_penalties, n_labels).
        options: has the prior, which says what is new.
    """
    n_labels = figures.shape[1]
    prior = np.zeros((1, n_labels)) if options.prior is None else options.prior
    has_prior = (prior != 0).sum(axis=0) > 0
    best = np.zeros(n_labels, np.intp)
    for group in (has_prior, ~has_prior):
        if group.any():
            means = np.nanmean(figures[:, group], axis=1)
            # Of those that rank alike, the weakest: it leaves the most room between labels.
            best[group] = int(np.flatnonzero(means >= means.max() - _ALIKE)[-1])
    return best


def fit_all(
    table: LearningTable, options: HeadOptions, held: HeldOut
) -> tuple[Head, Calibration]:
    """The head of all tracks, and what makes probabilities of its logits."""
    strong_to_weak = sorted(set(held.penalties.tolist()), reverse=True)
    weight = np.zeros((table.features.shape[1], len(table.labels)), np.float32)
    heads = _heads(table, options, strong_to_weak, np.ones(len(held.folds), np.bool_))
    for penalty, head in zip(strong_to_weak, heads, strict=True):
        columns = held.penalties == penalty
        weight[:, columns] = head.weight[:, columns]
    centred = Head(weight, -held.centre @ weight)
    return centred, fit_calibration(held.logits, table.targets, table.weights)


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """Scores and decisions of tracks by calibrations and thresholds that do not know them.

    Attributes:
        scores: shape (n_tracks, n_labels).
        is_given: whether a label would be written, likewise.
    """

    scores: Matrix
    is_given: NDArray[np.bool_]


def cross_fit(
    table: LearningTable, held: HeldOut, *, precision: float = PRECISION
) -> CrossFitted:
    """Calibrate and choose thresholds without each fold in turn, and apply them to it."""
    scores = np.zeros_like(held.logits)
    is_given = np.zeros(held.logits.shape, np.bool_)
    for fold in range(held.folds.max() + 1):
        fitted, left_out = held.folds != fold, held.folds == fold
        calibration = fit_calibration(
            held.logits[fitted], table.targets[fitted], table.weights[fitted]
        )
        scores_of_others = calibration.scores(held.logits[fitted])
        thresholds = choose_thresholds(
            scores_of_others, table.targets[fitted], table.weights[fitted], precision=precision
        )
        scores[left_out] = calibration.scores(held.logits[left_out])
        is_given[left_out] = (scores[left_out] >= thresholds) & (thresholds < 1)
    return CrossFitted(scores, is_given)


def _heads(
    table: LearningTable,
    options: HeadOptions,
    penalties: Sequence[float],
    rows: NDArray[np.bool_],
) -> list[Head]:
    return list(
        fit_heads(
            table.features[rows],
            table.targets[rows],
            table.weights[rows],
            penalties=penalties,
            prior=options.prior,
            gains=options.gains,
        )
    )
