"""Accuracy over all clips of a dataset, each heard by a network that had not learned from it.

`out_of_fold.py --config FILE --dataset gtzan --data DATA --out RUNS [--seeds 1 2 3]`. The train
and valid clips of the dataset are dealt out to folds by their groups, the same folds for every
configuration and seed; each fold is heard by a network that learned from the others and from
the train clips of all other datasets. First labels among those that the dataset knows,
uncalibrated, windows averaged. GTZAN's groups are runs of ten neighbouring numbers: an artist
of more clips stands on two sides, so these figures are higher than those of its valid split,
whose artists are new. An interrupted run goes on with the fold that it was at. The last line
is one JSON object.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measure import emit
from numpy.typing import NDArray

from train.checks import check_choices
from train.config import TrainConfig, load_config, to_tree
from train.datasets.base import FeatureSet, join_again
from train.ensemble import mean_scores
from train.fields import choose
from train.folds import fold_of_groups
from train.load import load_clips
from train.logits import predict
from train.metrics import among_known, first_right
from train.run import learnable, parse_overrides
from train.unseen import fit_kept, kept_labels, teller

N_FOLDS = 5
FOLDS_SEED = 0


def heard(
    config: TrainConfig, clips: FeatureSet, fold: NDArray[np.bool_], held: FeatureSet, out: Path
) -> NDArray[np.float32]:
    """Scores of the clips of one fold, from a network fitted on everything else."""
    learned = join_again([held.take(np.flatnonzero(~fold)), clips])
    tell = teller(print, out.name, config)
    net = fit_kept(config, learned, run_dir=out, on_epoch=tell, resume=True)
    own = held.take(np.flatnonzero(fold)).only_labels(kept_labels(config, held))
    logits = predict(net, own, n_windows=config.calibration.n_windows)
    return mean_scores(logits, kind=config.kind)


def in_order(held: FeatureSet) -> FeatureSet:
    """The clips with the labels that they know, sorted: folds hang on no configuration."""
    known = [
        label
        for label, column in zip(held.labels, held.targets.T, strict=True)
        if not np.isnan(column).all()
    ]
    return held.only_labels(sorted(known))


def same_as_before(config: TrainConfig, held: FeatureSet, out: Path) -> None:
    """Make sure that folds which are there already are of this configuration and clips."""
    facts = {"config": to_tree(config), "clips": held.groups.tolist(), "ids": held.ids.tolist()}
    path, said = out / "config.json", json.dumps(facts)
    if path.is_file() and path.read_text() != said:
        raise SystemExit(
            f"{out}: holds folds of another configuration or other clips; give another --out."
        )
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(said)


def of_seed(config: TrainConfig, clips: FeatureSet, dataset: str, out: Path) -> dict[str, Any]:
    """Figures of one seed over all folds; whether each clip was right is kept beside them."""
    own = clips.from_datasets([dataset]) & np.isin(clips.splits, ["train", "valid"])
    held = clips.take(np.flatnonzero(own))
    same_as_before(config, held, out)
    others = clips.take(np.flatnonzero(~own & (clips.splits == "train")))
    folds = fold_of_groups(in_order(held), n_folds=N_FOLDS, seed=FOLDS_SEED)
    known = held.only_labels(kept_labels(config, held)).targets
    scores = np.zeros_like(known)
    for fold in range(N_FOLDS):
        file = out / f"fold-{fold}.npy"
        if not file.is_file():
            seeded = replace(config, seed=config.seed + 1000 * (fold + 1))
            found = heard(seeded, others, folds == fold, held, out / f"fold-{fold}")
            written = file.with_suffix(".part.npy")
            np.save(written, found)
            written.replace(file)
        scores[folds == fold] = np.load(file)
    right = first_right(*among_known(scores, known))
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
    rows = []
    for seed in given.seeds:
        wanted = {**parse_overrides(given.set), "seed": seed, "last_fit": []}
        config = load_config(given.config, wanted)
        check_choices(config)
        choose("--dataset", given.dataset, config.datasets)
        if config.pretrain is not None or config.ensemble.members:
            raise SystemExit(
                f"{given.config}: with `pretrain` or an ensemble this is not built."
            )
        clips = load_clips(config, given.data, prepared=given.prepared, say=print)
        config = learnable(config, clips, say=print)
        rows.append(of_seed(config, clips, given.dataset, given.out / f"seed-{seed}"))
        print(rows[-1], flush=True)
    mean = np.mean([row["accuracy"] for row in rows])
    emit({"dataset": given.dataset, "seeds": rows, "mean": round(float(mean), 4)})


if __name__ == "__main__":
    main()
