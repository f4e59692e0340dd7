"""A model file that says the same of all music: what is tested is what becomes of it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tagger.model.spec import METADATA_KEY
from tests.engines import make_spec

LABELS = ("Rock", "Techno")
LOGITS = (3.0, -3.0)
"""Before the sigmoid: sure of the first label, and that it is not the second."""


def save_sure_model(path: Path) -> Path:
    """Write a model whose only genre for anything is the first of `LABELS`."""
    spec = make_spec(labels=LABELS, thresholds=dict.fromkeys(LABELS, 0.5))
    node, value = helper.make_node, helper.make_tensor_value_info
    constants = {"weight": np.zeros((1, 2), np.float32), "bias": np.float32(LOGITS)}
    graph = helper.make_graph(
        [
            node("ReduceMean", ["waveform"], ["mean"], axes=[1], keepdims=1),
            node("Gemm", ["mean", "weight", "bias"], ["logits"]),
            node("Sigmoid", ["logits"], ["scores"]),
        ],
        "sure",
        [value("waveform", TensorProto.FLOAT, ["batch", spec.window_len])],
        [value("scores", TensorProto.FLOAT, ["batch", len(LABELS)])],
        [numpy_helper.from_array(one, name) for name, one in constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    model.metadata_props.add(key=METADATA_KEY, value=spec.to_json())
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
