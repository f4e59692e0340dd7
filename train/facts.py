"""What a run says of itself: figures, calibration, data, versions."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from train.calibrate import Calibration, choose_thresholds, clip_scores
from train.config import TrainConfig
from train.datasets import FeatureSet
from train.fit import ClipLogits, predict
from train.metrics import bootstrap, brier, calibration_error, first_right

SPLITS_KNOWN = ("train", "valid", "test")


def net_logits(net: Any, clips: FeatureSet, config: TrainConfig) -> ClipLogits:
    """Logits as the calibration's options ask for them."""
    return predict(net, clips, n_windows=config.calibration.n_windows)


def measure(
    logits: ClipLogits, calibration: Calibration, config: TrainConfig
) -> dict[str, Any]:
    """Figures of one split: accuracy, calibration error and Brier score of the first label."""
    scores = clip_scores(logits, calibration, kind=config.kind)
    clips = logits.clips
    known = ~np.isnan(clips.targets).any(axis=1) & (np.nansum(clips.targets, axis=1) > 0)
    s, t = scores[known], clips.targets[known]
    figures: dict[str, Any] = {"n_clips": int(known.sum())}
    if known.any():
        figures |= {
            "accuracy": round(float(first_right(s, t).mean()), 4),
            "ece_5_bins": bootstrap(calibration_error, s, t).to_list(),
            "brier": bootstrap(brier, s, t).to_list(),
        }
    return figures


def calibration_of(net: Any) -> Calibration:
    """The calibration that a network carries."""
    return Calibration(
        float(net.label_scale[0]),
        net.label_bias.numpy(),
        float(net.music_scale),
        float(net.music_bias),
    )


def calibration_facts(
    unseen: ClipLogits, calibration: Calibration, config: TrainConfig
) -> dict[str, Any]:
    """How the scores were calibrated, the thresholds, and figures of the same clips."""
    scores = clip_scores(unseen, calibration, kind=config.kind)
    folds = config.calibration.folds
    clips, split = (
        ("out-of-fold clips", "out_of_fold_train") if folds else ("valid", "fitted_on")
    )
    return {
        "thresholds": dict(choose_thresholds(scores, unseen, config.calibration)),
        "calibration": {
            "method": f"scale and bias of the logits, fitted on {clips}",
            "folds": config.calibration.folds,
            "label_scale": round(calibration.label_scale, 4),
            "label_bias": [round(float(one), 4) for one in calibration.label_bias],
            "music_scale": round(calibration.music_scale, 4),
            "music_bias": round(calibration.music_bias, 4),
        },
        "metrics": {split: measure(unseen, calibration, config)},
    }


def data_facts(config: TrainConfig, clips: FeatureSet) -> dict[str, Any]:
    """Which datasets, and how many clips of each split."""
    counts = {name: int((clips.splits == name).sum()) for name in SPLITS_KNOWN}
    return {
        "datasets": list(config.datasets),
        "clips": {name: count for name, count in counts.items() if count},
        "learned_from": "train",
    }


def versions() -> dict[str, str]:
    """Versions of what a result depends on, and the commit of a source tree."""
    names = ("tagger-music", "torch", "lightning", "numpy")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a source tree that was never installed
            continue
    revision = _revision(Path(__file__).parents[1])
    return found | ({"revision": revision} if revision else {})


def _revision(root: Path) -> str | None:
    """The commit that is checked out in a source tree, read from git's own files."""
    try:
        head = (root / ".git" / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        return (root / ".git" / head.removeprefix("ref: ")).read_text().strip()
    except OSError:  # an installed package, a worktree, or packed references
        return None
