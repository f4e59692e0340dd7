import json
from dataclasses import replace
from pathlib import Path

import pytest

from export.describe import spec_of
from tagger.errors import InputError
from tests.train.sets import make_set
from train.config.checks import check_choices, check_labels
from train.config.config import from_tree, load_config
from train.config.saved import from_saved
from train.datasets.registry import licence_of_weights
from train.fit.learnable import learnable
from train.models.checkpoint import Checkpoint
from train.models.network import TaggerNet


def silent(_):
    pass


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"epochs": 3}, "did you mean fit.epochs"),
        ({"fit": {"learning_rat": 3}}, "fit.learning_rate"),
        ({"fit": {"precision": "bf16-mix"}}, "bf16-mixed"),
        ({"fit": {"share_not_genre": 2.0}}, r"in 0\.\.1"),
        ({"fit": {"devices": 0}}, "fit.devices"),
        ({"fit": {"learning_rate": 0.0}}, "learning_rate"),
        ({"datasets": "gtzan"}, "expected a list"),
        ({"names": ["rock"]}, "names: expected names and values"),
        ({"names": {"rock": 1}}, r"names\.rock: expected str"),
        ({"kinds": {True: "mood"}}, "kinds: True is no name; put it in quotes"),
        ({"features": "midi", "features_options": {"midi_min": 99, "midi_max": 3}}, "midi_min"),
        ({"fit": {"learning_rate": float("nan")}}, "learning_rate"),
        ({"fit": {"label_smoothing": float("nan")}}, r"label_smoothing: nan is not in 0\.\.1"),
        ({"datasets": None}, r"datasets: expected a list, as in \[folder\]"),
        ({"datasets": 3}, r"datasets: expected a list, as in \[folder\]"),
        ({"datasets": []}, r"datasets: expected a list, as in \[folder\]"),
        ({"calibration": {"source": "valdi"}}, r"calibration\.source: .*'valid'"),
        ({"calibration": {"bias_penalty": -5}}, r"calibration\.bias_penalty: -5\.0 is not at"),
        ({"calibration": {"raise_rare": -1}}, r"calibration\.raise_rare"),
        ({"calibration": {"n_windows": 0}}, r"calibration\.n_windows: 0 is not at least 1"),
        ({"calibration": {"precision": 72}}, r"calibration\.precision: 72\.0 is not in 0\.\.1"),
        ({"calibration": {"music_share": 7}}, r"calibration\.music_share"),
        ({"calibration": {"folds": -2}}, r"calibration\.folds"),
    ],
)
def test_a_field_that_is_wrong_alone_is_named(tree, said):
    """With the nearest right one, or with what it must be."""
    with pytest.raises(InputError, match=said):
        from_tree(tree)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"fit": {"freeze": 3}}, "--from"),
        ({"features_options": {"sample_rate": 16000}}, "f_max_hz=8000"),
        ({"features_options": {"f_min_hz": 9000.0, "f_max_hz": 8000.0}}, "f_min_hz"),
        ({"calibration": {"datasets": ["gtzan-logmell"]}}, "'gtzan-logmel'"),
        ({"body_options": {"n_rows": 129}}, "128 rows that mel has"),
        ({"body_options": {"n_rows": -1}}, "0 for all"),
        ({"calibration": {"folds": 1}}, "nothing to learn from"),
        ({"fit": {"epochs": 4, "stop_epoch": 9}}, "9 lies behind the 4 epochs"),
        ({"fit": {"branches": 2, "epochs": 1}}, "1 epochs cannot be shared"),
    ],
)
def test_choices_that_contradict_each_other_are_both_named(tree, said):
    """Before anything is decoded."""
    with pytest.raises(InputError, match=said):
        check_choices(from_tree(tree))


def test_freezing_what_was_learned_before_is_no_contradiction():
    """A checkpoint."""
    check_choices(from_tree({"fit": {"freeze": 3}}), start_from=Path("best.pt"))


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"fit": {"focal_gamma": 2.0}}, "kind=multi"),
        ({"fit": {"label_weights": True}}, "kind=multi"),
        ({"labels": ["hgh"]}, "'high'"),
        ({"calibration": {"coded": True, "source": "out-of-fold"}}, "set calibration.source"),
        ({"calibration": {"coded": True, "source": "valid"}}, "stored features; leave"),
    ],
)
def test_choices_that_the_data_contradict_are_named_before_the_fit(tree, said):
    """Sigmoids' choices beside a softmax, and labels that no clip has."""
    clips = make_set("gtzan", ("high", "low"))
    with pytest.raises(InputError, match=said):
        learnable(from_tree(tree), clips, say=silent)
    several = replace(clips, kind="multi")
    fit = {"label_weights": True, "focal_gamma": 2.0}
    assert learnable(from_tree({"fit": fit}), several, say=silent).kind == "multi"


def test_the_licence_of_weights_follows_the_data():
    """Non-commercial where a set says so; nothing is claimed of one's own recordings."""
    assert "none stated" in licence_of_weights(["folder", "csv", "npz"])
    said = licence_of_weights(["folder", "mtat:all", "gtzan"])
    assert said.startswith("CC BY-NC")
    assert "mtat: CC BY-NC-SA 1.0" in said
    assert "gtzan" in said


def test_the_exported_model_carries_the_licence_of_all_it_learned_from():
    """Of the run that it started from as well, under the old name of a data set too."""

    def licence(tree, **data):
        config = from_tree(tree)
        net = TaggerNet(config.network(), n_labels=1)
        facts = {"thresholds": {"a": 0.5}, "data": data}
        found = Checkpoint(net, config, ("a",), facts)
        return spec_of(found).weights_licence

    own = {"datasets": ["folder"]}
    assert "none stated" in licence(own)
    assert "gtzan" in licence({"datasets": ["gtzan"]})
    assert "fma-small" in licence(own, learned_before=["fma-small"])
    assert "jamendo" in licence(own, learned_before=["jamendo:0"])


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"names": {"rock": "Jazz", "jazz": "Jazz"}}, "two labels would be written 'Jazz'"),
        ({"parents": {"rock": "jazz", "jazz": "rock"}}, "leads from 'rock' back"),
        ({"kinds": {"rock": "mod"}}, "the kind of 'rock' is 'mod', not one of genre"),
        ({"kinds": {"rock": "mood"}, "parents": {"rock": "jazz"}}, "'rock' is a mood under"),
    ],
)
def test_what_no_model_could_say_is_refused_before_the_fit(tree, said):
    """It would otherwise be found by the export, when all has been learned."""
    with pytest.raises(InputError, match=said):
        check_labels(from_tree(tree), make_set("set", ("rock", "jazz")))


def test_a_tree_may_name_more_labels_than_there_are():
    """One tree serves runs that keep some of its labels."""
    tree = {"parents": {"punk": "rock", "rock": "music"}, "kinds": {"happy": "mood"}}
    check_labels(from_tree(tree), make_set("set", ("rock", "jazz")))


@pytest.mark.parametrize(
    ("name", "off", "on"),
    [
        ("ensemble", {"members": 0, "share": 0.5, "n_windows": 3}, {"members": 2}),
        ("head", {"refit": False, "n_windows": 6}, {"refit": True}),
        ("last_fit", [], ["gtzan"]),
        ("may_also_be", [], [["rock", "metal"]]),
        ("fit", {"unknown_weights": [0.0]}, {"unknown_weights": [0.2]}),
        ("pretrain", None, {"datasets": ["fma"]}),
    ],
)
def test_fields_that_became_experiments_are_read_if_they_are_off(tmp_path, name, off, on):
    """Runs of before go on; one that used a field hears what does it now."""
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps({"seed": 3, name: off}))
    assert load_config(path, {}) == from_tree({"seed": 3})
    path.write_text(json.dumps({name: on}))
    with pytest.raises(InputError, match="--from" if name == "pretrain" else "experiments"):
        load_config(path, {})
    assert from_saved({name: on}).datasets  # weights that were learned with it are read
