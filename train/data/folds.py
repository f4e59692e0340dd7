"""Folds in which no group stands on two sides and each label is spread evenly."""

import numpy as np
from numpy.typing import NDArray

from train.datasets.base import MUSIC, FeatureSet


def fold_of_groups(clips: FeatureSet, *, n_folds: int, seed: int) -> NDArray[np.intp]:
    """The fold of each clip, 0..n_folds - 1, shape (n_clips,).

    Groups are dealt out one by one, the largest first, each to the fold that has the fewest
    clips of its label; clips without a label are a label of their own.
    """
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(clips.targets)
    music = np.nan_to_num(clips.music, nan=MUSIC).astype(int)
    kind = np.where(known.sum(axis=1) > 0, known.argmax(axis=1), -1 - music)
    folds = np.zeros(len(clips), dtype=np.intp)
    for which in np.unique(kind):
        rows = np.flatnonzero(kind == which)
        names, member, sizes = np.unique(
            clips.groups[rows], return_inverse=True, return_counts=True
        )
        order = np.lexsort((rng.random(len(names)), -sizes))
        filled, of_group = np.zeros(n_folds), np.zeros(len(names), dtype=np.intp)
        for group in order:
            fold = int(np.argmin(filled + 1e-3 * rng.random(n_folds)))
            filled[fold] += sizes[group]
            of_group[group] = fold
        folds[rows] = of_group[member]
    return folds
