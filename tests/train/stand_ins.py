"""Small teachers as ONNX files, whose answers can be computed by hand."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RATE = 8_000
LABELS = ("loud", "shrill", "low")
WEIGHT = np.array([[9.0, 0.0], [0.0, 9.0], [9.0, -9.0]], np.float32)
BIAS = np.array([-2.0, -2.0, 0.0], np.float32)
MIX = np.array([[1.0, 2.0], [3.0, -1.0]], np.float32)


def traits(windows):
    """Mean level and mean change of windows, shape (n, 2)."""
    level = np.abs(windows).mean(axis=1)
    change = np.abs(windows[:, 1:] - windows[:, :-1]).mean(axis=1)
    return np.stack([level, change], axis=1)


def by_hand(windows):
    """(scores, embedding) of windows, as a stand-in gives them."""
    found = traits(windows)
    scores = 1 / (1 + np.exp(-(found @ WEIGHT.T + BIAS)))
    return scores, found @ MIX.T


def write_teacher(
    path, *, n_samples="samples", card=None, tags="tags", embedding=True, spoilt=False
):
    """Write NAME.onnx, and NAME.json beside it unless `card` is False.

    Args:
        path: of the ONNX file.
        n_samples: of the input, or a name for any number.
        card: fields of the card that differ from the default.
        tags: name of the output of scores.
        embedding: whether there is an output `embedding`.
        spoilt: scores are no numbers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    constants = {
        "weight": WEIGHT, "bias": BIAS * (np.nan if spoilt else 1), "mix": MIX,
        "zero": np.array([0]), "one": np.array([1]), "minus": np.array([-1]),
        "end": np.array([2**40]), "axis": np.array([1]),
    }  # fmt: skip
    nodes = [
        helper.make_node("Slice", ["waveform", "one", "end", "axis"], ["later"]),
        helper.make_node("Slice", ["waveform", "zero", "minus", "axis"], ["earlier"]),
        helper.make_node("Sub", ["later", "earlier"], ["steps"]),
        helper.make_node("Abs", ["steps"], ["sizes"]),
        helper.make_node("Abs", ["waveform"], ["levels"]),
        helper.make_node("ReduceMean", ["levels", "axis"], ["level"]),
        helper.make_node("ReduceMean", ["sizes", "axis"], ["change"]),
        helper.make_node("Concat", ["level", "change"], ["traits"], axis=1),
        helper.make_node("Gemm", ["traits", "weight", "bias"], ["logits"], transB=1),
        helper.make_node("Sigmoid", ["logits"], [tags]),
    ]
    outputs = [helper.make_tensor_value_info(tags, TensorProto.FLOAT, ["batch", len(LABELS)])]
    if embedding:
        nodes.append(helper.make_node("Gemm", ["traits", "mix"], ["embedding"], transB=1))
        outputs.append(
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 2])
        )
    given = helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", n_samples])
    graph = helper.make_graph(
        nodes, "teacher", [given], outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.save(model, path)
    if card is not False:
        fields = {"sample_rate": RATE, "labels": LABELS, "licence": "MIT (nobody)"}
        fields |= {"embedding": 2} if embedding else {}
        path.with_suffix(".json").write_text(json.dumps(fields | (card or {})))
    return path
