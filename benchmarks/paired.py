"""Is one network better than another on the same clips? `paired.py A.pt B.pt --dataset NAME`.

First labels on the valid clips of a dataset whose label both networks know, among the labels
that all three know, uncalibrated, six windows averaged; then McNemar's exact test on the clips
that one of the two gets right alone. The last line is one JSON
object.
"""

import argparse
from math import comb
from pathlib import Path

import numpy as np
from measure import data_folder, emit
from numpy.typing import NDArray

from train.calibration.logits import mean_scores, predict
from train.config.config import load_config
from train.data.load_clips import load_one
from train.datasets.base import FeatureSet
from train.models.checkpoint import Checkpoint, load


def valid_clips(dataset: str, prepared: Path) -> FeatureSet:
    """The clips to compare on."""
    config = load_config(None, {"datasets": [dataset]})
    clips = load_one(dataset, config, data_folder(), prepared=prepared, say=print)
    return clips.split("valid")


def right(done: Checkpoint, clips: FeatureSet, labels: list[str]) -> NDArray[np.bool_]:
    """Whether each clip gets its own label first, among `labels`."""
    scores = mean_scores(predict(done.net, clips, n_windows=6), kind=done.config.kind)
    among = np.stack([scores[:, done.labels.index(label)] for label in labels], axis=1)
    truth = clips.targets[:, [clips.labels.index(label) for label in labels]]
    is_right: NDArray[np.bool_] = among.argmax(axis=1) == np.nan_to_num(truth).argmax(axis=1)
    return is_right


def mcnemar(n_first: int, n_second: int) -> float:
    """Two-sided exact p of a fair coin giving a split as uneven as this."""
    n = n_first + n_second
    tail = sum(comb(n, k) for k in range(min(n_first, n_second) + 1)) / 2**n
    return min(1.0, 2 * tail)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--prepared", type=Path, default=Path("prepared"))
    given = parser.parse_args()
    first, second = load(given.first), load(given.second)
    clips = valid_clips(given.dataset, given.prepared)
    labels = [name for name in clips.labels if name in first.labels and name in second.labels]
    if not labels:
        raise SystemExit(f"{given.dataset}: the two networks have none of its labels in common")
    targets = clips.targets[:, [clips.labels.index(name) for name in labels]]
    has_one = np.nansum(targets, axis=1) > 0
    clips = clips.take(np.flatnonzero(has_one))
    one, other = right(first, clips, labels), right(second, clips, labels)
    alone = int((one & ~other).sum()), int((other & ~one).sum())
    emit(
        {
            "dataset": given.dataset,
            "labels": labels,
            "n_clips": len(one),
            "accuracy": [round(float(one.mean()), 4), round(float(other.mean()), 4)],
            "right_alone": alone,
            "p": round(mcnemar(*alone), 4),
        }
    )


if __name__ == "__main__":
    main()
