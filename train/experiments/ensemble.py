"""Several networks teach one: their mean is what the last one learns beside the labels.

Labels are noisy, and a set says nothing of the labels of another one. What networks with
different seeds agree on is smoother than a label, and it is known of every label: so the
scores of a label that one set alone has become comparable with those that all sets have.
(Distillation: G. Hinton, O. Vinyals and J. Dean, 2015; of a network by its like, beside the
labels: Q. Xie et al., CVPR 2020.)
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tagger.errors import InputError
from train.calibration.logits import ClipLogits, predict
from train.config.after_fit import CalibrationOptions, HeadOptions
from train.config.config import TrainConfig
from train.datasets.base import MUSIC, FeatureSet
from train.evaluation.run_facts import by_dataset
from train.fit.distributed import is_first
from train.fit.fit import fit
from train.models import checkpoint
from train.models.network import TaggerNet

Say = Callable[[str], None]
Start = Callable[[TaggerNet], None]
Teller = Callable[[Say, str, TrainConfig], Callable[[int, float], None]]
SEED_STEP = 100
FITTED, HEARD = "fitted.pt", "heard.npz"
"""A member that is done; best.pt in its folder may be of some epoch before."""


def member_config(config: TrainConfig, number: int) -> TrainConfig:
    """The configuration of member `number` (from 1): its own seed, no members of its own.

    What comes after the fit is left out: with another calibration the members stay.
    """
    return replace(
        config,
        ensemble=replace(config.ensemble, members=0),
        seed=config.seed + SEED_STEP * number,
        last_fit=(),
        head=HeadOptions(),
        calibration=CalibrationOptions(),
    )


def softened(
    config: TrainConfig,
    clips: FeatureSet,
    *,
    start: Start | None,
    out: Path,
    say: Say,
    teller: Teller,
    resume: bool = False,
) -> tuple[FeatureSet, list[dict[str, Any]]]:
    """All clips with what an ensemble hears in them, and the members' figures.

    The members learn from the train clips alone.

    Args:
        config: of the run.
        clips: train and valid clips.
        start: where each member begins.
        out: the run's folder; a member has a folder in it.
        say: told how far it is.
        teller: makes what is told of each epoch.
        resume: an interrupted run goes on: members that are done are taken as they are. Without
            it nothing of an earlier run is used, whose data or start may have been others.

    Returns:
        The clips, with `soft_targets` if there is an ensemble, and one record a member.
    """
    if config.ensemble.members == 0:
        return clips, []
    heard, figures = [], []
    for number in range(1, config.ensemble.members + 1):
        own = member_config(config, number)
        folder = out / f"member-{number}"
        member: dict[str, Any] = {"start": start, "out": folder, "say": say, "teller": teller}
        net = _member(own, clips, resume=resume, **member)
        scores = _heard(net, config, clips, folder / HEARD, resume=resume)
        valid = np.flatnonzero(clips.splits == "valid")
        record = {"seed": own.seed, "valid": by_dataset(scores[valid], clips.take(valid))}
        say(f"member {number}: {json.dumps(record)}")
        heard.append(scores)
        figures.append(record)
    every: NDArray[np.float32] = np.mean(heard, axis=0, dtype=np.float32)
    soft = blend(clips, every, share=config.ensemble.share, kind=config.kind)
    return replace(clips, soft_targets=soft), figures


def _member(
    config: TrainConfig,
    clips: FeatureSet,
    *,
    start: Start | None,
    out: Path,
    say: Say,
    teller: Teller,
    resume: bool,
) -> TaggerNet:
    path = out / FITTED
    if resume and path.is_file():
        try:
            earlier = checkpoint.load(path)
        except InputError:
            say(f"{path}: damaged, fitted again")
        else:
            if earlier.config == config:
                return earlier.net
    tell = teller(say, out.name, config)
    net = fit(
        config, clips.split("train"), run_dir=out, prepare=start, on_epoch=tell, resume=resume
    )
    if is_first():
        checkpoint.save(checkpoint.Checkpoint(net, config, clips.labels, {}), path)
    return net


def _heard(
    net: TaggerNet, config: TrainConfig, clips: FeatureSet, path: Path, *, resume: bool
) -> NDArray[np.float32]:
    """Scores of all clips; kept, since listening to thousands takes minutes."""
    weights = sum(float(one.double().abs().sum()) for one in net.state_dict().values())
    if resume and path.is_file():
        with np.load(path) as kept:
            if float(kept["weights"]) == weights and np.array_equal(kept["ids"], clips.ids):
                known: NDArray[np.float32] = kept["scores"]
                return known
    logits = predict(net, clips, n_windows=config.ensemble.n_windows)
    scores = mean_scores(logits, kind=config.kind)
    if is_first():
        temporary = path.with_name(f".{path.name}")  # whole or absent, if the run is killed
        np.savez(temporary, scores=scores, ids=clips.ids, weights=weights)
        temporary.replace(path)
    return scores


def mean_scores(logits: ClipLogits, *, kind: str) -> NDArray[np.float32]:
    """Uncalibrated scores of clips, the mean over their windows, shape (n_clips, n_labels)."""
    rows = []
    for one in logits.label_logits:
        scores = torch.from_numpy(one)
        scores = scores.softmax(dim=1) if kind == "single" else scores.sigmoid()
        rows.append(scores.mean(dim=0).numpy())
    return np.stack(rows)


def blend(
    clips: FeatureSet, heard: NDArray[np.float32], *, share: float, kind: str
) -> NDArray[np.float32]:
    """Targets in which `share` is what was heard; unknown labels are wholly what was heard.

    Clips that carry no label at all, and what is no music, stay as they are. With one label a
    clip, unknown labels stay unknown: a softmax over more labels than a set knows would take
    from those that it does know.
    """
    known = ~np.isnan(clips.targets)
    of_genre = (clips.music == MUSIC) & (np.nansum(clips.targets, axis=1) > 0)
    mixed = share * heard + (1 - share) * np.nan_to_num(clips.targets)
    if kind == "single":
        sums = np.where(known, heard, 0).sum(axis=1, keepdims=True).clip(1e-6)
        mixed = share * heard / sums + (1 - share) * np.nan_to_num(clips.targets)
        full = np.where(known, mixed, np.nan)
    else:
        full = np.where(known, mixed, heard)
    soft: NDArray[np.float32] = np.where(of_genre[:, None], full, clips.targets)
    return soft.astype(np.float32)
