import json

import pytest

from tagger.errors import ModelError
from tagger.model.label_tree import line_above
from tagger.model.spec import parse_spec
from tests.engines import make_spec


def tree(**changes):
    return json.loads(make_spec().to_json()) | changes


def test_a_spec_survives_its_own_json():
    """What is written into a model file reads back as it was."""
    spec = make_spec(
        metrics={"valid": {"accuracy": 0.5}}, thresholds={"low": 0.5, "high": 0.25}
    )
    assert parse_spec(spec.to_json()) == spec


def test_a_file_without_a_spec_is_told_what_is_missing():
    """A foreign model gets the name of the entry and the remedy."""
    with pytest.raises(ModelError, match=r"tagger\.spec.*tagger export"):
        parse_spec(None)


@pytest.mark.parametrize("field", ["labels", "window_len", "thresholds", "silence_dbfs"])
def test_a_missing_field_is_named(field):
    """The message names the field that is not there."""
    document = tree()
    del document[field]
    with pytest.raises(ModelError, match=field):
        parse_spec(json.dumps(document))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 99},
        {"sample_rate": "22050"},
        {"sample_rate": True},
        {"labels": []},
        {"labels": ["low", "low"]},
        {"labels": ["low", " "]},
        {"kind": "neither"},
        {"thresholds": {"low": 0.5}},
        {"thresholds": {"low": 0.5, "high": 0}},
        {"thresholds": {"low": 0.5, "high": "x"}},
        {"window_len": 100},
        {"hop_len": 0},
        {"embedding": 0},
        {"embedding": 513},
        {"embedding": True},
        {"embedding": "64"},
        {"parents": ["low"]},
        {"parents": {"low": 1}},
        {"parents": {"low": " "}},
        {"parents": {"lowest": "low"}},
        {"parents": {"low": "low"}},
        {"parents": {"low": "high", "high": "low"}},
        {"parents": {"low": "a", "a": "b", "b": "a"}},
        {"kinds": {"lowest": "mood"}},
        {"kinds": {"low": "colour"}},
        {"kinds": {"low": ["mood"]}},
        {"kinds": {"low": "mood"}, "parents": {"low": "high"}},
    ],
)
def test_a_contradiction_is_refused(changes):
    """A spec that cannot be true never reaches the scan."""
    with pytest.raises(ModelError):
        parse_spec(json.dumps(tree(**changes)))


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_what_is_no_json_object_is_refused(text):
    """Damaged metadata is an error with a sentence."""
    with pytest.raises(ModelError, match="export it again"):
        parse_spec(text)


def test_fields_of_a_newer_program_are_left_aside():
    """An unknown field does not make a model useless."""
    assert parse_spec(json.dumps(tree(colour="blue"))) == make_spec()


def test_n_frames_counts_whole_frames():
    """The last frame ends within the window."""
    spec = make_spec(window_len=256 + 3 * 128 + 127)
    assert spec.n_frames == 4


def test_a_tree_may_have_names_that_are_no_labels():
    """A parent without a score of its own, and one above it, are names all the same."""
    spec = make_spec(parents={"low": "deep", "deep": "music"}, kinds={"high": "genre"})
    assert parse_spec(spec.to_json()) == spec
    assert line_above("low", spec.parents) == ("deep", "music")
    assert line_above("high", spec.parents) == ()


def test_kinds_part_the_labels():
    """A label that no kind is said of is a genre."""
    spec = make_spec(kinds={"high": "mood"})
    assert (spec.labels_of("genre"), spec.labels_of("mood")) == (("low",), ("high",))
    assert spec.labels_of("voice") == ()


def test_what_a_model_does_not_use_is_not_in_its_document():
    """Older models say what they said; null is no embedding."""
    assert not {"parents", "kinds", "embedding"} & json.loads(make_spec().to_json()).keys()
    assert parse_spec(json.dumps(tree(embedding=None, parents=None, kinds=None))) == make_spec()
