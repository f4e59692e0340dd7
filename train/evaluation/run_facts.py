"""What a run says of itself: figures, calibration, data, versions."""

import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.calibration.calibrate import (
    Calibration,
    choose_thresholds,
    clip_scores,
    fit_calibration,
    highest_threshold,
)
from train.calibration.logits import ClipLogits, on_host, predict
from train.config.config import TrainConfig
from train.data.folds import fold_of_groups
from train.datasets.base import FeatureSet
from train.evaluation.metrics import (
    among_known,
    bootstrap,
    brier,
    calibration_error,
    first_right,
)
from train.models.families import family_matrix

FIGURE_FOLDS = 5
SPLITS_KNOWN = ("train", "valid", "test")
PACKAGES = (
    "tagger-music", "torch", "lightning", "torchmetrics", "audiomentations", "librosa", "numpy",
    "scipy", "soundfile", "soxr", "av",
)  # fmt: skip


def net_logits(net: Any, clips: FeatureSet, config: TrainConfig) -> ClipLogits:
    """Logits as the calibration's options ask for them."""
    return predict(net, clips, n_windows=config.calibration.n_windows)


def clip_figures(scores: NDArray[np.float32], clips: FeatureSet) -> dict[str, Any]:
    """Figures of calibrated scores: accuracy, calibration error, Brier score of the first."""
    known = np.nansum(clips.targets, axis=1) > 0
    s, t = among_known(scores[known], clips.targets[known])
    figures: dict[str, Any] = {"n_clips": int(known.sum())}
    if known.any():
        figures |= {
            "accuracy": round(float(first_right(s, t).mean()), 4),
            "ece_5_bins": bootstrap(calibration_error, s, t).to_list(),
            "brier": bootstrap(brier, s, t).to_list(),
        }
    return figures


def by_dataset(scores: NDArray[np.float32], clips: FeatureSet) -> dict[str, dict[str, Any]]:
    """The same figures of each dataset that has labels; nothing if there is only one."""
    names = list(dict.fromkeys(clips.datasets().tolist()))
    each = {}
    for name in names:
        rows = np.flatnonzero(clips.from_datasets([name]))
        figures = clip_figures(scores[rows], clips.take(rows))
        if figures["n_clips"]:
            each[name] = figures
    return each if len(each) > 1 else {}


def calibration_of(net: Any) -> Calibration:
    """The calibration that a network carries."""
    return Calibration(
        float(net.label_scale[0]),
        on_host(net.label_bias),
        float(net.music_scale),
        float(net.music_bias),
    )


def fitted_calibration(logits: ClipLogits, config: TrainConfig) -> Calibration:
    """The calibration that a configuration asks for."""
    options = config.calibration
    return fit_calibration(
        logits,
        kind=config.kind,
        raise_rare=options.raise_rare,
        bias_penalty=options.bias_penalty,
    )


def cross_fitted(logits: ClipLogits, config: TrainConfig) -> NDArray[np.float32]:
    """Scores of each clip under a calibration that was fitted without it and its group.

    With fewer than two folds, the scores of the calibration that was fitted to all of them.
    """
    n_folds = config.calibration.folds
    if n_folds < 2:
        return clip_scores(logits, fitted_calibration(logits, config), kind=config.kind)
    folds = fold_of_groups(logits.clips, n_folds=n_folds, seed=config.seed)
    scores = np.zeros((len(logits.clips), len(logits.clips.labels)), np.float32)
    for fold in range(n_folds):
        held = folds == fold
        calibration = fitted_calibration(logits.take(np.flatnonzero(~held)), config)
        part = logits.take(np.flatnonzero(held))
        scores[held] = clip_scores(part, calibration, kind=config.kind)
    return scores


def measured_apart(
    logits: ClipLogits, config: TrainConfig, n_clips: int | None = None
) -> dict[str, Any]:
    """Figures of each clip under a calibration and thresholds that it had no part in.

    Where no folds calibrate, some are drawn for the figures alone. Clips of a single group
    cannot be told apart: their figures say that they measure what they have chosen. Only the
    first `n_clips` are measured; the others calibrate alone.
    """
    n_folds = config.calibration.folds if config.calibration.folds > 1 else FIGURE_FOLDS
    folds = fold_of_groups(logits.clips, n_folds=n_folds, seed=config.seed)
    scores = np.zeros((len(logits.clips), len(logits.clips.labels)), np.float32)
    needed = np.ones_like(scores)
    for fold in np.unique(folds):
        held = folds == fold
        rest = logits if held.all() else logits.take(np.flatnonzero(~held))
        calibration = fitted_calibration(rest, config)
        part = logits.take(np.flatnonzero(held))
        scores[held] = clip_scores(part, calibration, kind=config.kind)
        chosen = chosen_thresholds(
            clip_scores(rest, calibration, kind=config.kind), rest, config
        )
        needed[held] = [chosen[label] for label in logits.clips.labels]
    clips = logits.clips.take(np.arange(len(logits.clips))[:n_clips])
    scores, needed = scores[:n_clips], needed[:n_clips]
    written, known = with_parents(scores, clips, config)
    figures = clip_figures(scores, clips) | believed(written, known, needed)
    parts = by_dataset(scores, clips)
    if len(np.unique(folds)) == 1:
        figures["on_what_calibrated"] = True
    return {"": figures, **parts}


def chosen_thresholds(
    scores: NDArray[np.float32], logits: ClipLogits, config: TrainConfig
) -> dict[str, float]:
    """The threshold of each label as the calibration's options ask for it.

    Args:
        scores: of the softmax (single) or sigmoids, shape (n_clips, n_labels); a label above
            others gets theirs here, as the network gives them.
        logits: whose clips say what is right.
        config: of the run.
    """
    scores, clips = with_parents(scores, logits.clips, config)
    chosen = choose_thresholds(scores, replace(logits, clips=clips), config.calibration)
    highest = highest_threshold(scores, logits.clips, config.calibration.music_share)
    return {label: min(value, highest) for label, value in chosen.items()}


def with_parents(
    scores: NDArray[np.float32], clips: FeatureSet, config: TrainConfig
) -> tuple[NDArray[np.float32], FeatureSet]:
    """Scores and truth in which what is punk is rock as well, where the labels are a tree.

    Figures of the first label as labelled are of the scores before: a parent would always
    stand in front of its child.
    """
    parents = config.parents_among(clips.labels)
    if all(above is None for above in parents):
        return scores, clips
    family = family_matrix(parents).numpy()
    targets = clips.targets.copy()
    for below, above in np.argwhere(family - np.eye(len(family))):
        # NaN, a label that the clip's set does not know, leaves its parent open as well.
        either = np.maximum(targets[:, above], clips.targets[:, below])
        targets[:, above] = np.where(targets[:, above] > 0, 1.0, either)
    return scores @ family, replace(clips, targets=targets)


def believed(
    scores: NDArray[np.float32],
    clips: FeatureSet,
    thresholds: Mapping[str, float] | NDArray[np.float32],
) -> dict[str, float]:
    """How many clips get a genre, and how often the first one is right.

    The thresholds are those of the labels, or those of each clip, (n_clips, n_labels). A label
    that the clip's set does not know counts as wrong; `among_known` leaves it out.
    """
    rows = np.nansum(clips.targets, axis=1) > 0
    if isinstance(thresholds, Mapping):
        needed = np.array([thresholds[label] for label in clips.labels])
    else:
        needed = thresholds[rows]
    s, t = scores[rows], clips.targets[rows]
    known, truth = among_known(s, t)
    figures = {}
    for name, values in (("", s), ("_among_known", known)):
        written = np.where(values >= needed, values, np.float32(-1))
        gets = (written > 0).any(axis=1)
        right = first_right(written, truth)[gets].mean() if gets.any() else 0.0
        figures[f"get_a_genre{name}"] = round(float(gets.mean()), 4)
        figures[f"right_when_they_do{name}"] = round(float(right), 4)
    return figures


def calibration_facts(
    unseen: ClipLogits,
    calibration: Calibration,
    config: TrainConfig,
    n_clips: int | None = None,
) -> dict[str, Any]:
    """Thresholds, what was fitted, and figures of clips that had no part in either.

    Only the first `n_clips` are measured: those behind them are the same recordings once more.
    """
    honest = cross_fitted(unseen, config)
    split = "valid" if config.calibration.source == "valid" else "out_of_fold_train"
    figures = measured_apart(unseen, config, n_clips)
    return {
        "thresholds": chosen_thresholds(honest, unseen, config),
        "calibration": {
            "method": "scale and bias of the logits, fitted on clips the network had not seen",
            "on": split,
            "folds": config.calibration.folds,
            "label_scale": round(calibration.label_scale, 4),
            "label_bias": [round(float(bias), 4) for bias in calibration.label_bias],
            "music_scale": round(calibration.music_scale, 4),
            "music_bias": round(calibration.music_bias, 4),
        },
        "metrics": {
            f"{split} of {name}" if name else split: figure for name, figure in figures.items()
        },
    }


def data_facts(
    config: TrainConfig,
    clips: FeatureSet,
    *,
    before: Sequence[str] = (),
    teachers: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Which datasets and teachers, and how many clips; `before` are the datasets of --from."""
    counts = {name: int((clips.splits == name).sum()) for name in SPLITS_KNOWN}
    by_file = {teacher["sha256"]: dict(teacher) for teacher in teachers}
    return {
        "datasets": list(config.datasets),
        "clips": {name: count for name, count in counts.items() if count},
        "learned_from": "train",
        **({"learned_before": list(before)} if before else {}),
        **({"teachers": list(by_file.values())} if by_file else {}),
    }


def versions() -> dict[str, str]:
    """Versions of what a result depends on, and the commit of a source tree."""
    versions_there = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions_there[name] = version(name)
        except PackageNotFoundError:  # a source tree that was never installed
            continue
    revision = _revision(Path(__file__).parents[2])
    return versions_there | ({"revision": revision} if revision else {})


def _revision(root: Path) -> str | None:
    """The commit that is checked out in a source tree, with a mark if it was changed since."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():  # an installed package
        return None

    def ask(*words: str) -> str:
        command = [git, "-C", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed words

    try:
        changed = ask("status", "--porcelain", "--untracked-files=no").strip()
        return ask("rev-parse", "HEAD").strip() + (" with changes" if changed else "")
    except subprocess.CalledProcessError:  # no commit yet, or a tree of another user
        return None
