"""Frames that the network does not look at are not computed, and nobody can tell."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.graph import to_graph
from export.parity import sounds
from export.trimmed_front_end import add_trimmed_front_end
from tagger.errors import ModelError
from tagger.model.trimmed_front_end import METADATA_KEY, lean_bytes, lean_model
from tests.train.small import tree
from train.config.config import from_tree
from train.models.network import TaggerNet


def network(features="mel", body="lstm", *, decimate=3, n_rows=0, **changes):
    """A small network that looks at every `decimate`-th frame, and its window's length."""
    fields = tree(features, body, **changes)
    fields["body_options"] = fields["body_options"] | {"decimate": decimate}
    if n_rows:
        fields["body_options"]["n_rows"] = n_rows
    config = from_tree(fields)
    torch.manual_seed(0)
    net = TaggerNet(config.network(), n_labels=3).eval()
    net.label_scale.fill_(10.0)  # random weights alone tell most sounds hardly apart
    return net, config.features_options.window_len


def scores(model, windows):
    """What a graph answers."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(["scores"], {"waveform": windows})[0]


@pytest.fixture(scope="module")
def models():
    """A graph with a front end trimmed to four frames, one whose network sees all frames."""
    net, window_len = network("mel", "cnn-lstm", decimate=4)
    model = to_graph(net, window_len=window_len)
    assert add_trimmed_front_end(model, net, window_len=window_len)
    other_net, _ = network("mel", "cnn-lstm", decimate=1)
    other = to_graph(other_net, window_len=window_len)
    assert not add_trimmed_front_end(other, other_net, window_len=window_len)
    return model, other


@pytest.mark.parametrize(
    ("features", "decimate"), [("mel", 3), ("mfcc", 2), ("chroma", 5), ("midi", 3)]
)
def test_the_trimmed_graph_gives_the_same_scores(features, decimate):
    """On every kind of sound, whether the frames divide by the step or not."""
    net, window_len = network(features, decimate=decimate)
    model = to_graph(net, window_len=window_len)
    assert add_trimmed_front_end(model, net, window_len=window_len)
    windows = np.stack(list(sounds(window_len, sample_rate=22_050).values()))
    full = scores(model, windows)
    np.testing.assert_allclose(scores(lean_model(model), windows), full, atol=1e-5)
    assert np.ptp(full, axis=0).max() > 1e-3  # the sounds are not all alike to it


@pytest.mark.parametrize(("features", "decimate"), [("mel", 3), ("mel", 1), ("mfcc", 2)])
def test_rows_that_the_network_drops_change_nothing(features, decimate):
    """The trimmed front end leaves out high bands of mel, and the scores stay."""
    net, window_len = network(features, "cnn-lstm", decimate=decimate, n_rows=12)
    model = to_graph(net, window_len=window_len)
    assert add_trimmed_front_end(model, net, window_len=window_len)
    windows = np.stack(list(sounds(window_len, sample_rate=22_050).values()))
    full = scores(model, windows)
    np.testing.assert_allclose(scores(lean_model(model), windows), full, atol=1e-5)
    assert np.ptp(full, axis=0).max() > 1e-3


def test_the_trimmed_graph_computes_the_low_bands_alone():
    """Twelve rows of mel leave it, and the bases of its products are smaller."""
    net, window_len = network("mel", "cnn-lstm", decimate=3, n_rows=12)
    model = to_graph(net, window_len=window_len)
    add_trimmed_front_end(model, net, window_len=window_len)
    trimmed = onnx.shape_inference.infer_shapes(lean_model(model), data_prop=True)
    rows = {
        tensor.name: tensor.type.tensor_type.shape.dim[1].dim_value  # (batch, rows, frames)
        for tensor in trimmed.graph.value_info
        if len(tensor.type.tensor_type.shape.dim) == 3
    }
    assert rows["lean.features"] == 12

    def basis(graph):
        return max(
            np.prod(tensor.dims) for tensor in graph.initializer if len(tensor.dims) == 3
        )

    assert basis(trimmed.graph) < basis(model.graph) / 2


def test_what_high_bands_hold_is_not_heard():
    """A network of the low bands answers the same whatever lies above them."""
    net, _ = network("mel", "cnn-lstm", decimate=1, n_rows=12)
    features = torch.randn(2, 32, 16) * 10 - 30
    other = features.clone()
    other[:, 12:] = -80.0
    torch.testing.assert_close(net.from_features(features), net.from_features(other))


def test_the_trimmed_graph_has_fewer_frames_and_no_second_basis(models):
    """Its constants are those of the model; only the few frames that are wanted are cut."""
    trimmed = onnx.shape_inference.infer_shapes(lean_model(models[0]), data_prop=True)
    frames = [
        tensor.type.tensor_type.shape.dim[-1].dim_value
        for tensor in trimmed.graph.value_info
        if tensor.name == "lean.features"
    ]
    assert frames == [4]
    assert "features" not in {name for node in trimmed.graph.node for name in node.output}
    large = [tensor.name for tensor in trimmed.graph.initializer if np.prod(tensor.dims) > 64]
    assert [name for name in large if name.startswith("lean.")] == []


def test_a_graph_that_it_does_not_fit_is_refused(models):
    """Lean nodes of another graph are an error that says what to do, no wrong answer."""
    other = onnx.ModelProto.FromString(models[1].SerializeToString())
    assert not other.metadata_props  # a network that looks at every frame has none
    other.metadata_props.extend(models[0].metadata_props)
    with pytest.raises(ModelError, match="export the model again"):
        lean_model(other)


def test_the_file_itself_is_left_as_it_is(models, tmp_path):
    """Only what is loaded is trimmed; a file without the entry is loaded as it is."""
    path = tmp_path / "model.onnx"
    path.write_bytes(models[1].SerializeToString())
    assert lean_bytes(path) is None
    path.write_bytes(models[0].SerializeToString())
    before = path.read_bytes()
    trimmed = onnx.ModelProto.FromString(lean_bytes(path))
    assert METADATA_KEY not in {prop.key for prop in trimmed.metadata_props}
    assert path.read_bytes() == before
