"""A fitted network is calibrated and measured on clips that it has not learned from."""

from typing import Any

import numpy as np

from train.calibrate import clip_scores, fit_calibration
from train.config import TrainConfig
from train.datasets import FeatureSet
from train.datasets.base import MUSIC
from train.facts import calibration_facts, calibration_of, measure, net_logits
from train.logits import ClipLogits
from train.models.network import TaggerNet

LEAST = 0.2
"""No threshold is lowered below it: a genre with less is a guess."""


def judged(
    net: TaggerNet,
    config: TrainConfig,
    unseen: ClipLogits | None,
    valid: FeatureSet,
    learned: FeatureSet | None = None,
) -> dict[str, Any]:
    """Calibrate the network; returns its thresholds and figures, those of valid among them.

    Args:
        net: the network.
        config: of the run.
        unseen: what networks said of clips that they had not heard, or None.
        valid: the valid clips.
        learned: the train clips; `calibration.music_share` looks for music without a label.
    """
    facts = calibrated(net, config, unseen, valid, learned)
    if len(valid) and "valid" not in facts.get("metrics", {}):
        logits = net_logits(net, valid, config)
        scores = clip_scores(logits, calibration_of(net), kind=config.kind)
        facts["metrics"] = facts.get("metrics", {}) | {"valid": measure(scores, valid)}
    return facts


def calibrated(
    net: TaggerNet,
    config: TrainConfig,
    unseen: ClipLogits | None,
    valid: FeatureSet,
    learned: FeatureSet | None = None,
) -> dict[str, Any]:
    """Fit and apply the calibration; returns what is to be said of it."""
    if unseen is None and config.calibration.source == "valid" and has_every_label(valid):
        unseen = net_logits(net, valid, config)
    if unseen is not None:
        calibration = fit_calibration(unseen, kind=config.kind)
        calibration.apply(net)
        highest = 1.0 if learned is None else highest_threshold(net, config, learned)
        return calibration_facts(unseen, calibration, config, highest=highest)
    return {"thresholds": dict.fromkeys(valid.labels, 0.5)}


def has_every_label(clips: FeatureSet) -> bool:
    """Whether each label occurs: then a calibration on these clips means something."""
    return len(clips) > 0 and bool((np.nansum(clips.targets, axis=0) > 0).all())


def highest_threshold(net: TaggerNet, config: TrainConfig, learned: FeatureSet) -> float:
    """The score that the first label of `music_share` of the music without a label reaches."""
    is_unknown = np.isnan(learned.targets).all(axis=1)
    unnamed = learned.take(np.flatnonzero((learned.music == MUSIC) & is_unknown))
    if config.calibration.music_share <= 0 or len(unnamed) == 0:
        return 1.0
    logits = net_logits(net, unnamed, config)
    first = clip_scores(logits, calibration_of(net), kind=config.kind).max(axis=1)
    reached = float(np.quantile(first, 1 - config.calibration.music_share))
    return max(round(reached, 3), LEAST)
