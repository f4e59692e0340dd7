"""What follows a fit runs where the fit ran.

The device is `meta`: its tensors have no values, meet none from elsewhere, and cannot leave.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.train import small
from tests.train.sets import make_set
from train.calibration import beside, calibrate, logits
from train.calibration.logits import ClipLogits, predict
from train.config.config import from_tree
from train.experiments import last_layer
from train.experiments.last_layer import Options, refit_head
from train.models.network import TaggerNet

META = torch.device("meta")


class LossReached(Exception):  # noqa: N818 - no error
    """There are no values to fit to: that the loss is reached is all."""


@pytest.fixture
def left(monkeypatch):
    """Of what leaves a device, which it left."""
    left = []

    def on_host(values):
        left.append(values.device)
        return np.zeros(tuple(values.shape), np.float32)

    monkeypatch.setattr(logits, "on_host", on_host)
    monkeypatch.setattr(beside, "on_host", on_host)
    return left


def net_of(**changes):
    config = from_tree(small.tree(**changes))
    return TaggerNet(config.network(), n_labels=2).eval()


@pytest.mark.parametrize("is_waveform", [False, True])
def test_clips_are_listened_to_on_the_device_of_the_network(left, is_waveform):
    """Only logits leave it, once a batch, and the calibration is told where to run."""
    net = net_of()
    clips = make_set("x", ("a", "b"), n_each=12)
    if is_waveform:
        window_len = net.options.features_options.window_len
        waves = [np.full((1, window_len + 5), 0.1, np.float32) for _ in clips.features]
        clips = replace(clips, features=waves, is_waveform=True)
    found = predict(net.to(META), clips, n_windows=2)
    assert found.device == META
    assert found.take(np.arange(3)).device == META
    assert left == [META] * 4  # labels and music of two batches
    assert len(found.label_logits) == len(clips)


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_a_calibration_is_fitted_there(left, monkeypatch, kind):
    """The loss of the labels, and of the question whether it is music."""
    clips = make_set("x", ("a", "b"), n_each=4)
    clips.music[0] = 0.0
    said = ClipLogits(
        label_logits=[np.zeros((2, 2), np.float32) for _ in range(len(clips))],
        music_logits=[np.zeros(2, np.float32) for _ in range(len(clips))],
        clips=clips,
        device=META,
    )

    def look(loss_of, parameters):
        assert loss_of().device == META
        assert all(parameter.device == META for parameter in parameters)
        raise LossReached

    monkeypatch.setattr(calibrate, "_minimise", look)
    with pytest.raises(LossReached):
        calibrate.fit_calibration(said, kind=kind)
    with pytest.raises(LossReached):
        calibrate._fit_music(said)


def test_the_last_layer_is_fitted_there(left, monkeypatch):
    """Embeddings of plain and of changed windows, targets and weights meet in one loss."""
    net = net_of(kind="multi")

    def look(inputs, n_out, loss, *, penalty):
        value = loss(torch.zeros(len(inputs), n_out, device=inputs.device))
        assert inputs.device == value.device == META
        raise LossReached

    monkeypatch.setattr(last_layer, "_regression", look)
    monkeypatch.setattr(torch, "Generator", lambda _: torch.default_generator)
    with pytest.raises(LossReached):
        refit_head(net.to(META), make_set("x", ("a", "b"), n_each=3), Options(n_windows=1))


def test_labels_beside_are_looked_for_there(left, monkeypatch):
    """Embeddings, scores and the clip of each window stay together; so does what joins them."""
    net = net_of()
    clips = make_set("x", ("a", "b"), n_each=3)
    windows = beside._embedded(net.to(META), clips, 1)
    assert {window.device for window in windows} == {META}
    rest = {"share": windows.scores.sum(dim=1), "least": 0.3, "precision": 0.7}
    monkeypatch.setattr(beside, "_platt", lambda mean, held: (float(len(held)), 0.0))
    monkeypatch.setattr(beside, "_mean", lambda values, owner: values + owner)
    monkeypatch.setattr(beside, "threshold_for", lambda scores, held, **_: None)
    held = np.zeros(6, bool)
    weight = torch.ones(windows.embeddings.shape[1], device=META)
    assert beside._shown("c", weight, windows=windows, held=held, **rest) is None
    assert left == [META]
