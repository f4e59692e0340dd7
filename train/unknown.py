"""Labels that a dataset does not know: left out of the loss, or taken for absent to a degree.

A clip of rock in a set without a label for metal may be metal: that is unknown. But if nothing
at all is said of it, a label of one set is never held against the clips of the other, and is
then heard in all of them: of GTZAN's valid clips, three in ten were folk or world for a network
that had learned these words from FMA-small alone. So an unknown label may count as absent with
a weight.

The weight is no free lunch. What is absent in all clips of a set is also learned from whatever
tells this set's recordings from the other's, and then the labels of one set are never heard
again in recordings that look like the other's. The larger the weight, the more of that.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from train.datasets.base import FeatureSet

Array = NDArray[np.float32]


def absent_weights(clips: FeatureSet, weights: Mapping[str, float]) -> Array | None:
    """How much each unknown label counts as absent, shape (n_clips, n_labels).

    Args:
        clips: joined sets.
        weights: dataset to weight; 1 is as much as a label that is known to be absent.

    Returns:
        0 where a label is known, or where the clip has no label at all; None if every weight
        is 0.
    """
    if not any(weights.values()):
        return None
    has_one = (np.nan_to_num(clips.targets) > 0).any(axis=1, keepdims=True)
    of_clip = np.zeros((len(clips), 1), np.float32)
    for name, weight in weights.items():
        of_clip[clips.from_datasets([name])] = weight
    return (np.isnan(clips.targets) & has_one) * of_clip


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
