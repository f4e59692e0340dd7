"""Labels that a dataset does not know: left out of the loss, or taken for absent to a degree.

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

import numpy as np
from numpy.typing import NDArray

from train.datasets.base import FeatureSet

Array = NDArray[np.float32]


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
    found = np.zeros((len(labels), len(labels)), bool)
    for label, *others in may_also_be:
        for other in others:
            if label in labels and other in labels:
                found[labels.index(label), labels.index(other)] = True
    return found
