"""Readers, front ends and tables of the public models."""

import re

import librosa
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from export.public.builder import Builder
from export.public.front_ends import MelRecipe, add_front_end
from export.public.registry import FILE, find_public, names
from export.public.tensor_bundle import read_bundle
from export.public.vocabulary import FOLDER, read_vocabulary
from tagger.errors import ModelError
from tagger.model.label_tree import LABEL_KINDS, tree_contradictions
from tests.export.public import stand_ins

ARRAYS = {
    "a/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "a/kernel_1": np.arange(3, dtype=np.float32),
    "b": np.float32([[[2.5]]]),
    "scalar": np.float32(7),
}


@pytest.mark.parametrize("block_of", [1, 2, 100])
def test_a_checkpoint_is_read_whatever_its_blocks(block_of):
    """Names that share their beginnings, several blocks, a scalar."""
    found = read_bundle(*stand_ins.bundle(ARRAYS, block_of=block_of), where="x")
    assert sorted(found) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array)


def test_a_checkpoint_that_is_cut_off_is_no_checkpoint():
    """Neither a short index, nor another file, nor too few values pass."""
    index, values = stand_ins.bundle(ARRAYS)
    for broken in (b"", index[:-1], index[40:], b"x" * 100, b"\xff" * 60 + index[-48:]):
        with pytest.raises(ModelError, match="not an index"):
            read_bundle(broken, values, where="x")
    with pytest.raises(ModelError, match="cut off"):
        read_bundle(index, values[:-1], where="x")


def features_of(recipe, windows):
    """What the nodes of a front end compute."""
    builder = Builder()
    add_front_end(builder, recipe)
    graph = helper.make_graph(
        builder.nodes,
        "front end",
        [
            helper.make_tensor_value_info(
                "waveform", TensorProto.FLOAT, ["b", recipe.window_len]
            )
        ],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, None)],
        builder.constants,
    )
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"waveform": windows})[0]


@pytest.mark.parametrize(
    "recipe",
    [
        MelRecipe(),
        MelRecipe(scale="htk", level="db", is_centred=True, n_mels=128, n_frames=231),
        MelRecipe(scale="htk", level="db", is_centred=True, n_frames=1813),
    ],
    ids=["musicnn", "short-chunk", "fcn"],
)
def test_features_are_librosas(recipe):
    """Music-like noise of several levels, and silence."""
    rng = np.random.default_rng(0)
    levels = np.array([[1.0], [0.1], [0.001], [0.0]])
    windows = (levels * rng.normal(0, 0.3, (4, recipe.window_len))).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=windows,
        sr=recipe.sample_rate,
        n_fft=recipe.n_fft,
        hop_length=recipe.hop_len,
        n_mels=recipe.n_mels,
        center=recipe.is_centred,
        pad_mode="reflect",
        htk=recipe.scale == "htk",
        norm="slaney" if recipe.scale == "slaney" else None,
    )
    if recipe.level == "log10":
        expected = np.log10(10_000 * power + 1)
    else:
        expected = 10 * np.log10(np.maximum(power, 1e-10))
    found = features_of(recipe, windows)
    assert found.shape == (4, recipe.n_mels, recipe.n_frames)
    assert np.abs(found - expected).max() < 2e-3


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.csv")))
def test_every_vocabulary_fits_our_tree(name):
    """Kinds that we know, no circles, each label once, genres among them, no decade."""
    vocabulary = read_vocabulary(name)
    labels = [label.name for label in vocabulary.labels]
    assert len(set(labels)) == len(labels)
    assert {label.kind for label in vocabulary.labels} <= set(LABEL_KINDS)
    assert tree_contradictions(labels, vocabulary.parents, vocabulary.kinds) == []
    assert len([label for label in vocabulary.labels if label.kind == "genre"]) >= 10
    assert not [label for label in labels if re.fullmatch(r"\d\ds", label)]
    assert all(label == label.strip() and label[0].isupper() for label in labels)


def test_vocabularies_speak_as_the_shipped_model_does():
    """The same genre has the same spelling in each of them."""
    shipped = {"Blues", "Classical", "Country", "Electronic", "Folk", "Hip-Hop", "Jazz", "R&B"}
    every = {path.stem: read_vocabulary(path.stem) for path in FOLDER.glob("*.csv")}
    spelled = {label.name for item in every.values() for label in item.labels}
    assert shipped <= spelled
    by_key = {}
    for name in spelled:
        by_key.setdefault(re.sub(r"[^a-z]", "", name.casefold()), set()).add(name)
    assert [item for item in by_key.values() if len(item) > 1] == []


def test_labels_with_two_parents_are_a_mistake_of_the_table(tmp_path):
    """Rows of the same label must agree."""
    rows = "tag,label,kind,parent\na,Rock,genre,\nb,Rock,genre,Pop\n"
    (tmp_path / "x.csv").write_text(rows)
    with pytest.raises(ModelError, match="two kinds or two parents"):
        read_vocabulary("x", folder=tmp_path)


def test_every_address_stands_with_its_digest():
    """No address without a digest, none that is not encrypted, none outside the table."""
    text = FILE.read_text(encoding="utf-8")
    addresses = re.findall(r'^address = "(.*)"$', text, flags=re.MULTILINE)
    digests = re.findall(r'^sha256 = "([0-9a-f]{64})"$', text, flags=re.MULTILINE)
    assert len(addresses) == len(digests) >= 1
    assert all(address.startswith("https://") for address in addresses)
    assert all(find_public(name) for name in names())
    others = [
        path
        for path in FILE.parent.rglob("*.py")
        if re.search(r"https://\S+\.(whl|pth?|pb|onnx|tflite)\b", path.read_text())
    ]
    assert others == []
