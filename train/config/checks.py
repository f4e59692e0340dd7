"""Choices that are each possible and together are not: found before anything is decoded."""

from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.model.label_tree import tree_contradictions
from train.config.config import TrainConfig
from train.config.fields import check_range, choose
from train.config.teacher_checks import check_teachers
from train.datasets.base import FeatureSet

LOWEST_NOTE_HZ = 27.5
"""The lowest key of a piano: a high-pass above it would take music away."""


def check_choices(config: TrainConfig, *, start_from: Path | None = None) -> None:
    """Make sure that no two choices contradict each other, whatever the data are.

    Raises:
        InputError: two do; both are named, with what to do.
    """
    if config.fit.freeze > 0 and start_from is None:
        raise InputError(
            "fit.freeze keeps a learned body still, and there is none: give --from"
            " CHECKPOINT, or leave fit.freeze 0."
        )
    check_hertz(config.features_options)
    n_rows = getattr(config.body_options, "n_rows", 0)
    if not 0 <= n_rows <= config.features_options.n_mels:
        raise InputError(
            f"body_options.n_rows: {n_rows} of {config.features_options.n_mels} rows that"
            f" {config.features} has; take fewer, or 0 for all."
        )
    for name in config.calibration.datasets:
        choose("calibration.datasets", name, config.datasets)
    check_teachers(config)
    if config.calibration.coded and config.augment.codec == 0:
        raise InputError(
            "calibration.coded: there are coded recordings only where some are learned from:"
            " set augment.codec, or leave calibration.coded out."
        )
    if config.beside and config.kind != "single":
        raise InputError(
            "beside: these labels stand beside a softmax: set kind=single, or leave beside out."
        )
    _check_lengths(config)
    _check_branches(config)
    shares = config.fit.shares
    if shares and len(shares) != len(config.datasets):
        raise InputError(
            f"fit.shares: {len(shares)} shares for {len(config.datasets)} datasets; give one"
            " for each, in the order of `datasets`."
        )


def needs_valid(config: TrainConfig, experiment: str) -> None:
    """Make sure that valid clips calibrate, which the networks of an experiment did not learn.

    Raises:
        InputError: folds do.
    """
    if config.calibration.source != "valid":
        raise InputError(
            f"{experiment} needs clips that calibrate and that no fold has learned from: set"
            " calibration.source=valid."
        )


def _check_lengths(config: TrainConfig) -> None:
    if config.fit.stop_epoch > config.fit.epochs:
        raise InputError(
            f"fit.stop_epoch: {config.fit.stop_epoch} lies behind the {config.fit.epochs}"
            " epochs of the whole fit; set fit.stop_epoch=0, or fit.epochs higher."
        )
    if config.calibration.folds == 1 and config.calibration.source != "valid":
        raise InputError(
            "calibration.folds: with 1 a network would have nothing to learn from; set 2 or"
            " more, or calibration.source=valid."
        )


def _check_branches(config: TrainConfig) -> None:
    """Make sure that a fit in branches has something to share, and something to part for."""
    if config.fit.branches == 1:
        return
    if config.fit.epochs < 2:
        raise InputError(
            f"fit.branches: {config.fit.epochs} epochs cannot be shared between what the"
            " branches have in common and themselves; set fit.epochs=2 or more."
        )
    if config.fit.stop_epoch > 0:
        raise InputError(
            "fit.stop_epoch: the branches part where fit.branch_from says, and end together;"
            " set fit.stop_epoch=0."
        )
    if config.fit.patience > 0 or config.fit.schedule == "plateau":
        raise InputError(
            "fit.branches: what stops one branch alone leaves no mean of like networks;"
            " set fit.patience=0 and another fit.schedule than plateau."
        )
    if config.fit.devices > 1:
        raise InputError(
            f"fit.devices: {config.fit.devices} processes learn one network together, and"
            " fit.branches makes several; set one of the two to 1."
        )


def check_coded(config: TrainConfig, clips: FeatureSet) -> None:
    """Make sure that there are coded recordings to calibrate on, where that is asked for.

    Raises:
        InputError: folds calibrate, or no set has recordings.
    """
    if not config.calibration.coded:
        return
    if config.calibration.source != "valid":
        raise InputError(
            "calibration.coded: the networks of folds are asked about recordings as they are;"
            " set calibration.source=valid, or leave calibration.coded out."
        )
    if not clips.is_waveform:
        raise InputError(
            "calibration.coded: takes recordings, and these sets are stored features; leave"
            " calibration.coded out."
        )


def check_kind(config: TrainConfig) -> None:
    """Make sure that the loss is one for the kind of labels, which the data have decided.

    Raises:
        InputError: a choice for sigmoids stands beside a softmax.
    """
    if config.kind == "multi":
        if config.probe.weight > 0:
            raise InputError(
                "probe.weight: the regression says which one label a clip has; set kind=single,"
                " or leave probe.weight 0."
            )
        return
    for name, chosen in (
        ("fit.focal_gamma", config.fit.focal_gamma > 0),
        ("fit.label_weights", config.fit.label_weights),
    ):
        if chosen:
            raise InputError(
                f"{name} weighs labels that stand side by side, and kind is single, one label"
                f" a clip: set kind=multi, or leave {name} out."
            )


def check_labels(config: TrainConfig, clips: FeatureSet) -> None:
    """Make sure that the labels that the configuration names are labels of the data.

    Raises:
        InputError: one is not (the message has the nearest), or what a model would say of them
            contradicts itself.
    """
    for label in config.labels:
        choose("labels", label, clips.labels)
    labels, parents, kinds = config.label_tree(config.labels or clips.labels)
    if twice := [name for name in dict.fromkeys(labels) if labels.count(name) > 1]:
        raise InputError(f"names: two labels would be written {twice[0]!r}; keep one of them.")
    for reason in tree_contradictions(labels, parents, kinds):
        raise InputError(f"parents or kinds: {reason}.")


def check_hertz(options: Any) -> None:
    """Make sure that no band lies where the recordings have no sound.

    Raises:
        InputError: the range of frequencies is empty or reaches above half the sample rate, or
            the high-pass would take notes away.
    """
    check_range("features_options.high_pass_hz", options.high_pass_hz, 0, LOWEST_NOTE_HZ)
    low, high = getattr(options, "f_min_hz", None), getattr(options, "f_max_hz", None)
    if low is None or high is None:
        return
    half = options.sample_rate / 2
    if high > half:
        raise InputError(
            f"features_options.f_max_hz: {high:g} lies above half of sample_rate"
            f" {options.sample_rate}; set features_options.f_max_hz={half:g} or less."
        )
    if not 0 <= low < high:
        raise InputError(
            f"features_options.f_min_hz: {low:g} must be 0 or more and below f_max_hz {high:g}."
        )
