"""Folds are those that they were when each group was looked for among all clips."""

import time
from dataclasses import replace

import numpy as np
import pytest

from tests.train.sets import make_set
from train.data.folds import fold_of_groups
from train.datasets.base import MUSIC


def looked_for(clips, *, n_folds, seed):
    """The folds as they were dealt out first: as many comparisons as clips, for each group."""
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(clips.targets)
    music = np.nan_to_num(clips.music, nan=MUSIC).astype(int)
    kind = np.where(known.sum(axis=1) > 0, known.argmax(axis=1), -1 - music)
    folds = np.zeros(len(clips), dtype=np.intp)
    for which in np.unique(kind):
        names, sizes = np.unique(clips.groups[kind == which], return_counts=True)
        order = np.lexsort((rng.random(len(names)), -sizes))
        filled = np.zeros(n_folds)
        for name, size in zip(names[order], sizes[order], strict=True):
            fold = int(np.argmin(filled + 1e-3 * rng.random(n_folds)))
            filled[fold] += size
            folds[(clips.groups == name) & (kind == which)] = fold
    return folds


def drawn(rng, *, n, n_groups, n_labels):
    """Clips of random groups, labels and P(music), some of them unknown."""
    labels = tuple(map(str, range(n_labels)))
    targets = np.eye(n_labels, dtype=np.float32)[rng.integers(n_labels, size=n)]
    targets[rng.random(n) < 0.2] = np.nan
    targets[rng.random(n) < 0.1] = 0.0
    music = rng.choice(np.array([0.0, 1.0, np.nan], np.float32), size=n)
    groups = np.array([f"set/{i}" for i in rng.integers(n_groups, size=n)])
    one = make_set("set", labels, n_each=1).take(np.zeros(n, int))
    return replace(one, targets=targets, music=music, groups=groups)


@pytest.mark.parametrize("seed", range(40))
def test_the_folds_of_any_clips_are_the_same_as_before(seed):
    """A group of several labels, or of both kinds without any, is dealt out for each."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 300))
    n_groups, n_labels = int(rng.integers(1, n + 1)), int(rng.integers(1, 6))
    clips = drawn(rng, n=n, n_groups=n_groups, n_labels=n_labels)
    options = {"n_folds": int(rng.integers(2, 8)), "seed": seed}
    found = fold_of_groups(clips, **options)
    np.testing.assert_array_equal(found, looked_for(clips, **options))
    assert found.dtype == np.intp


def test_many_groups_are_dealt_out_in_a_fraction_of_that_time():
    """Time of the processor, of a library with an artist a song."""
    rng = np.random.default_rng(0)
    clips = drawn(rng, n=12_000, n_groups=12_000, n_labels=4)
    spent = []
    for deal in (fold_of_groups, looked_for):
        begun = time.process_time()
        deal(clips, n_folds=5, seed=0)
        spent.append(time.process_time() - begun)
    assert spent[0] < spent[1] / 3
