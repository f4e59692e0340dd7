"""What a smaller number format costs: first labels that change on real clips, clip by clip."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from train.data.load_clips import load_clips
from train.datasets.base import FeatureSet
from train.evaluation.evaluate import config_for
from train.evaluation.metrics import first_right
from train.evaluation.scorer import open_scorer

Array = NDArray[np.float32]
Say = Callable[[str], None]

SPLIT = "valid"
MARGIN = 0.02
"""Between the first and the second score: below it, which one leads is chance."""

LEAST_CLIPS = 100
"""Clips with a label that are needed to judge: fewer prove nothing either way."""

MOST_LOST = 0.03
"""Of the judged clips, at most so many may go from right to wrong, the others counted against
them, with a confidence of 95 %."""

_Z = 1.645  # one-sided, 95 %


@dataclass(frozen=True, slots=True)
class Cost:
    """Two models on the same clips.

    Attributes:
        dataset: where the clips are from.
        n_clips: how many.
        n_judged: clips among them one of whose labels the model knows.
        before: share of the judged ones whose first label is right, with the whole model.
        after: the same with the smaller one.
        changed: clips whose first label changes.
        changed_with_margin: those that were not a matter of chance before.
        better: changes from wrong to right.
        worse: changes from right to wrong.
        chance: how often as uneven a split of better and worse comes by chance.
        max_difference: largest difference of a score.
    """

    dataset: str
    n_clips: int
    n_judged: int
    before: float
    after: float
    changed: int
    changed_with_margin: int
    better: int
    worse: int
    chance: float
    max_difference: float

    @property
    def most_lost(self) -> float:
        """How much accuracy may be lost: the upper end of a one-sided interval of 95 %.

        For a difference of paired proportions, after Agresti and Min (Statistics in Medicine,
        2005): half a clip is added to each of the four kinds, so that a handful of clips
        without any change does not prove that there is none.
        """
        n = self.n_judged + 2
        lost = (self.worse - self.better) / n
        variance = ((self.worse + self.better + 1) / n - lost**2) / n
        return lost + _Z * math.sqrt(variance)

    @property
    def objection(self) -> str | None:
        """Why the smaller model is not to be used, or None."""
        if self.n_judged < LEAST_CLIPS:
            return (
                f"{self.n_judged} clips with a label cannot show what eight bits cost; name a"
                f" --dataset with {LEAST_CLIPS} or more in the split {SPLIT}"
            )
        if self.most_lost > MOST_LOST:
            return "eight bits lose too much, or too few clips show that they do not"
        return None

    def sentence(self) -> str:
        """The figures in words."""
        return (
            f"{self.dataset}: {self.changed} of {self.n_clips} first labels change"
            f" ({self.changed_with_margin} whose margin was over {MARGIN}), {self.better} to"
            f" the better and {self.worse} to the worse (by chance: p = {self.chance:.2f});"
            f" accuracy {self.before:.3f} before, {self.after:.3f} after on {self.n_judged};"
            f" at most {self.most_lost:.3f} are lost, {MOST_LOST} may be (confidence 95 %)"
        )


def clips_of(
    model: Path, overrides: Mapping[str, Any], *, data: Path, prepared: Path, say: Say
) -> FeatureSet:
    """The valid clips of the datasets that are named, or that a checkpoint was made from.

    Raises:
        InputError: no dataset is named, it is not there, or it has no valid clip.
    """
    config = config_for(open_scorer(model), overrides)
    clips = load_clips(config, data, prepared=prepared, say=say).split(SPLIT)
    if len(clips) == 0:
        raise InputError(f"{clips.name}: has no clip of the split {SPLIT}.")
    return clips


def cost_of(whole: Path, smaller: Path, clips: FeatureSet) -> Cost:
    """Compare two model files on clips."""
    before, after = (open_scorer(path) for path in (whole, smaller))
    targets = np.zeros((len(clips), len(before.labels)), np.float32)
    for i, label in enumerate(before.labels):
        if label in clips.labels:
            targets[:, i] = np.nan_to_num(clips.targets[:, clips.labels.index(label)])
    return precision_cost(
        before.clip_scores(clips), after.clip_scores(clips), targets, dataset=clips.name
    )


def precision_cost(whole: Array, smaller: Array, targets: Array, *, dataset: str) -> Cost:
    """The cost of going from some scores to others.

    Args:
        whole: scores of the whole model, shape (n_clips, n_labels).
        smaller: scores of the smaller one.
        targets: 1 has the label; a clip without any is not judged.
        dataset: its name.
    """
    judged = targets.sum(axis=1) > 0
    right, still = first_right(whole, targets), first_right(smaller, targets)
    changed = whole.argmax(axis=1) != smaller.argmax(axis=1)
    top = np.sort(whole, axis=1)
    sure = top[:, -1] - top[:, -2] > MARGIN if whole.shape[1] > 1 else np.ones(len(whole), bool)
    better, worse = int((still & ~right).sum()), int((right & ~still).sum())
    return Cost(
        dataset=dataset,
        n_clips=len(whole),
        n_judged=int(judged.sum()),
        before=round(float(right[judged].mean()), 4) if judged.any() else float("nan"),
        after=round(float(still[judged].mean()), 4) if judged.any() else float("nan"),
        changed=int(changed.sum()),
        changed_with_margin=int((changed & sure).sum()),
        better=better,
        worse=worse,
        chance=round(sign_test(better, worse), 4),
        max_difference=round(float(np.abs(whole - smaller).max()), 5),
    )


def sign_test(better: int, worse: int) -> float:
    """Two-sided probability of a split at least as uneven if both were equally likely."""
    n, k = better + worse, min(better, worse)
    tail = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    return float(min(1.0, 2 * tail))
