"""A model file with an embedding: the levels of a window at sixteen frequencies."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tagger.model.spec import METADATA_KEY
from tests.engines import RATE, make_spec

HZ = np.geomspace(150, 3000, 16)
"""Where it listens."""

N_EMBEDDING = len(HZ)


def save_tone_model(
    path: Path, *, embedding: bool = True, past: bool = False, **changes
) -> Path:
    """Write a model that tells low tones from high ones.

    Args:
        path: the file.
        embedding: whether it names its embedding.
        past: its scores need more of the waveform than the embedding.
        changes: of its spec.
    """
    spec = make_spec(**({"embedding": N_EMBEDDING} if embedding else {}), **changes)
    t = np.arange(spec.window_len) / RATE
    bases = np.exp(2j * np.pi * HZ[None] * t[:, None]) * 2 / spec.window_len
    is_high = (HZ > 1000).astype(np.float32)
    weight = np.stack([1 - 2 * is_high, 2 * is_high - 1], axis=1) / 4
    constants = {
        "cosine": bases.real.astype(np.float32),
        "sine": bases.imag.astype(np.float32),
        "floor": np.float32(1e-5),
        "weight": weight.astype(np.float32),
        "bias": np.zeros(2, np.float32),
    }
    node = helper.make_node
    nodes = [
        node("MatMul", ["waveform", "cosine"], ["re"]),
        node("MatMul", ["waveform", "sine"], ["im"]),
        node("Mul", ["re", "re"], ["re2"]),
        node("Mul", ["im", "im"], ["im2"]),
        node("Add", ["re2", "im2"], ["power"]),
        node("Add", ["power", "floor"], ["above"]),
        node("Log", ["above"], ["embedding"]),
        node("Gemm", ["embedding", "weight", "bias"], ["logits"]),
        node("Sigmoid", ["logits"], ["certain" if past else "scores"]),
    ]
    if past:
        nodes += [
            node("ReduceMax", ["waveform"], ["peak"], axes=[1], keepdims=1),
            node("Clip", ["peak", "zero", "one"], ["loud"]),
            node("Mul", ["certain", "loud"], ["scores"]),
        ]
        constants |= {"zero": np.float32(0), "one": np.float32(1)}
    shape = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "tones",
        [shape("waveform", TensorProto.FLOAT, ["batch", spec.window_len])],
        [
            shape("scores", TensorProto.FLOAT, ["batch", len(spec.labels)]),
            shape("embedding", TensorProto.FLOAT, ["batch", N_EMBEDDING]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    model.metadata_props.add(key=METADATA_KEY, value=spec.to_json())
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
