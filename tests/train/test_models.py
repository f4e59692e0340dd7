from pathlib import Path

import pytest
import torch

from tagger.errors import InputError
from train.config.config import from_tree, load_config, to_tree
from train.models.network import TaggerNet
from train.models.normalise import PeakNormalise

SMALL = {
    "features_options": {"n_frames": 16, "n_mels": 32},
    "body_options": {"channels": [4, 8, 8], "pools": [[2, 2], [2, 1]], "n_hidden": 8},
}


def small_net(**changes):
    config = from_tree(SMALL | changes)
    torch.manual_seed(0)
    return TaggerNet(config.network(), n_labels=3).eval()


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_scores_are_probabilities_that_music_gates(kind):
    """Scores lie in [0, 1]; what is not music has none, whatever its labels say."""
    net = small_net(kind=kind)
    labels, no_music = torch.randn(5, 3), torch.full((5, 1), -30.0)
    scores = net.scores_of(labels, no_music)
    assert scores.max() < 1e-6
    scores = net.scores_of(labels, -no_music)
    assert ((scores >= 0) & (scores <= 1)).all()
    if kind == "single":
        torch.testing.assert_close(scores.sum(dim=1), torch.ones(5))


def test_a_window_does_not_depend_on_its_batch():
    """One by one is the same as all at once."""
    net = small_net()
    waveform = torch.randn(4, net.options.features_options.window_len)
    with torch.no_grad():
        together = net(waveform)
        alone = torch.cat([net(item[None]) for item in waveform])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("gain_db", [-40.0, -20.0, 10.0])
def test_level_changes_nothing_behind_the_features(gain_db):
    """A constant added to the features leaves the scores as they are."""
    net = small_net()
    features = 10 * torch.randn(2, 32, 16)
    with torch.no_grad():
        torch.testing.assert_close(
            net.from_features(features + gain_db),
            net.from_features(features),
            rtol=0,
            atol=1e-5,
        )


def test_normalised_features_are_bounded_and_their_peak_is_one():
    """The maximum becomes 1, all below the floor becomes -1."""
    out = PeakNormalise(-60.0)(torch.tensor([[[0.0, -30.0, -60.0, -200.0]]]) + 17)
    torch.testing.assert_close(out, torch.tensor([[[1.0, 0.0, -1.0, -1.0]]]))


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"epochs": 3}, "no field epochs"),
        ({"fit": {"epoch": 3}}, "fit.epochs"),
        ({"body": "cnn-lstmm"}, "cnn-lstm"),
        ({"features": "mell"}, "mel"),
        ({"fit": {"epochs": "many"}}, "fit.epochs"),
        ({"fit": {"batch_size": 0}}, "at least 1"),
        ({"datasets": ["gtzn"]}, "gtzan"),
        ({"body_options": {"channels": [4, 8], "pools": []}}, "pools"),
        ({"body_options": {"pools": [[2]], "channels": [4, 8]}}, "2 values"),
    ],
)
def test_a_wrong_configuration_names_the_field(tree, said):
    """The message names the field, and the nearest right one where there is one."""
    with pytest.raises((InputError, ValueError), match=said):
        from_tree(tree)


def test_a_configuration_survives_yaml_and_overrides_lie_over_it(tmp_path):
    """The file is read, the command line wins, and what was resolved reads back."""
    path = tmp_path / "c.yaml"
    path.write_text("fit:\n  epochs: 7\n  learning_rate: 3e-3\nseed: 5\n")
    config = load_config(path, {"fit.epochs": 9, "seed": None})
    assert (config.fit.epochs, config.fit.learning_rate, config.seed) == (9, 3e-3, 5)
    assert from_tree(to_tree(config)) == config


def test_choices_are_read_and_not_changed():
    """A field that lies over a whole section leaves the section as its owner has it."""
    section = {"epochs": 2}
    config = load_config(None, {"fit": section, "fit.branches": 2})
    assert (config.fit.epochs, config.fit.branches) == (2, 2)
    assert section == {"epochs": 2}


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "train/configs").glob("*.yaml")), ids=str
)
def test_the_example_configurations_are_valid(path):
    """Every field is known, and the network can be built."""
    config = load_config(path, {})
    net = TaggerNet(config.network(), n_labels=2).eval()
    options = config.features_options
    assert net.logits(torch.randn(1, options.n_mels, options.n_frames))[0].shape == (1, 2)
