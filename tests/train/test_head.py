import numpy as np
import torch

from tests.train import trees
from tests.train.sets import make_set
from train.calibration.logits import predict
from train.config.config import from_tree
from train.data.load_clips import load_clips
from train.datasets.base import join
from train.experiments.last_layer import Options, refit_head
from train.models.network import TaggerNet

SMALL = {
    "features_options": {"n_frames": 16, "n_mels": 32},
    "body_options": {"channels": [8, 8, 8], "pools": [[2, 2], [2, 1]], "n_hidden": 16},
}
LABELS = ("low", "middle", "high")


def fitted(penalty):
    torch.manual_seed(0)
    net = TaggerNet(from_tree(SMALL).network(), n_labels=3).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    clips = join([make_set("gtzan", LABELS), make_set("talk", (), music=False, seed=3)])
    options = Options(label_penalty=penalty, music_penalty=penalty, n_windows=3)
    refit_head(net, clips, options)
    return net, before, clips


def test_only_the_head_changes():
    """The body is kept as it was learned."""
    net, before, _ = fitted(0.1)
    changed = {
        name for name, value in net.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {
        "head.labels.weight", "head.labels.bias", "head.music.weight", "head.music.bias",
    }  # fmt: skip


def test_clips_that_can_be_told_apart_are():
    """A random body hears bands; the head alone learns which is which."""
    net, _, clips = fitted(1e-3)
    music = clips.take(np.flatnonzero(clips.music == 1))
    logits = predict(net, music, n_windows=3)
    first = [logit.mean(axis=0).argmax() for logit in logits.label_logits]
    assert (music.targets[np.arange(len(music)), first] == 1).mean() > 0.9


def test_the_fit_is_the_same_every_time_and_shrinks_with_its_penalty():
    """It is convex: no seed, one answer; a larger penalty makes smaller weights."""
    weights = [fitted(penalty)[0].head.labels.weight for penalty in (0.1, 0.1, 10.0)]
    torch.testing.assert_close(weights[0], weights[1])
    assert weights[2].norm() < weights[0].norm()


def test_the_head_is_fitted_to_recordings_through_the_front_end(tmp_path):
    """Windows of prepared audio become features first; tones are told apart afterwards."""
    root = trees.genres(tmp_path / "music", seconds=1.5)
    rate = {"sample_rate": 8000, "n_fft": 512, "hop_len": 400, "f_max_hz": 4000.0}
    options = SMALL["features_options"] | rate
    config = from_tree(SMALL | {"datasets": ["folder"], "features_options": options})
    clips = load_clips(config, root, prepared=tmp_path / "p", say=lambda line: None)
    assert clips.is_waveform
    torch.manual_seed(0)
    net = TaggerNet(config.network(), n_labels=2).eval()
    fit = Options(label_penalty=1e-3, n_windows=2, n_augmented=1)
    refit_head(net, clips, fit)
    logits = predict(net, clips, n_windows=2)
    first = [logit.mean(axis=0).argmax() for logit in logits.label_logits]
    assert (clips.targets[np.arange(len(clips)), first] == 1).all()
