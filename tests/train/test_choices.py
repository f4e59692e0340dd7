"""Choices of a file and of the command line: read as they are meant, or refused in one line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tagger.cli.app import app
from tagger.errors import InputError
from tests.train import small
from tests.train.sets import make_set
from train.calibration import measured_run
from train.config.config import from_tree, load_config, parse_overrides, to_tree
from train.datasets.base import with_coded_ones
from train.datasets.registry import licence_of_weights
from train.evaluation.run_facts import fitted_calibration, net_logits
from train.fit.initial_weights import like, places_of, write_text
from train.fit.mean import measure_statistics
from train.models import checkpoint
from train.models.network import TaggerNet


def network(**changes):
    torch.manual_seed(0)
    config = from_tree(small.tree(**changes))
    return config, TaggerNet(config.network(), n_labels=2).eval()


def test_a_section_without_anything_below_it_can_be_chosen_in(tmp_path):
    """`fit:` alone in a file, and --epochs 3."""
    path = tmp_path / "config.yaml"
    path.write_text("fit:\nseed: 3\n")
    assert load_config(path, {"fit.epochs": 3}).fit.epochs == 3


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (["name=a", "name.x=3"], "name.x: name is 'a', which has no fields"),
        (["labels=[a"], r"--set labels=\[a: the value cannot be read as YAML .*\[a, b\]"),
        (["seed"], "write it as field=value"),
    ],
)
def test_a_choice_that_cannot_be_read_is_told_in_one_line(pairs, said):
    """Which word of the command line, and how it is written."""
    with pytest.raises(InputError, match=said) as raised:
        load_config(None, parse_overrides(pairs))
    assert "\n" not in str(raised.value)


def test_a_field_that_is_wrong_in_a_file_names_the_file(tmp_path):
    """One that is wrong on the command line does not."""
    path = tmp_path / "config.yaml"
    path.write_text("fit:\n  epoch: 3\n")
    with pytest.raises(InputError, match=r"config\.yaml: .* did you mean fit\.epochs"):
        load_config(path, {"seed": 3})
    path.write_text("seed: 3\n")
    with pytest.raises(InputError, match=r"^the configuration has no field fit\.epoch"):
        load_config(path, {"fit.epoch": 3})
    # What the command line makes right is not wrong.
    path.write_text("features_options: {n_mfcc: 13}\n")
    assert load_config(path, {"features": "mfcc"}).features_options.n_mfcc == 13


def test_what_is_not_there_is_said_to_be_missing(tmp_path):
    """A file of choices, the folder of a run."""
    with pytest.raises(InputError, match=r"none\.yaml: there is no such file; check the path"):
        load_config(tmp_path / "none.yaml", {})
    with pytest.raises(InputError, match="there is no such folder; --resume takes"):
        places_of(tmp_path / "none")


def test_a_file_in_another_encoding_is_named(tmp_path):
    """It is no traceback."""
    path = tmp_path / "config.yaml"
    path.write_bytes("name: Größe\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"config\.yaml: cannot be read as YAML"):
        load_config(path, {})


@pytest.mark.parametrize(
    ("file", "overrides", "said"),
    [
        ("", {"features_options.n_mels": 64}, r"its features_options\.n_mels is 32, not 64"),
        ("", {"body_options": {"dropout": 0.9}}, r"its body_options\.dropout is .*, not 0\.9"),
        ("features: mfcc\n", {}, "its features is mel, not mfcc"),
        ("body: gru\n", {}, "its body is cnn, not gru"),
        ("floor_db: -20.0\n", {}, r"its floor_db is -60\.0, not -20\.0"),
    ],
)
def test_a_start_keeps_its_front_end_and_body(tmp_path, file, overrides, said):
    """Whichever way another one is asked for."""
    config, net = network(body="cnn")
    start, path = tmp_path / "start.pt", tmp_path / "config.yaml"
    checkpoint.save(checkpoint.Checkpoint(net, config, ("a", "b"), {}), start)
    path.write_text(file)
    with pytest.raises(InputError, match=said):
        like(start, path, overrides)
    path.write_text("features: mel\nseed: 3\n")
    kept = load_config(path, like(start, path, {"features_options.n_mels": 32, "seed": 4}))
    assert (kept.seed, kept.body_options) == (4, config.body_options)
    assert to_tree(kept)["features_options"] == to_tree(config)["features_options"]


@pytest.mark.parametrize(
    "words", [["--config", "c.yaml"], ["--from", "x.pt"], ["--out", "o"], ["--data", "d"]]
)
def test_a_resumed_run_says_what_it_knows_itself(words):
    """Instead of passing it over."""
    done = CliRunner().invoke(app, ["train", "--resume", "runs/none", *words])
    assert isinstance(done.exception, InputError)
    assert f"leave {words[0]} out" in str(done.exception)


def test_two_teachers_of_one_name_have_two_licences():
    """And the terms of the stricter one, whichever is named first."""
    both = [
        {"name": "big", "licence": "CC BY-NC 4.0"},
        {"name": "big", "licence": "MIT (them)"},
    ]
    for order in (both, both[::-1]):
        said = licence_of_weights(("folder",), order)
        assert said.startswith("CC BY-NC 4.0, after the data")
        assert "teacher big: MIT (them)" in said
        assert "teacher big: CC BY-NC 4.0" in said


@pytest.mark.parametrize(
    ("licence", "binds"),
    [
        ("MIT (them)", False),
        ("Apache-2.0", False),
        ("CC BY 4.0", False),
        ("CC0", False),
        ("none stated: the terms are those of the recordings that it learned from", False),
        ("free for non commercial use", True),
        ("MIT, no commercial use", True),
        ("MIT, for research", True),
        ("CC BY-NC 4.0", True),
        ("academic use only", True),
        ("personal use only", True),
        ("ask us", True),
    ],
)
def test_words_that_are_not_known_bind(licence, binds):
    """The careful reading."""
    said = licence_of_weights(("folder",), [{"name": "a", "licence": licence}])
    assert said.startswith("CC BY-NC") == binds


def test_a_bias_costs_what_the_configuration_says():
    """With a high price the biases stay near nothing."""
    config, net = network()
    logits = net_logits(net, make_set("x", ("a", "b")), config)
    sizes = []
    for price in (0.1, 1e4):
        calibration = replace(config.calibration, bias_penalty=price)
        found = fitted_calibration(logits, replace(config, calibration=calibration))
        sizes.append(float(np.abs(found.label_bias).max()))
    assert sizes[0] > 20 * sizes[1]


def test_coded_recordings_calibrate_and_are_not_measured():
    """So the figures can be compared with those of a run without them."""
    config, net = network(calibration={"source": "valid", "coded": True, "folds": 0})
    clips = make_set("x", ("a", "b"))
    clips = replace(clips, coded=[feature - 20 for feature in clips.features])
    assert len(with_coded_ones(clips)) == 2 * len(clips)
    facts = measured_run.calibrate(net, config, None, clips)
    assert facts["metrics"]["valid"]["n_clips"] == len(clips)


def test_statistics_do_not_hang_on_the_order_of_the_table():
    """Sorted by label or mixed: the variance between labels is in both."""
    clips = make_set("x", ("a", "b"), n_each=40)
    hiss = [np.zeros_like(feature) for feature in clips.features[:40]]  # no band stands out
    clips = replace(clips, features=[*hiss, *clips.features[40:]])
    mixed = clips.take(np.random.default_rng(1).permutation(len(clips)))
    found = []
    for table in (clips, mixed):
        _, net = network(body="cnn")
        measure_statistics(net, table, n_clips=len(table))
        found.append({k: v for k, v in net.state_dict().items() if "running_var" in k})
    assert found[0]
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=0.1, atol=1e-3)


def test_a_record_of_a_run_is_whole_or_as_it_was(tmp_path, monkeypatch):
    """A disk that is full in the middle of it leaves the one before."""
    path = tmp_path / "config.yaml"
    write_text(path, "seed: 1\n")

    def full(self, text, **_):
        self.write_bytes(text.encode()[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match=r"config\.yaml: cannot be written \(No space left"):
        write_text(path, "seed: 2\n")
    assert path.read_text() == "seed: 1\n"
    assert list(tmp_path.iterdir()) == [path]
