import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from export.check import check_model
from export.graph import to_graph
from export.parity import GraphKind, compare_outputs, of_graph, of_network
from export.precision import (
    EIGHT_BITS_FOR,
    full_precision_nodes,
    to_half,
    to_int8,
    with_names,
)
from export.run import ExportOptions, export_checkpoint
from tagger.errors import InputError, ModelError
from tagger.model.load import load_engine
from tests.train import small
from train.config.config import from_tree
from train.models.checkpoint import Checkpoint, save
from train.models.network import TaggerNet

SMALL = {
    "features_options": {"n_frames": 16, "n_mels": 32},
    "body_options": {"channels": [4, 8, 8], "pools": [[2, 2], [2, 1]], "n_hidden": 8},
}
LABELS = ("one", "two", "three")


@pytest.fixture(scope="module")
def network():
    """A small network with random weights."""
    torch.manual_seed(0)
    config = from_tree(SMALL)
    return TaggerNet(config.network(), n_labels=len(LABELS)).eval(), config


@pytest.fixture(scope="module")
def model(network):
    """Its float32 graph."""
    return to_graph(network[0], window_len=network[1].features_options.window_len)


def scores(model, windows):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["scores"], {"waveform": windows})[0]


def test_half_precision_answers_within_its_tolerance(network, model):
    """Silence, full scale, DC and noise included: nothing overflows."""
    rows = compare_outputs(
        of_network(network[0]),
        of_graph(to_half(model)),
        window_len=network[1].features_options.window_len,
        sample_rate=22_050,
        kind=GraphKind(precision="fp16"),
    )
    assert [row for row in rows if not row.passed] == []


def test_half_precision_keeps_the_features_and_the_head_whole(model):
    """The body's weights are float16; what is up to the features, and the head, is not."""
    half = to_half(model)
    kinds = {tensor.name: tensor.data_type for tensor in half.graph.initializer}
    halved = {name for name, kind in kinds.items() if kind == TensorProto.FLOAT16}
    assert any("conv1" in name for name in halved)
    assert not any("front_end" in name or "head" in name for name in halved)
    values = {
        tensor.name: tensor.type.tensor_type.elem_type for tensor in half.graph.value_info
    }
    assert values["features"] == TensorProto.FLOAT
    assert {output.type.tensor_type.elem_type for output in half.graph.output} == {
        TensorProto.FLOAT
    }


def test_a_weight_that_half_precision_cannot_hold_is_refused(model):
    """An overflow is an error at export, never an infinity in a score."""
    large = with_names(model)
    weight = next(tensor for tensor in large.graph.initializer if "conv1" in tensor.name)
    values = onnx.numpy_helper.to_array(weight) + 1e6
    weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float32), weight.name))
    with pytest.raises(ModelError, match="half precision"):
        to_half(large)


@pytest.mark.parametrize("made_for", EIGHT_BITS_FOR)
def test_eight_bits_leave_the_front_end_and_the_recurrent_layer_alone(model, made_for):
    """Only the body's convolutions and products are quantised, and the answer stays near."""
    rng = np.random.default_rng(0)
    window_len = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    windows = (0.1 * rng.standard_normal((4, window_len))).astype(np.float32)
    small = to_int8(model, list(windows), made_for=made_for)
    kept = full_precision_nodes(with_names(model))
    assert any("LSTM" in node.op_type for node in small.graph.node)
    assert sum(node.op_type == "QuantizeLinear" for node in small.graph.node) > 0
    assert not [
        node
        for node in small.graph.node
        if node.op_type == "QuantizeLinear" and node.name in kept
    ]
    np.testing.assert_allclose(scores(small, windows), scores(model, windows), atol=0.15)


def test_normalisations_stay_whole():
    """A layer that sums squares overflows first: it stays in float32, its neighbours do not."""
    torch.manual_seed(0)
    config = from_tree(small.tree("mel", "cnn-transformer"))
    net = TaggerNet(config.network(), n_labels=3).eval()
    half = to_half(to_graph(net, window_len=config.features_options.window_len))
    kinds = {tensor.name: tensor.type.tensor_type.elem_type for tensor in half.graph.value_info}
    outputs = {node.op_type: node.output[0] for node in half.graph.node}
    assert kinds[outputs["LayerNormalization"]] == TensorProto.FLOAT
    assert kinds[outputs["Erf"]] == TensorProto.FLOAT16


def test_eight_bits_are_as_tensorrt_wants_them(model):
    """Signed, around zero, by channel, and biases left alone."""
    rng = np.random.default_rng(0)
    window_len = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    noise = (0.1 * rng.standard_normal(window_len)).astype(np.float32)
    small_model = to_int8(model, [noise], made_for="gpu")
    arrays = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in small_model.graph.initializer
    }
    steps = [node for node in small_model.graph.node if node.op_type == "DequantizeLinear"]
    assert steps
    for step in steps:
        assert arrays[step.input[2]].dtype == np.int8
        assert not arrays[step.input[2]].any()
    assert any(arrays[step.input[1]].size > 1 for step in steps)


def test_eight_bits_for_processors_leave_no_convolution_behind(model):
    """Weights of seven bits around zero; all operands of the body's convolutions are whole."""
    rng = np.random.default_rng(0)
    window_len = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    noise = (0.1 * rng.standard_normal(window_len)).astype(np.float32)
    graph = to_int8(model, [noise], made_for="cpu").graph
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    kept = full_precision_nodes(with_names(model))
    convolutions = [n for n in graph.node if n.op_type == "Conv" and n.name not in kept]
    assert convolutions
    for node in convolutions:
        turned = [makers[name] for name in node.input]
        assert {step.op_type for step in turned} == {"DequantizeLinear"}
        of_zero = [kinds[step.input[2]] for step in turned]
        whole = [TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32]
        assert of_zero == whole[: len(turned)]  # some have no bias
        assert np.abs(arrays[turned[1].input[0]].astype(int)).max() <= 64


def test_eight_bits_need_music(model, tmp_path, network):
    """Without calibration clips nothing is made."""
    with pytest.raises(ModelError, match="calibrate"):
        to_int8(model, [], made_for="cpu")
    net, config = network
    save(
        Checkpoint(net, config, LABELS, {"thresholds": dict.fromkeys(LABELS, 0.4)}),
        tmp_path / "b.pt",
    )
    with pytest.raises(InputError, match="--calibration"):
        export_checkpoint(
            tmp_path / "b.pt", tmp_path / "m.onnx", ExportOptions(precision="int8"), say=print
        )
    assert not (tmp_path / "m.onnx").exists()


def test_a_half_precision_model_says_so_and_passes_its_golden_check(network, tmp_path):
    """The file names its precision, and loading it compares the answers."""
    net, config = network
    facts = {"thresholds": dict.fromkeys(LABELS, 0.4)}
    save(Checkpoint(net, config, LABELS, facts), tmp_path / "b.pt")
    path = export_checkpoint(
        tmp_path / "b.pt",
        tmp_path / "m.onnx",
        ExportOptions(precision="fp16", report=tmp_path / "parity.json"),
        say=lambda _: None,
    )
    engine = load_engine(path, device="cpu")
    assert engine.spec.precision == "fp16"
    assert engine.golden < 1e-3
    assert (tmp_path / "parity.json").stat().st_size > 100


def test_an_exported_model_is_ready_for_gpus(model):
    """Nothing known stands in the way of our own graphs, in either precision."""
    assert check_model(model) == []
    assert check_model(to_half(model)) == []
