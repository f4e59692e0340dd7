"""absent: labels that a dataset does not know are taken for absent to a degree.

A run leaves them out of the loss. What was found of this is in train/LOG.md.

A clip of rock in a set without a label for metal may be metal: that is unknown. But if nothing
at all is said of it, a label of one set is never held against the clips of the other, and is
then heard in all of them: of GTZAN's valid clips, three in ten were folk or world for a network
that had learned these words from FMA-small alone. So an unknown label may count as absent with
a weight, and labels that a clip may well have besides its own (`may_also_be`) stay unknown.

The weight is no free lunch. What is absent in all clips of a set is also learned from whatever
tells this set's recordings from the other's, and then the labels of one set are never heard
again in recordings that look like the other's. The larger the weight, the more of that. A set
in which some clips may have a label besides is not one in which it is absent: that softens it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from train.config.fields import check_range, choose
from train.datasets.base import FeatureSet
from train.fit.run import Run, finish

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much an unknown label counts.

    Attributes:
        weights: of each dataset, in the order of `datasets`; 1 is as much as a label that is
            known to be absent, 0 not at all.
        may_also_be: lists of a label and those that a clip of it may have besides; they stay
            unknown.
    """

    weights: tuple[float, ...]
    may_also_be: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        for weight in self.weights:
            check_range("weights", weight, 0, 1)
        for names in self.may_also_be:
            if len(names) < 2:
                raise InputError(
                    f"may_also_be: {list(names)} names no label that a clip may have besides;"
                    " write [rock, metal] for rock that may also be metal."
                )


def run_experiment(run: Run, options: Options) -> Path:
    """The run, learning what its datasets do not know to be absent.

    Raises:
        InputError: the weights are not one for each dataset, the labels stand under a softmax,
            or one that may be besides is no label of the data.
    """
    config, clips = run.config, run.clips
    if len(options.weights) != len(config.datasets):
        raise InputError(
            f"weights: {len(options.weights)} weights for {len(config.datasets)} datasets;"
            " give one for each, in the order of `datasets`."
        )
    if config.kind != "multi":
        raise InputError(
            "absent weighs labels that stand side by side, and kind is single, one label a"
            " clip: set kind=multi."
        )
    for label in dict.fromkeys(name for names in options.may_also_be for name in names):
        choose("may_also_be", label, clips.labels)
    weights = dict(zip(config.datasets, options.weights, strict=True))
    return finish(replace(run, clips=with_absent(clips, weights, options.may_also_be)))


def with_absent(
    clips: FeatureSet, weights: Mapping[str, float], may_also_be: Sequence[Sequence[str]]
) -> FeatureSet:
    """The clips with what is learned of them; arguments are those of `absent_weights`."""
    targets, counts = counted(clips.targets, absent_weights(clips, weights, may_also_be))
    return replace(clips, soft_targets=targets, counts=counts)


def absent_weights(
    clips: FeatureSet, weights: Mapping[str, float], may_also_be: Sequence[Sequence[str]]
) -> Array | None:
    """How much each unknown label counts as absent, shape (n_clips, n_labels).

    Args:
        clips: joined sets.
        weights: dataset to weight; 1 is as much as a label that is known to be absent.
        may_also_be: lists of a label and those that a clip of it may have besides; not the
            other way round.

    Returns:
        0 where a label is known, is one that the clip may have besides, or where the clip has
        no label at all; None if every weight is 0.
    """
    if not any(weights.values()):
        return None
    has = np.nan_to_num(clips.targets) > 0
    foreign = np.isnan(clips.targets) & has.any(axis=1, keepdims=True)
    foreign &= ~(has @ _besides(clips.labels, may_also_be))
    of_clip = np.zeros((len(clips), 1), np.float32)
    for name, weight in weights.items():
        of_clip[clips.from_datasets([name])] = weight
    return foreign * of_clip


def counted(targets: Array, absent: Array | None) -> tuple[Array, Array]:
    """Targets in which what counts as absent is 0, and how much each label counts.

    Args:
        targets: NaN unknown, shape (n_clips, n_labels).
        absent: as `absent_weights` returns it.
    """
    known = ~np.isnan(targets)
    counts = known.astype(np.float32)
    if absent is None:
        return targets, counts
    is_absent = ~known & (absent > 0)
    return np.where(is_absent, np.float32(0), targets), np.where(is_absent, absent, counts)


def _besides(labels: Sequence[str], may_also_be: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
    """Whether a clip of the row's label may also have the column's."""
    beside = np.zeros((len(labels), len(labels)), bool)
    for label, *others in may_also_be:
        for other in others:
            if label in labels and other in labels:
                beside[labels.index(label), labels.index(other)] = True
    return beside
