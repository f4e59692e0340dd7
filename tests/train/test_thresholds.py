"""From which score on a genre is given, and what that gives."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.train import small
from tests.train.sets import make_set
from train.config import from_tree
from train.datasets.base import join
from train.facts import believed, net_logits
from train.judge import LEAST, highest_threshold
from train.models.network import TaggerNet

NAN = np.float32("nan")


@pytest.fixture
def network():
    """An untrained network whose scores spread, and its configuration."""
    fields = small.tree(kind="multi", calibration={"music_share": 0.75, "n_windows": 2})
    config = from_tree(fields)
    torch.manual_seed(0)
    net = TaggerNet(config.network(), n_labels=2).eval()
    net.label_scale.fill_(2000.0)
    return net, config


def test_a_share_of_the_music_without_a_label_gets_one(network):
    """Speech and labelled clips have no say; 0 asks for nothing."""
    net, config = network
    music = make_set("music", (), n_each=40, seed=3)
    speech = make_set("speech", (), n_each=20, seed=4, music=False)
    clips = join([make_set("x", ("a", "b")), music, speech])
    limit = highest_threshold(net, config, clips)
    unnamed = clips.take(np.flatnonzero(clips.from_datasets(["music"])))
    logits = net_logits(net, unnamed, config)
    scores = [
        float(net.scores_of(torch.from_numpy(a), torch.from_numpy(b)[:, None]).mean(0).max())
        for a, b in zip(logits.label_logits, logits.music_logits, strict=True)
    ]
    assert limit > LEAST
    # The limit is rounded to a thousandth.
    assert np.mean(np.array(scores) >= limit - 1e-3) >= 0.75
    assert np.mean(np.array(scores) >= limit + 1e-3) <= 0.75
    assert max(scores) > limit + 1e-3
    never = replace(config, calibration=replace(config.calibration, music_share=0.0))
    assert highest_threshold(net, never, clips) == 1.0


def test_no_threshold_falls_to_a_guess(network):
    """However shy the network is."""
    net, config = network
    net.label_bias.fill_(-40_000.0)
    clips = make_set("music", (), n_each=8)
    clips = replace(clips, labels=("a", "b"), targets=np.full((8, 2), NAN))
    assert highest_threshold(net, config, clips) == LEAST


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
