"""Networks as Essentia publishes them: shapes, names and `.json`, with weights made up."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STYLES = (
    "Electronic---House", "Electronic---Drum n Bass", "Electronic---Hip Hop", "Hip Hop---Trap",
    "Electronic---Experimental", "Rock---Experimental", "Reggae---Reggae", "Funk / Soul---Funk",
    "Non-Music---Interview", "Electronic---Italo-Disco",
)  # fmt: skip


def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def weights(name, *shape, seed=0):
    rng = np.random.default_rng(seed)
    array = rng.normal(0, 1 / np.sqrt(shape[0]), shape).astype(np.float32)
    return numpy_helper.from_array(array, name)


def save(path, nodes, takes, gives, constants, *, opset=13):
    graph = helper.make_graph(nodes, "tf2onnx", [takes], gives, constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def backbone(path, *, frames=128, bands=96, width=1280, n_classes=10, batch="batch",
             channel=False):  # fmt: skip
    """(batch, frames, bands) -> `activations` and `embeddings`, by a mean and a maximum."""
    shape = (batch, 1, frames, bands) if channel else (batch, frames, bands)
    axes = [1, 2] if channel else [1]
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["melspectrogram"], ["mean"], axes=axes, keepdims=0),
        node("MatMul", ["mean", "w"], ["hidden"]),
        node("Relu", ["hidden"], ["embeddings"]),
        node("MatMul", ["embeddings", "v"], ["logits"]),
        node("Sigmoid", ["logits"], ["activations"]),
    ]
    constants = [weights("w", bands, width), weights("v", width, n_classes, seed=1)]
    gives = [value("activations", batch, n_classes), value("embeddings", batch, width)]
    return save(path, nodes, value("melspectrogram", *shape), gives, constants)


def head(path, *, width=1280, n_classes=3):
    """(batch, width) -> `activations`, with the input's name as TensorFlow wrote it."""
    nodes = [
        helper.make_node("MatMul", ["model/Placeholder", "w"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["activations"]),
    ]
    return save(
        path, nodes, value("model/Placeholder", "batch", width),
        [value("activations", "batch", n_classes)], [weights("w", width, n_classes, seed=2)],
    )  # fmt: skip


def metadata(path, classes, *, name="EffnetDiscogs", of="TensorflowPredictEffnetDiscogs",
             is_head=False, op="Sigmoid"):  # fmt: skip
    inference = {"sample_rate": 16_000, "algorithm": of}
    if is_head:
        inference = {
            "sample_rate": 16_000, "algorithm": "TensorflowPredict2D",
            "embedding_model": {"algorithm": of, "model_name": "discogs-effnet-bs64-1"},
        }  # fmt: skip
    outputs = [
        {"name": "PartitionedCall:1", "op": "Flatten", "output_purpose": "embeddings"},
        {"name": "PartitionedCall:0", "op": op, "output_purpose": "predictions"},
    ]
    found = {
        "name": name, "classes": list(classes), "inference": inference,
        "schema": {"inputs": [], "outputs": outputs},
    }  # fmt: skip
    path.write_text(json.dumps(found))
    return path
