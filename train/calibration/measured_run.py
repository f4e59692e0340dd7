"""A fitted network is calibrated and measured on clips that it has not learned from."""

from pathlib import Path
from typing import Any

import numpy as np

from train.calibration.calibrate import clip_scores
from train.calibration.cross_validation import kept, measured
from train.calibration.logits import ClipLogits
from train.config.config import TrainConfig
from train.datasets.base import FeatureSet, with_coded_ones
from train.evaluation.run_facts import (
    calibration_facts,
    calibration_of,
    clip_figures,
    fitted_calibration,
    net_logits,
)
from train.fit.branches import branch_folder, weights_in
from train.fit.distributed import device_here
from train.fit.fit import network_for
from train.models.network import TaggerNet


def calibrate_and_measure(
    net: TaggerNet,
    config: TrainConfig,
    unseen: ClipLogits | None,
    valid: FeatureSet,
) -> dict[str, Any]:
    """Calibrate the network; returns its thresholds and figures, those of valid among them.

    Args:
        net: the network.
        config: of the run.
        unseen: what networks said of clips that they had not heard, or None.
        valid: the valid clips.
    """
    facts = calibrate(net, config, unseen, valid)
    if len(valid) and "valid" not in facts.get("metrics", {}):
        logits = net_logits(net, valid, config)
        scores = clip_scores(logits, calibration_of(net), kind=config.kind)
        facts["metrics"] = facts.get("metrics", {}) | {"valid": clip_figures(scores, valid)}
    return facts


def figures_of_branches(run_dir: Path, config: TrainConfig, clips: FeatureSet) -> list[Any]:
    """What each branch of a finished fit is worth alone: how far apart they are is chance.

    Args:
        run_dir: of the run.
        config: of the run.
        clips: all of the run.
    """
    valid, figures = measured(config, clips.split("valid")), []
    for number in range(1, config.fit.branches + 1):
        net = network_for(config, clips.labels)
        net.load_state_dict(weights_in(branch_folder(run_dir, number)))
        net = kept(net.eval().to(device_here()), config, clips)
        figures.append(calibrate_and_measure(net, config, None, valid).get("metrics", {}))
    return figures


def calibrate(
    net: TaggerNet,
    config: TrainConfig,
    unseen: ClipLogits | None,
    valid: FeatureSet,
) -> dict[str, Any]:
    """Fit and apply the calibration; returns what is to be said of it."""
    if unseen is None and config.calibration.source == "valid" and has_every_label(valid):
        heard = with_coded_ones(valid) if config.calibration.coded else valid
        unseen = net_logits(net, heard, config)
    if unseen is not None:
        calibration = fitted_calibration(unseen, config)
        calibration.apply(net)
        # As they are: so that a run with coded ones can be compared with one without.
        n_clips = len(valid) if config.calibration.coded else None
        return calibration_facts(unseen, calibration, config, n_clips)
    return {"thresholds": dict.fromkeys(valid.labels, 0.5)}


def has_every_label(clips: FeatureSet) -> bool:
    """Whether each label occurs: then a calibration on these clips means something."""
    return len(clips) > 0 and bool((np.nansum(clips.targets, axis=0) > 0).all())
