"""Seeded splits that keep groups whole and labels evenly spread."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "valid", "test")
SHARES = (0.8, 0.1, 0.1)

_ARTIST = re.compile(r"^(?P<artist>.+?)(?: - | -|_-_|_-|-)(?P<title>.+)$")


def split_groups(
    targets: NDArray[np.float32],
    groups: NDArray[np.str_],
    *,
    seed: int,
    shares: Sequence[float] = SHARES,
) -> NDArray[np.str_]:
    """Deal groups to train, valid and test so that each label keeps the same shares.

    Groups are dealt the largest first, and among equals by chance; each goes where its labels
    are farthest below their share, the rarest label counting most (after K. Sechidis et al.,
    On the stratification of multi-label data, 2011).

    Args:
        targets: shape (n_clips, n_labels); NaN counts as absent.
        groups: shape (n_clips,).
        seed: of the order among groups of one size.
        shares: of train, valid and test.

    Returns:
        Split names, shape (n_clips,). Groups of equal content and seed give equal splits.
    """
    rng = np.random.default_rng(seed)
    # A column of ones makes clips without any label be spread as well.
    known = np.concatenate([np.nan_to_num(targets), np.ones((len(targets), 1))], axis=1)
    names, place = np.unique(groups, return_inverse=True)
    content = np.zeros((len(names), known.shape[1]))
    np.add.at(content, place, known)
    target = np.outer(shares, known.sum(axis=0))
    rarity = 1 / np.maximum(known.sum(axis=0), 1)
    side = np.zeros(len(names), dtype=np.intp)
    for i in np.lexsort((rng.random(len(names)), -content[:, -1])):
        need = (target * (content[i] > 0) * rarity / np.array(shares)[:, None]).sum(axis=1)
        side[i] = int(np.argmax(need + 1e-9 * rng.random(len(shares))))
        target[side[i]] -= content[i]
    return np.array(SPLITS)[side[place]]


def artists_of(stems: Sequence[str], labels: Sequence[str]) -> NDArray[np.str_]:
    """Groups by the artist in file names like `ARTIST - TITLE`, or each clip for itself.

    A dash proves no artist (`track-01`, `track-02`): names are believed only if at least
    nine of ten have one and they give three artists or more for each label.
    """
    matches = [_ARTIST.match(stem) for stem in stems]
    artists = [row["artist"].strip().lower() if row else "" for row in matches]
    n_named = sum(bool(artist) for artist in artists)
    for label in set(labels):
        of_label = {a for a, b in zip(artists, labels, strict=True) if b == label and a}
        if len(of_label) < 3:
            return np.array(list(stems))
    if n_named < 0.9 * len(stems):
        return np.array(list(stems))
    return np.array([a or stem for a, stem in zip(artists, stems, strict=True)])
