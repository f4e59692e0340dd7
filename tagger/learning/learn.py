"""A table of labelled tracks -> a head, its thresholds, and what it is worth."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from tagger.learning.calibrate import PRECISION, choose_thresholds
from tagger.learning.head import Head
from tagger.learning.held_out import (
    CrossFitted,
    HeadOptions,
    HeldOut,
    cross_fit,
    fit_all,
    hold_out,
)
from tagger.learning.measure import (
    Interval,
    calibration_error,
    chances,
    interval_of_precision,
    precision_recall,
)
from tagger.learning.suspicions import Suspicion, find_suspicions
from tagger.learning.table import LearningTable
from tagger.learning.vocabulary import LeftOut

Matrix = NDArray[np.float32]

LEAST_SKILL = 0.1
"""What a label must gain over chance, of all that could be gained, to be learned."""

FEW_TRACKS = 500
"""Below so many tracks with a label it is also said how sure an average precision is."""

_MOST_CONFUSED = 2
_OFTEN = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """What is said of a learned label; all of it of artists that were held out.

    Attributes:
        label: its name.
        n_tracks: tracks that have it.
        n_artists: whose they are.
        average_precision: 0..1.
        prior: what chance would reach.
        precision: how often it is right where it would be written; NaN if it never would.
        recall: how many of its tracks would get it.
        threshold: from which it is written; 1 for never.
        confused_with: labels that its tracks get instead, with their share of its tracks.
        interval: where the average precision lies with 95 %; None of many tracks.
    """

    label: str
    n_tracks: int
    n_artists: int
    average_precision: float
    prior: float
    precision: float
    recall: float
    threshold: float
    confused_with: tuple[tuple[str, float], ...] = ()
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned.

    Attributes:
        head: from features to logits of calibrated scores.
        rows: the labels, in the order of the head's columns.
        left_out: labels that could not be learned.
        suspicions: tags that are most surely contradicted, the surest first.
        figures: of the whole, by name.
    """

    head: Head
    rows: tuple[LabelRow, ...]
    left_out: tuple[LeftOut, ...]
    suspicions: tuple[Suspicion, ...]
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the scores."""
        return tuple(row.label for row in self.rows)


def learn(
    table: LearningTable,
    options: HeadOptions,
    *,
    precision: float = PRECISION,
) -> Learned:
    """Fit, calibrate and measure a head.

    Args:
        table: tracks of at least two artists.
        options: how heads are fitted; as many folds as artists leaves each out alone.
        precision: how often a genre that is written shall be right.

    Raises:
        InputError: there is one artist only, or no label can be told from the others.
    """
    if len(set(table.artists)) < 2:
        raise InputError(
            f"all {len(table.tracks)} tracks are by one artist ({table.artists[0]}), so that"
            " nothing could show whether anything was learned; add music by other artists."
        )
    held = hold_out(table, options)
    left_out, kept = _learnable(table, held)
    if not kept:
        raise _none_learned(table, held)
    table, held = table.only(kept), _only(held, kept)
    if options.prior is not None:
        options = replace(options, prior=options.prior[:, kept])
    head, calibration = fit_all(table, options, held)
    # What is reported is of calibrations that do not know the track; what is written knows all.
    crossed = cross_fit(table, held, precision=precision)
    scores = calibration.scores(held.logits)
    thresholds = choose_thresholds(scores, table.targets, table.weights, precision=precision)
    return Learned(
        head.rescaled(calibration.scale, calibration.shift),
        tuple(_rows(table, held, crossed, thresholds)),
        tuple(left_out),
        tuple(find_suspicions(table, crossed.scores, thresholds)),
        _figures(table, held, crossed),
    )


def skill(average_precision: float, prior: float) -> float:
    """The share of what could be gained over chance that was gained."""
    return (average_precision - prior) / max(1 - prior, 1e-6)


def _none_learned(table: LearningTable, held: HeldOut) -> InputError:
    """Why no label was learned: the best one is named, with how far it came."""
    best = int(np.nanargmax(held.average_precision))
    return InputError(
        f"none of the {len(table.labels)} labels can be told from the others by their sound:"
        f" the best, {table.labels[best]!r}, has an average precision of"
        f" {held.average_precision[best]:.2f}; more tracks, or fewer and clearer labels, may"
        " help."
    )


def _learnable(table: LearningTable, held: HeldOut) -> tuple[list[LeftOut], list[int]]:
    """(labels that cannot be learned, columns of those that can)."""
    left_out, kept = [], []
    priors = chances(table.targets, table.weights)
    for column, label in enumerate(table.labels):
        reached = float(held.average_precision[column])
        if skill(reached, priors[column]) >= LEAST_SKILL:
            kept.append(column)
            continue
        n_tracks = int(table.targets[:, column].sum())
        reason = (
            f"it cannot be told from the others: an average precision of {reached:.2f}, and"
            f" {priors[column]:.2f} is chance"
        )
        left_out.append(LeftOut(label, n_tracks, reason))
    return left_out, kept


def _only(held: HeldOut, columns: Sequence[int]) -> HeldOut:
    return HeldOut(
        held.logits[:, columns],
        held.folds,
        held.penalties[columns],
        held.average_precision[columns],
        held.centre,
    )


def _rows(
    table: LearningTable, held: HeldOut, crossed: CrossFitted, thresholds: Matrix
) -> list[LabelRow]:
    artists = np.asarray(table.artists, dtype=object)
    priors = chances(table.targets, table.weights)
    first = crossed.scores.argmax(axis=1)
    is_few = table.targets.any(axis=1).sum() < FEW_TRACKS
    rows = []
    for column, label in enumerate(table.labels):
        has = table.targets[:, column]
        labelled = table.weights[:, column] > 0
        precision, recall = precision_recall(has[labelled], crossed.is_given[labelled, column])
        rows.append(
            LabelRow(
                label=label,
                n_tracks=int(has.sum()),
                n_artists=len(set(artists[has > 0])),
                average_precision=float(held.average_precision[column]),
                prior=float(priors[column]),
                precision=precision,
                recall=recall,
                threshold=float(thresholds[column]),
                confused_with=_confused(table, first, column),
                interval=interval_of_precision(
                    has[labelled], held.logits[labelled, column], artists[labelled].tolist()
                )
                if is_few
                else None,
            )
        )
    return rows


def _confused(
    table: LearningTable, first: NDArray[np.intp], column: int
) -> tuple[tuple[str, float], ...]:
    """The labels that come first for tracks of another one, and are not theirs."""
    rows = np.flatnonzero(table.targets[:, column] > 0)
    wrong = Counter(int(first[row]) for row in rows if not table.targets[row, first[row]])
    return tuple(
        (table.labels[other], count / len(rows))
        for other, count in wrong.most_common(_MOST_CONFUSED)
        if count >= max(2, _OFTEN * len(rows))
    )


def _figures(table: LearningTable, held: HeldOut, crossed: CrossFitted) -> dict[str, float]:
    # Of a track that had its genre taken away, nothing is known of the other labels.
    is_known = table.weights > 0
    given = crossed.is_given & is_known
    right = given & (table.targets > 0)
    is_written = crossed.is_given[is_known.any(axis=1)].any(axis=1)
    return {
        "n_tracks": len(table.tracks),
        "n_artists": len(set(table.artists)),
        "macro_average_precision": float(held.average_precision.mean()),
        "macro_prior": float(chances(table.targets, table.weights).mean()),
        "written_right": float(right.sum() / max(1, given.sum())),
        "share_of_tracks_written": float(is_written.mean()),
        "calibration_error": calibration_error(
            table.targets[is_known], crossed.scores[is_known]
        ),
        "strongest_penalty": float(held.penalties.max()),
        "weakest_penalty": float(held.penalties.min()),
    }
