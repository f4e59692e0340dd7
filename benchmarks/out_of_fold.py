"""Accuracy over all clips of a dataset, each heard by a network that had not learned from it.

`out_of_fold.py --config FILE --dataset NAME --data DATA --out RUNS [--seeds 1 2 3]`. The train
and valid clips of the dataset are dealt out to five folds by their groups, the same folds for
every seed; each fold is heard by a network that learned from the others and from the train
clips of all other datasets. First labels among those that the dataset knows, uncalibrated,
windows averaged. GTZAN's groups are runs of ten neighbouring numbers: an artist of more clips
stands on two sides, so these figures are higher than those of its valid split, whose artists
are new. An interrupted run goes on where it was. The last line is one JSON object.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measure import emit

from train.calibration.cross_validation import out_of_fold
from train.calibration.logits import mean_scores
from train.config.checks import check_choices
from train.config.config import TrainConfig, load_config, parse_overrides, to_tree
from train.data.load_clips import load_to_learn
from train.datasets.base import FeatureSet
from train.evaluation.metrics import among_known, first_right
from train.fit.learnable import learnable

N_FOLDS = 5
FOLDS_SEED = 0


def same_as_before(config: TrainConfig, clips: FeatureSet, out: Path) -> None:
    """Make sure that folds which are there already are of this configuration and clips."""
    facts = {
        "config": to_tree(config),
        "clips": clips.groups.tolist(),
        "ids": clips.ids.tolist(),
    }
    path, text = out / "config.json", json.dumps(facts)
    if path.is_file() and path.read_text() != text:
        raise SystemExit(
            f"{out}: holds folds of another configuration or other clips; give another --out."
        )
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def of_seed(config: TrainConfig, clips: FeatureSet, *, out: Path) -> dict[str, Any]:
    """Figures of one seed over all folds; whether each clip was right is kept beside them."""
    own = clips.from_datasets(config.calibration.datasets)
    is_learned = (clips.splits == "train") | (own & (clips.splits == "valid"))
    clips = clips.take(np.flatnonzero(is_learned))
    same_as_before(config, clips, out)
    scores = out_of_fold(
        config, clips, start=None, out=out, say=print, resume=True, folds_seed=FOLDS_SEED
    )
    assert scores is not None  # the configuration asks for folds
    held = scores.clips
    right = first_right(*among_known(mean_scores(scores, kind=config.kind), held.targets))
    np.savez(out / "right.npz", ids=held.ids, right=right, splits=held.splits)
    every: dict[str, Any] = {"seed": config.seed, "accuracy": round(float(right.mean()), 4)}
    for split in ("train", "valid"):
        every[split] = round(float(right[held.splits == split].mean()), 4)
    return every


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prepared", type=Path, default=Path("prepared"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    folds = {"calibration.source": "out-of-fold", "calibration.folds": N_FOLDS}
    folds["fit.branches"] = 1  # a fit for each fold is enough
    overrides = {**parse_overrides(given.set), **folds}
    overrides["calibration.datasets"] = [given.dataset]
    config = load_config(given.config, overrides)
    check_choices(config)
    clips = load_to_learn(config, given.data, prepared=given.prepared, say=print)
    config = learnable(config, clips, say=print)
    rows = []
    for seed in given.seeds:
        out = given.out / f"seed-{seed}"
        rows.append(of_seed(replace(config, seed=seed), clips, out=out))
        print(rows[-1], flush=True)
    mean = np.mean([row["accuracy"] for row in rows])
    emit({"dataset": given.dataset, "seeds": rows, "mean": round(float(mean), 4)})


if __name__ == "__main__":
    main()
