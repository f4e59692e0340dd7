"""A learned model is the base and the head, in one file of the contract."""

import numpy as np
import onnx
import pytest

from tagger.errors import DeviceError, ModelError
from tagger.genres.rules import GenreRules
from tagger.learning.head import Head, sigmoid
from tagger.learning.learn import LabelRow, Learned
from tagger.learning.write_model import TOLERANCE, BaseModel, Naming, write_model
from tagger.model.catalogue import DEFAULT, find_model, whole_of
from tagger.model.device_file import file_on
from tagger.model.load import load_engine
from tagger.model.self_test import METADATA_KEY as GOLDEN_KEY
from tagger.model.spec_file import spec_in
from tests.learning.tone_model import N_EMBEDDING, save_tone_model

SHIPPED = find_model(DEFAULT)
LABELS = ("low", "Krautrock", "Sunday morning")


def learned(n_features, labels=LABELS):
    """A head of chance."""
    rng = np.random.default_rng(1)
    head = Head(
        rng.standard_normal((n_features, len(labels))).astype(np.float32) / 8,
        rng.standard_normal(len(labels)).astype(np.float32),
    )
    figures = {"average_precision": 0.9, "prior": 0.1, "precision": 0.8, "recall": 0.7}
    rows = [
        LabelRow(label=label, n_tracks=9, n_artists=3, threshold=0.6, **figures)
        for label in labels
    ]
    return Learned(head, tuple(rows), (), (), {"n_tracks": 27})


def written(tmp_path, *, past=False, **naming):
    """A base model, and a model that was learned on it."""
    path = save_tone_model(tmp_path / "base.onnx", past=past, weights_licence="CC BY 4.0")
    base = BaseModel(path, spec_in(path))
    lesson = learned(N_EMBEDDING + len(base.labels))
    options = {"name": "mine", "rules": GenreRules(), "about": {"learned_from": {"tag": 27}}}
    found = write_model(base, lesson, Naming(**(options | naming)), tmp_path / "mine.onnx")
    return base, lesson, found


@pytest.mark.parametrize("past", [False, True])
def test_the_file_gives_what_base_and_head_give(tmp_path, past):
    """Batch by batch, with the base's scores among the features where they can be."""
    base, lesson, found = written(tmp_path, past=past)
    assert base.has_tail is not past
    assert found.parity < 1e-5
    engine = load_engine(found.path, device="cpu")
    windows = np.random.default_rng(0).uniform(-1, 1, (3, 4000)).astype(np.float32)
    scores, embedding = engine.run_embedding(windows)
    expected = sigmoid(lesson.head.logits(base.features(embedding)))
    np.testing.assert_allclose(scores, expected, atol=TOLERANCE)
    same = load_engine(base.path, device="cpu").run_embedding(windows)[1]
    np.testing.assert_array_equal(embedding, same)
    assert engine.golden is not None


def eight_bits(base_path, folder):
    """A model that was learned on a base for processors."""
    base = BaseModel(base_path, spec_in(base_path))
    lesson = learned(base.spec.embedding + len(base.labels))
    naming = Naming(name="mine", rules=GenreRules(), about={})
    return lesson, write_model(base, lesson, naming, folder / "mine.onnx")


def test_what_is_learned_in_eight_bits_stays_in_them(tmp_path):
    """A head on the shipped file for processors gives what base and head give."""
    _, found = eight_bits(SHIPPED, tmp_path)
    assert found.parity < TOLERANCE
    engine = load_engine(found.path, device="cpu")
    assert (engine.spec.precision, engine.spec.is_for_processors) == ("int8", True)
    assert engine.golden < TOLERANCE


def test_what_is_learned_in_eight_bits_is_there_for_gpus_too(tmp_path):
    """The same head on the base's float32 file, which a GPU is given and is listed with it."""
    lesson, found = eight_bits(SHIPPED, tmp_path)
    whole = file_on(found.path, "cuda")
    assert whole == tmp_path / "mine.fp32.onnx"
    small, large = spec_in(found.path), spec_in(whole)
    assert (large.precision, large.labels, large.thresholds) == (
        "fp32", small.labels, small.thresholds,
    )  # fmt: skip
    assert large.revision == small.quantisation["from"] != small.revision
    base = BaseModel(whole_of(SHIPPED), spec_in(whole_of(SHIPPED)))
    assert large.training["base_revision"] == base.spec.revision
    engine = load_engine(whole, device="cpu")
    windows = np.random.default_rng(0).uniform(-1, 1, (2, base.spec.window_len))
    scores, embedding = engine.run_embedding(windows.astype(np.float32))
    expected = sigmoid(lesson.head.logits(base.features(embedding)))
    np.testing.assert_allclose(scores, expected, atol=TOLERANCE)
    # Such a pair is a base as any other.
    again = eight_bits(found.path, tmp_path / "second")[1]
    assert file_on(again.path, "cuda") == tmp_path / "second" / "mine.fp32.onnx"


def test_a_base_of_eight_bits_that_came_alone_has_no_file_for_gpus(tmp_path):
    """Nor does the one of an earlier model of this name stay for them."""
    eight_bits(SHIPPED, tmp_path)
    alone = tmp_path / "alone" / "base.onnx"
    alone.parent.mkdir()
    alone.write_bytes(SHIPPED.read_bytes())
    found = eight_bits(alone, tmp_path)[1]
    with pytest.raises(DeviceError, match=r"no mine\.fp32\.onnx beside it"):
        file_on(found.path, "cuda")


def test_it_says_what_it_is(tmp_path):
    """Labels, thresholds, licence and origin stand in its spec; no path does."""
    base, _, found = written(tmp_path)
    spec = spec_in(found.path)
    assert spec == found.spec
    assert spec.labels == LABELS
    assert spec.kind == "multi"
    assert dict(spec.thresholds) == dict.fromkeys(LABELS, 0.6)
    assert spec.weights_licence == "CC BY 4.0"
    assert spec.training["learned_on"] == "fake"
    assert str(tmp_path) not in spec.to_json()
    properties = {prop.key for prop in onnx.load(found.path).metadata_props}
    assert GOLDEN_KEY in properties
    assert sorted(tmp_path.iterdir()) == [base.path, found.path]


def test_the_labels_of_the_base_can_stay(tmp_path):
    """In front of the learned ones, but for those that were learned anew."""
    base, lesson, found = written(tmp_path, keep_labels=True)
    assert found.spec.labels == ("high", *LABELS)
    windows = np.random.default_rng(0).uniform(-1, 1, (2, 4000)).astype(np.float32)
    scores, embedding = load_engine(found.path, device="cpu").run_embedding(windows)
    np.testing.assert_allclose(scores[:, 0], base.scores(embedding)[:, 1], atol=1e-6)
    own = sigmoid(lesson.head.logits(base.features(embedding)))
    np.testing.assert_allclose(scores[:, 1:], own, atol=TOLERANCE)


def test_what_was_learned_can_be_learned_on(tmp_path):
    """A learned model is a base as any other, and gives the embedding of its own base."""
    base, _, first = written(tmp_path)
    again = BaseModel(first.path, first.spec)
    assert again.labels == LABELS
    lesson = learned(N_EMBEDDING + 3, ("House",))
    naming = Naming(name="second", rules=GenreRules(), about={})
    second = write_model(again, lesson, naming, tmp_path / "second.onnx")
    assert second.parity < TOLERANCE
    assert second.spec.training["embedding_of"] == first.spec.training["embedding_of"]
    load_engine(second.path, device="cpu")
    assert base.labels == ("low", "high")


def test_the_tree_of_the_owner_stands_above_the_labels(tmp_path):
    """And moods are moods."""
    rules = GenreRules(tree={"krautrock": ("Rock",), "rock": ("Guitars",)})
    spec = written(tmp_path, rules=rules)[2].spec
    assert dict(spec.parents) == {"Krautrock": "Rock", "Rock": "Guitars"}
    assert written(tmp_path, rules=rules, kind="mood")[2].spec.kinds == dict.fromkeys(
        LABELS, "mood"
    )


def test_a_model_without_an_embedding_teaches_nothing(tmp_path):
    """It is named, and where others are found."""
    path = save_tone_model(tmp_path / "plain.onnx", embedding=False)
    with pytest.raises(ModelError, match=r"plain\.onnx: this model gives no embedding"):
        BaseModel(path, spec_in(path))
