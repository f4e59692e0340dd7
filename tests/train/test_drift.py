"""An offset and slow drift that nobody hears change no front end's features."""

import dataclasses

import numpy as np
import pytest
import torch

from export.graph import to_graph
from export.parity import compare_outputs, of_graph, of_network
from tagger.errors import InputError
from tests.train import small
from train.config.checks import check_choices
from train.config.config import from_tree, to_tree
from train.config.saved import from_saved, off_in
from train.features import FRONT_ENDS
from train.features.drift import without_drift
from train.models import checkpoint
from train.models.network import TaggerNet

RATE = 22_050


def seconds(n):
    return np.arange(n) / RATE


INAUDIBLE = {
    "offset of 0.5": lambda n: np.full(n, 0.5),
    "offset of 2 %": lambda n: np.full(n, 0.02),
    "offset of 10 %": lambda n: np.full(n, -0.1),
    "drift along a line": lambda n: np.linspace(-0.1, 0.1, n),
    "drift of 0.3 Hz": lambda n: 0.05 * np.sin(2 * np.pi * 0.3 * seconds(n)),
}


def music(n):
    """A chord with bass over faint noise: no band is empty."""
    t = seconds(n)
    chord = sum(np.sin(2 * np.pi * hz * t) for hz in (55, 220, 277, 330, 880, 2500))
    beat = 0.3 + np.abs(np.sin(2 * np.pi * 2 * t))
    return 0.05 * chord * beat + 0.01 * np.random.default_rng(0).standard_normal(n)


def tensor(wave):
    return torch.from_numpy(wave.astype(np.float32))[None]


def front_end(name, **changes):
    kind, module = FRONT_ENDS[name]
    lowest = {"f_min_hz": 0.0} if name in {"mel", "mfcc", "raw"} else {}
    if name == "midi":
        lowest = {"midi_min": 24}  # 32.7 Hz
    return module(kind(n_frames=64, **lowest, **changes)).eval()


@pytest.mark.parametrize("kind", INAUDIBLE)
@pytest.mark.parametrize("name", FRONT_ENDS)
def test_features_do_not_depend_on_what_nobody_hears(name, kind):
    """Nearly the same from the lowest band on; without the high-pass they differ widely."""
    ends = front_end(name), front_end(name, high_pass_hz=0.0)
    n = ends[0].options.window_len
    clean, changed = tensor(music(n)), tensor(music(n) + INAUDIBLE[kind](n))
    with torch.no_grad():
        on, off = ((end(changed) - end(clean)).abs() for end in ends)
        spread = float(ends[0](clean).std())
    assert on.max() < 0.05 * spread
    if kind != "offset of 2 %" and name != "midi":  # whose lowest pitch lies above an offset
        assert off.max() > 3 * on.max()


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_the_first_label_does_not_depend_on_what_nobody_hears(name):
    """Whatever the front end, in a network with the body of the default."""
    torch.manual_seed(0)
    net = TaggerNet(from_tree(small.tree(name)).network(), n_labels=8).eval()
    n = net.options.features_options.window_len
    with torch.no_grad():
        clean = net(tensor(music(n)))
        for make in INAUDIBLE.values():
            changed = net(tensor(music(n) + make(n)))
            torch.testing.assert_close(changed, clean, rtol=0, atol=0.01)
            assert changed.argmax() == clean.argmax()


@pytest.mark.parametrize("n_samples", [3, 4, 700, 1102, 5000, 22_050, 22_051, 30_011])
def test_a_constant_leaves_nothing_and_a_line_next_to_nothing(n_samples):
    """Whether the blocks fill the window or not."""
    line = tensor(np.linspace(-0.5, 0.5, n_samples))
    for wave, left in ((torch.full((2, n_samples), 0.3), 0.0), (line, 1e-6)):
        found = without_drift(wave, sample_rate=RATE, high_pass_hz=20)
        assert found.shape == wave.shape
        assert found.abs().max() <= left


@pytest.mark.parametrize(
    ("hz", "least", "most"), [(1, 0, 0.02), (20, 0.97, 1.03), (40, 0.98, 1.02)]
)
def test_notes_stay_and_what_is_slower_goes(hz, least, most):
    """A sine's own level after it, away from the window's ends."""
    t = seconds(4 * RATE)
    found = without_drift(
        tensor(np.sin(2 * np.pi * hz * t)), sample_rate=RATE, high_pass_hz=20
    )[0].numpy()[RATE : 3 * RATE]
    level = 2 * abs(np.mean(found * np.exp(-2j * np.pi * hz * t[: 2 * RATE])))
    assert least <= level <= most


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_graph_with_a_high_pass_answers_as_the_network(name):
    """On music, silence, an offset and noise, at batch 1 and 3."""
    torch.manual_seed(0)
    config = from_tree(small.tree(name, "cnn"))
    net = TaggerNet(config.network(), n_labels=3).eval()
    window_len = config.features_options.window_len
    graph = of_graph(to_graph(net, window_len=window_len))
    rows = compare_outputs(
        of_network(net), graph, window_len=window_len, sample_rate=RATE, batches=(1, 3)
    )
    assert [row for row in rows if not row.passed] == []


def test_a_checkpoint_from_before_answers_as_it_did(tmp_path):
    """It names no high-pass: it has none. Nor has a run that goes on."""
    tree = small.tree("mel", "cnn")
    tree["features_options"] = {**tree["features_options"], "high_pass_hz": 0.0}
    config = from_tree(tree)
    net = TaggerNet(config.network(), n_labels=2).eval()
    checkpoint.save(checkpoint.Checkpoint(net, config, ("a", "b"), {}), tmp_path / "now.pt")
    content = torch.load(tmp_path / "now.pt", weights_only=True)
    del content["config"]["features_options"]["high_pass_hz"]
    torch.save(content, tmp_path / "before.pt")
    found = checkpoint.load(tmp_path / "before.pt")
    assert found.config == config
    wave = tensor(music(config.features_options.window_len) + 0.1)
    with torch.no_grad():
        torch.testing.assert_close(found.net(wave), net(wave), rtol=0, atol=0)
    (tmp_path / "config.yaml").write_text("features_options: {n_mels: 32}\n")
    assert off_in(tmp_path / "config.yaml") == {"features_options.high_pass_hz": 0.0}


def test_new_models_have_a_high_pass_and_keep_what_they_say():
    """Of 20 Hz by default; a saved choice is the choice."""
    for name in FRONT_ENDS:
        config = from_tree({"features": name})
        assert config.features_options.high_pass_hz == 20.0
        assert from_saved(to_tree(config)) == config


@pytest.mark.parametrize("hz", [-1.0, 40.0])
def test_a_high_pass_that_would_take_notes_away_is_refused(hz):
    """The message names the field."""
    config = from_tree({})
    options = dataclasses.replace(config.features_options, high_pass_hz=hz)
    with pytest.raises(InputError, match="high_pass_hz"):
        check_choices(dataclasses.replace(config, features_options=options))
