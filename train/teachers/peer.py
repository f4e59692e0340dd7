"""A teacher that gives the labels themselves: an earlier model, or another one of like labels.

It is asked beside the regression on the other teachers' answers (`train.teachers.probe`), and
what both say is brought together by a mean of logarithms: two that err on different recordings
are right more often together. It is no input of the regression, since it may have learned the
very recordings that the regression is fitted on; what it says of these is not out of fold.
"""

from collections.abc import Mapping, Sequence
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from tagger.model.label_tree import line_above
from train.config.fields import choose
from train.teachers.lessons import Lessons
from train.teachers.losses import LEAST

Array = NDArray[np.float32]


def own_shares(
    lessons: Lessons, teacher: str, *, labels: Sequence[str], parents: Mapping[str, str]
) -> Array:
    """A teacher's scores of labels as shares of sum 1, NaN where it says nothing.

    Args:
        lessons: with its scores.
        teacher: its name.
        labels: as it writes them; they exclude one another, but for those with a parent.
        parents: its own tree: a label and the one whose score holds that label's besides.

    Returns:
        Shape (n_targets of all clips, n_labels).

    Raises:
        InputError: there is no such teacher, or it does not give a label.
    """
    found = {part.teacher: part for part in lessons.parts if part.kind == "scores"}
    part = found[choose("probe.model", teacher, found)]
    if absent := [label for label in labels if label not in part.labels]:
        raise InputError(
            f"probe.model: {teacher} does not give {', '.join(absent)}; name a teacher that"
            " gives every label, or leave probe.model out."
        )
    columns = [part.start + part.labels.index(label) for label in labels]
    scores = np.concatenate([rows[:, columns] for rows in lessons.of_clip]).astype(np.float32)
    alone = scores.copy()
    for child, label in enumerate(labels):
        scored = takewhile(part.labels.__contains__, line_above(label, parents))
        if (above := next((name for name in scored if name in labels), None)) is not None:
            alone[:, labels.index(above)] -= scores[:, child]
    alone = np.maximum(alone, LEAST)
    return np.asarray(alone / alone.sum(axis=1, keepdims=True), np.float32)


def mean_of_shares(own: Array, shares: Array, *, share: float) -> Array:
    """Geometric means of two answers of sum 1.

    Args:
        own: logarithms of the one, shape (n_labels,) or (n, n_labels).
        shares: the other, shape (n, n_labels); of a row with NaN in one the other is left.
        share: of the other, 0..1.
    """
    ours = np.broadcast_to(own, shares.shape)
    theirs = np.log(np.maximum(shares, LEAST))
    mixed = (1 - share) * ours + share * theirs
    silent, alone = np.isnan(shares).any(axis=1), np.isnan(ours).any(axis=1)
    mixed[silent] = ours[silent]
    mixed[alone] = theirs[alone]
    powers = np.exp(mixed - mixed.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
