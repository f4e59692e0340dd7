"""`tagger export --check` finds every node that CUDA or TensorRT would not take."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from export.check import check_file, check_model
from export.readiness import check_readiness
from tagger.errors import ModelError
from tagger.model.catalogue import DEFAULT, find_model
from tests.cli.test_cli import tagger

FLOAT, HALF, DOUBLE, INT8, UINT8 = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.DOUBLE,
    TensorProto.INT8,
    TensorProto.UINT8,
)
node = helper.make_node


def graph_of(*nodes, shape=(None, 8), kind=FLOAT, constants=(), opset=18):
    """A model made of nodes, for the checker; shapes are inferred as far as they can be."""
    value = helper.make_tensor_value_info("waveform", kind, shape)
    out = helper.make_tensor_value_info("scores", kind, [None, 8])
    held = [numpy_helper.from_array(array, name) for name, array in constants]
    graph = helper.make_graph(list(nodes), "g", [value], [out], held)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_model(graph, opset_imports=imports)
    return onnx.shape_inference.infer_shapes(made)


def one(operator, **attributes):
    """A graph of one node with one input."""
    return graph_of(node(operator, ["waveform"], ["scores"], **attributes))


def recurrent(operator="LSTM", *, inputs=("waveform", "w", "r"), computed=(), **attributes):
    """A graph of a recurrent layer; the inputs in `computed` are no constants."""
    held = [(name, np.zeros((1, 4, 8), np.float32)) for name in ("w", "r", "b", "p")]
    held = [pair for pair in held if pair[0] not in computed]
    before = [node("Abs", ["waveform"], [name]) for name in computed]
    layer = node(operator, list(inputs), ["scores"], hidden_size=1, **attributes)
    return graph_of(*before, layer, constants=held)


def quantised(*, kind=np.int8, zero=0):
    """A graph that goes through eight bits."""
    held = [("scale", np.float32(0.1)), ("zero", np.array(zero, kind))]
    return graph_of(
        node("QuantizeLinear", ["waveform", "scale", "zero"], ["q"]),
        node("DequantizeLinear", ["q", "scale", "zero"], ["scores"]),
        constants=held,
    )


RELU = node("Relu", ["waveform"], ["scores"])
K = [("k", np.array([5000], np.int64))]
CASES = {
    "no kernel": (one("Det"), "cuda", "no CUDA kernel: it runs on the CPU"),
    "no parser": (one("Det"), "tensorrt", "not taken by TensorRT's parser"),
    "no kernel for tan": (one("Tan"), "cuda", "no CUDA kernel"),
    "spectrogram": (
        graph_of(
            node("STFT", ["waveform", "step", "window"], ["scores"]),
            constants=[("step", np.int64(4)), ("window", np.ones(8, np.float32))],
        ),
        "cuda",
        "no CUDA kernel",
    ),
    "other domain": (one("Gelu", domain="com.microsoft"), "tensorrt", "domain com.microsoft"),
    "double": (graph_of(RELU, kind=DOUBLE), "tensorrt", "in DOUBLE"),
    "kernel of another type": (
        graph_of(node("Pad", ["waveform", "pads"], ["scores"]), kind=TensorProto.INT64),
        "cuda",
        "no CUDA kernel for INT64",
    ),
    "fixed batch": (graph_of(RELU, shape=(4, 8)), "contract", "fixed batch 4"),
    "dynamic window": (graph_of(RELU, shape=(None, None)), "tensorrt", "dynamic dimension"),
    "no features": (graph_of(RELU), "contract", "'features'"),
    "training": (one("Dropout"), "contract", "drops values"),
    "opset": (graph_of(RELU, opset=25), "tensorrt", "opset 25"),
    "nine dimensions": (graph_of(RELU, shape=(None, *[1] * 8)), "tensorrt", "9 dimensions"),
    "size by content": (one("NonZero"), "tensorrt", "size depends"),
    "computed axes": (
        graph_of(
            node("Shape", ["waveform"], ["axes"]),
            node("ReduceSum", ["waveform", "axes"], ["scores"]),
        ),
        "tensorrt",
        "its input 1 is computed",
    ),
    "too many": (
        graph_of(node("TopK", ["waveform", "k"], ["scores", "places"]), constants=K),
        "tensorrt",
        "takes 3840 or more",
    ),
    "dilated pool": (
        one("MaxPool", kernel_shape=[2, 2], dilations=[2, 1]),
        "tensorrt",
        "dilations",
    ),
    "pool with indices": (
        graph_of(node("MaxPool", ["waveform"], ["scores", "at"], kernel_shape=[2, 2])),
        "tensorrt",
        "further outputs",
    ),
    "computed weights": (recurrent(computed=("r",)), "tensorrt", "its input 2 is computed"),
    "sequence lengths": (
        recurrent(inputs=("waveform", "w", "r", "b", "waveform")),
        "tensorrt",
        "sequence lengths",
    ),
    "batch-major": (recurrent(layout=1), "tensorrt", "batch-major"),
    "clipped cells": (recurrent(clip=1.0), "tensorrt", "clips its cells"),
    "coupled gates": (recurrent(input_forget=1), "tensorrt", "couples"),
    "peepholes": (
        recurrent(inputs=("waveform", "w", "r", "b", "", "", "", "p")),
        "tensorrt",
        "peepholes",
    ),
    "two activations": (
        recurrent(
            "GRU",
            direction="bidirectional",
            activations=["Sigmoid", "Tanh", "Sigmoid", "Relu"],
        ),
        "tensorrt",
        "backwards",
    ),
    "unsigned bits": (quantised(kind=np.uint8), "tensorrt", "quantises to UINT8"),
    "shifted zero": (quantised(zero=3), "tensorrt", "zero point is not zero"),
}


@pytest.mark.parametrize(("model", "target", "said"), CASES.values(), ids=CASES)
def test_each_obstacle_is_found_with_its_remedy(model, target, said):
    """Operators, types, shapes, recurrent layers, eight bits and our contract are looked at."""
    found = [
        finding
        for finding in check_model(model)
        if finding.target == target and said in finding.what
    ]
    assert found
    assert all(item.remedy and item.where for item in found)


@pytest.mark.parametrize(
    "model",
    [
        one("Relu"),
        recurrent(),
        recurrent("GRU", direction="bidirectional"),
        recurrent(activations=["Sigmoid", "Tanh", "Tanh"]),
        quantised(),
        graph_of(RELU, kind=HALF),
    ],
)
def test_what_can_run_is_not_complained_about(model):
    """A sound graph has nothing but its missing `features` against it."""
    assert [finding.what for finding in check_model(model)] == [
        "has no tensor named 'features'"
    ]


def test_the_shipped_model_is_ready_and_its_profile_is_shown():
    """The table names input, type and the three shapes that TensorRT is told."""
    console = Console(record=True, width=120)
    assert check_readiness(find_model(DEFAULT), console=console) == 0
    said = console.export_text()
    assert "TensorRT: nothing known stands in the way" in said
    assert "1x160112" in said
    assert "32x160112" in said


def test_findings_are_a_table_and_exit_with_1(tmp_path):
    """Any model can be checked; each row has a place, what is wrong and the remedy."""
    onnx.save(one("Det"), tmp_path / "det.onnx")
    done = tagger("export", tmp_path / "det.onnx", "--check")
    assert done.returncode == 1
    assert "CUDA: 1 findings" in done.stdout
    for column in ("where", "what", "remedy"):
        assert column in done.stdout
    assert "Det scores" in done.stdout


def test_a_file_that_is_no_model_cannot_be_checked(tmp_path):
    """The message names the file."""
    (tmp_path / "x.onnx").write_text("no model")
    with pytest.raises(ModelError, match=r"x\.onnx"):
        check_file(tmp_path / "x.onnx")
