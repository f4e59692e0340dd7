"""From which score on a genre is given, and what that gives."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.train import small
from tests.train.sets import make_set
from train.calibration.calibrate import (
    LEAST,
    Calibration,
    clip_scores,
    fit_calibration,
    highest_threshold,
)
from train.config.config import from_tree
from train.datasets.base import join
from train.evaluation.run_facts import believed, calibration_facts, net_logits
from train.models.network import TaggerNet

NAN = np.float32("nan")


def scored(n_music, *, n_others=10):
    """Clips of music without a label, whose scores are 0.00, 0.01, ..., and others."""
    music = make_set("music", (), n_each=n_music, seed=3)
    speech = make_set("speech", (), n_each=n_others, seed=4, music=False)
    clips = join([make_set("x", ("a", "b"), n_each=n_others), music, speech])
    scores = np.full((len(clips), 2), 0.99, np.float32)
    scores[clips.from_datasets(["music"])] = np.arange(n_music)[:, None] / 100
    return scores, clips


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_share_of_the_music_without_a_label_gets_one(share):
    """Speech and labelled clips have no say."""
    scores, clips = scored(100)
    limit = highest_threshold(scores, clips, share)
    unnamed = scores[clips.from_datasets(["music"])].max(axis=1)
    assert limit > LEAST
    assert np.mean(unnamed >= limit) == pytest.approx(share, abs=0.01)


def test_without_such_music_or_a_share_nothing_is_lowered():
    """0 asks for nothing; labelled clips alone say nothing of others."""
    scores, clips = scored(100)
    assert highest_threshold(scores, clips, 0.0) == 1.0
    named = clips.from_datasets(["x"])
    labelled = clips.take(np.flatnonzero(named))
    assert highest_threshold(scores[named], labelled, 0.75) == 1.0


def test_no_threshold_falls_to_a_guess():
    """However shy the network is."""
    scores, clips = scored(10)
    assert highest_threshold(scores, clips, 0.9) == LEAST


def test_a_calibration_lowers_thresholds_to_what_unseen_music_reaches():
    """The clips that calibrate say how far; what was learned is not asked."""
    fields = small.tree(
        kind="multi", calibration={"source": "valid", "folds": 0, "n_windows": 2}
    )
    torch.manual_seed(0)
    config = from_tree(fields)
    net = TaggerNet(config.network(), n_labels=2).eval()
    clips = join([make_set("x", ("a", "b")), make_set("music", (), n_each=40, seed=3)])
    unseen = net_logits(net, clips, config)
    nothing = Calibration(1.0, np.zeros(2, np.float32), 1.0, 0.0)
    shares = (0.0, 1.0)
    found = [
        calibration_facts(
            unseen,
            nothing,
            replace(config, calibration=replace(config.calibration, music_share=share)),
        )["thresholds"]
        for share in shares
    ]
    honest = clip_scores(unseen, fit_calibration(unseen, kind="multi"), kind="multi")
    reached = highest_threshold(honest, clips, 1.0)
    assert reached < min(found[0].values())
    assert found[1] == {"a": reached, "b": reached}


def test_what_a_set_does_not_know_is_wrong_and_told_apart():
    """The second clip is given a label that its set has no word for."""
    clips = make_set("x", ("a", "b"), n_each=2)
    targets = np.array([[1, 0], [1, NAN], [0, 1], [0, 1]], np.float32)
    clips = replace(clips, targets=targets)
    scores = np.array([[0.8, 0.1], [0.5, 0.9], [0.6, 0.5], [0.2, 0.1]], np.float32)
    found = believed(scores, clips, {"a": 0.4, "b": 0.4})
    assert found["get_a_genre"] == 0.75
    assert found["right_when_they_do"] == pytest.approx(1 / 3, abs=1e-3)
    assert found["right_when_they_do_among_known"] == pytest.approx(2 / 3, abs=1e-3)
