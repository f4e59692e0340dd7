"""Tracks -> folds: no artist stands on two sides, and each label is spread evenly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

N_FOLDS = 5


def artist_folds(
    artists: Sequence[str], targets: NDArray[np.float32], *, n_folds: int = N_FOLDS
) -> NDArray[np.intp]:
    """The fold of each track; the same for the same tracks, whatever the machine.

    Artists are dealt out one by one, those with the most tracks first, each to the fold that
    lacks its labels most.

    Args:
        artists: whose a track is, one a track.
        targets: 1 where a track has a label, shape (n_tracks, n_labels).
        n_folds: folds at most; there are no more than artists.

    Returns:
        Fold numbers from 0 on, shape (n_tracks,).

    Raises:
        ValueError: there are fewer than two artists, so that nothing can be held out.
    """
    names, whose = np.unique(np.asarray(artists, dtype=object).astype(str), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"{len(names)} artist cannot stand on two sides")
    counts = np.zeros((len(names), targets.shape[1] + 1))
    np.add.at(counts[:, :-1], whose, targets)
    # A last column for the tracks themselves: folds are to be equally large, too.
    counts[:, -1] = np.bincount(whose)
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    filled = np.zeros((min(n_folds, len(names)), counts.shape[1]))
    fold_of = np.zeros(len(names), np.intp)
    for artist in np.argsort(-counts[:, -1], kind="stable"):
        # What the sum of squares would grow by: least where the labels are rarest so far.
        growth = (filled * shares[artist]).sum(axis=1)
        fold_of[artist] = int(np.argmin(growth))
        filled[fold_of[artist]] += shares[artist]
    return fold_of[whose]
