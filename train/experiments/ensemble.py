"""ensemble: several networks teach one: their mean is what it learns beside the labels.

Labels are noisy, and a set says nothing of the labels of another one. What networks with
different seeds agree on is smoother than a label, and it is known of every label: so the
scores of a label that one set alone has become comparable with those that all sets have.
(Distillation: G. Hinton, O. Vinyals and J. Dean, 2015; of a network by its like, beside the
labels: Q. Xie et al., CVPR 2020.)
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from train.calibration.cross_validation import epoch_lines
from train.calibration.logits import mean_scores, predict
from train.config.after_fit import CalibrationOptions
from train.config.checks import needs_valid
from train.config.config import TrainConfig
from train.config.fields import check_range
from train.datasets.base import MUSIC, FeatureSet
from train.evaluation.run_facts import by_dataset
from train.fit.distributed import device_here, is_first
from train.fit.fit import fit
from train.fit.run import Run, finish
from train.models import checkpoint
from train.models.network import TaggerNet

SEED_STEP = 100
FITTED, HEARD = "fitted.pt", "heard.npz"
"""A member that is done; best.pt in its folder may be of some epoch before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Networks with other seeds that are fitted first.

    Attributes:
        members: how many.
        share: of the target of a label that is what they hear; where a set does not know a
            label, all of it.
        n_windows: of each clip in which they listen.
    """

    members: int = 3
    share: float = 0.5
    n_windows: int = 3

    def __post_init__(self) -> None:
        check_range("members", self.members, 1)
        check_range("share", self.share, 0, 1)


def run_experiment(run: Run, options: Options) -> Path:
    """The members, then the run with what they hear in all clips; they learn from train alone.

    A run that goes on takes the members that are done as they are. Without `resume` nothing of
    an earlier run is used, whose data or start may have been others.

    Raises:
        InputError: folds calibrate, whose clips the members have learned from.
    """
    needs_valid(run.config, "ensemble")
    valid = np.flatnonzero(run.clips.splits == "valid")
    outputs, figures = [], []
    for number in range(1, options.members + 1):
        config = member_config(run.config, number)
        folder = run.where.out / f"member-{number}"
        net = _member(replace(run, config=config), folder)
        scores = _heard(net, run, folder / HEARD, n_windows=options.n_windows)
        record = {
            "seed": config.seed,
            "valid": by_dataset(scores[valid], run.clips.take(valid)),
        }
        run.say(f"member {number}: {json.dumps(record)}")
        outputs.append(scores)
        figures.append(record)
    every: NDArray[np.float32] = np.mean(outputs, axis=0, dtype=np.float32)
    soft = blend(run.clips, every, share=options.share, kind=run.config.kind)
    clips = replace(run.clips, soft_targets=soft)
    return finish(replace(run, clips=clips), more_facts={"members": figures})


def member_config(config: TrainConfig, number: int) -> TrainConfig:
    """The configuration of member `number` (from 1): its own seed.

    What comes after the fit is left out: with another calibration the members stay.
    """
    seed = config.seed + SEED_STEP * number
    return replace(config, seed=seed, calibration=CalibrationOptions())


def _member(run: Run, out: Path) -> TaggerNet:
    path, config, clips = out / FITTED, run.config, run.clips
    if run.resume and path.is_file():
        try:
            earlier = checkpoint.load(path)
        except InputError:
            run.say(f"{path}: damaged, fitted again")
        else:
            if earlier.config == config:
                return earlier.net.to(device_here())
    tell = epoch_lines(run.say, out.name, config)
    options: dict[str, Any] = {"prepare": run.start, "on_epoch": tell, "resume": run.resume}
    net = fit(config, clips.split("train"), run_dir=out, **options)
    if is_first():
        checkpoint.save(checkpoint.Checkpoint(net, config, clips.labels, {}), path)
    return net


def _heard(net: TaggerNet, run: Run, path: Path, *, n_windows: int) -> NDArray[np.float32]:
    """Scores of all clips; kept, since listening to thousands takes minutes."""
    clips = run.clips
    weights = sum(float(weight.double().abs().sum()) for weight in net.state_dict().values())
    if run.resume and path.is_file():
        with np.load(path) as kept:
            if float(kept["weights"]) == weights and np.array_equal(kept["ids"], clips.ids):
                known: NDArray[np.float32] = kept["scores"]
                return known
    scores = mean_scores(predict(net, clips, n_windows=n_windows), kind=run.config.kind)
    if is_first():
        temporary = path.with_name(f".{path.name}")  # whole or absent, if the run is killed
        np.savez(temporary, scores=scores, ids=clips.ids, weights=weights)
        temporary.replace(path)
    return scores


def blend(
    clips: FeatureSet, scores: NDArray[np.float32], *, share: float, kind: str
) -> NDArray[np.float32]:
    """Targets in which `share` is what was heard; unknown labels are wholly what was heard.

    Clips that carry no label at all, and what is no music, stay as they are. With one label a
    clip, unknown labels stay unknown: a softmax over more labels than a set knows would take
    from those that it does know.
    """
    known = ~np.isnan(clips.targets)
    of_genre = (clips.music == MUSIC) & (np.nansum(clips.targets, axis=1) > 0)
    mixed = share * scores + (1 - share) * np.nan_to_num(clips.targets)
    if kind == "single":
        sums = np.where(known, scores, 0).sum(axis=1, keepdims=True).clip(1e-6)
        mixed = share * scores / sums + (1 - share) * np.nan_to_num(clips.targets)
        full = np.where(known, mixed, np.nan)
    else:
        full = np.where(known, mixed, scores)
    soft: NDArray[np.float32] = np.where(of_genre[:, None], full, clips.targets)
    return soft.astype(np.float32)
