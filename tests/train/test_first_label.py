"""Calibrated sigmoids: the first label's score is how often it is right."""

from dataclasses import replace

import numpy as np
import pytest

from tests.train.sets import make_set
from train.calibration.calibrate import choose_thresholds, clip_scores, fit_calibration
from train.calibration.logits import ClipLogits
from train.config.after_fit import CalibrationOptions
from train.evaluation.metrics import calibration_error, first_right


@pytest.fixture
def heard():
    """Clips with one of three labels each, logits of a network that is too shy."""
    rng = np.random.default_rng(0)
    n = 900
    clear = rng.uniform(0.5, 3.0, n)
    labels = rng.integers(3, size=n)
    logits = rng.normal(0, 1, (n, 3))
    logits[np.arange(n), labels] += clear
    targets = np.eye(3, dtype=np.float32)[labels]
    clips = make_set("x", ("a", "b", "c"), n_each=n // 3)
    return ClipLogits(
        label_logits=[row[None].astype(np.float32) - 3 for row in logits],
        music_logits=[np.full(1, 20, np.float32)] * n,
        clips=replace(clips, targets=targets),
    )


def test_the_first_score_is_how_often_it_is_right(heard):
    """In the mean exactly, and in each fifth of the clips nearly."""
    targets = heard.clips.targets
    shy = 1 / (1 + np.exp(-np.concatenate(heard.label_logits)))
    assert calibration_error(shy, targets) > 0.2
    scores = clip_scores(heard, fit_calibration(heard, kind="multi"), kind="multi")
    right = first_right(scores, targets).mean()
    assert scores.max(axis=1).mean() == pytest.approx(right, abs=0.01)
    assert calibration_error(scores, targets) < 0.08


def test_clips_with_several_labels_are_calibrated_label_by_label(heard):
    """There the best label need not be the only one: nothing is done for the first alone."""
    shift = [float(fit_calibration(name, kind="multi").label_bias.mean()) for name in (
        heard, replace(heard, clips=replace(heard.clips, targets=_several(heard)))
    )]  # fmt: skip
    single = fit_calibration(heard, kind="single")
    assert single.label_bias.mean() == pytest.approx(0.0, abs=0.05)
    assert shift[0] > shift[1]


def _several(heard):
    targets = heard.clips.targets.copy()
    targets[0] = 1.0
    return targets


def test_labels_of_different_sets_share_a_threshold(heard):
    """With every label known they have their own."""
    options = CalibrationOptions(precision=0.7)
    scores = clip_scores(heard, fit_calibration(heard, kind="multi"), kind="multi")
    scores[:, 0] *= 0.7
    assert len(set(choose_thresholds(scores, heard, options).values())) > 1
    targets = heard.clips.targets.copy()
    targets[:100, 0] = np.nan
    joined = replace(heard, clips=replace(heard.clips, targets=targets))
    assert len(set(choose_thresholds(scores, joined, options).values())) == 1


def test_a_rare_label_is_raised_by_its_rarity(heard):
    """It wins more often; the first score still says nearly how often it is right."""
    keep = np.concatenate([np.flatnonzero(heard.clips.targets[:, 0] == 1)[::8],
                           np.flatnonzero(heard.clips.targets[:, 0] != 1)])  # fmt: skip
    few = heard.take(np.sort(keep))
    plain, raised = (
        fit_calibration(few, kind="single", raise_rare=power, bias_penalty=1.0)
        for power in (0.0, 1.0)
    )
    gain = raised.label_bias / raised.label_scale - plain.label_bias / plain.label_scale
    assert gain[0] > 0.5 > gain[1:].max()
    found = [clip_scores(few, name, kind="single").argmax(axis=1) for name in (plain, raised)]
    assert (found[1] == 0).sum() > (found[0] == 0).sum()
    scores = clip_scores(few, raised, kind="single")
    assert calibration_error(scores, few.clips.targets) < 0.1
