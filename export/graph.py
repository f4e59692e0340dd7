"""Network -> ONNX graph with the names of the model contract, and nothing it does not need."""

import logging
import warnings
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, NodeProto, numpy_helper
from onnxscript import optimizer
from torch import Tensor, nn
from torch.export import Dim

from tagger.errors import ModelError
from tagger.model.session import EMBEDDING, OUTPUT
from tagger.model.spec import MAX_EMBEDDING
from tagger.model.trimmed_front_end import FEATURES
from train.models.network import TaggerNet

OPSET = 18
"""Reduce operators with axes as inputs; TensorRT 10's parser takes up to 23."""


class _WithFeatures(nn.Module):
    """The network with its embedding and features as outputs, so that they get their names."""

    def __init__(self, net: TaggerNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, waveform: Tensor) -> tuple[Tensor, ...]:
        features = self.net.front_end(waveform)
        embedding = self.net.embed(features)
        scores = self.net.scores_of(*self.net.head(embedding))
        if embedding_width(self.net) is None:
            return scores, features
        return scores, embedding, features


_SHAPE_ONLY = {
    "Expand",
    "Slice",
    "Reshape",
    "Unsqueeze",
    "Tile",
    "Identity",
    "Cast",
    "Transpose",
}
_ANY_SIZE = 1 << 30


def embedding_width(net: TaggerNet) -> int | None:
    """Numbers in the embedding that the graph gives; None where they are more than may be."""
    width = int(net.body.n_out)
    return width if width <= MAX_EMBEDDING else None


def to_graph(net: TaggerNet, *, window_len: int) -> ModelProto:
    """Trace the network for any batch size.

    Args:
        net: the network, in evaluation mode on CPU.
        window_len: length of a window in samples.

    Returns:
        A checked model: `waveform` (batch, window_len) -> `scores` (batch, n_labels), with
        `features` (batch, n_mels, n_frames) between them. What the head gets of the body is a
        second output, `embedding` (batch, n), unless it is wider than the contract allows.
    """
    has_embedding = embedding_width(net) is not None
    outputs = [OUTPUT, *([EMBEDDING] if has_embedding else []), FEATURES]
    return clean(_folded(_WithFeatures(net).eval(), outputs, window_len=window_len))


def trace_front_end(front_end: nn.Module, *, window_len: int) -> ModelProto:
    """Trace `waveform` (batch, window_len) -> `features` alone, for any batch size."""
    model = _folded(front_end, [FEATURES], window_len=window_len)
    drop_unused(model)
    _drop_notes(model)
    return model


def _folded(module: nn.Module, outputs: list[str], *, window_len: int) -> ModelProto:
    """Trace a module and fold what is constant in it.

    Recurrent weights come as slices of torch's layout; that is done once here, not at each
    load.
    """
    # The exporter tells of its own deprecations and of packages that no network here needs.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (torch.zeros(2, window_len),),
            input_names=["waveform"],
            output_names=outputs,
            dynamic_shapes=({0: Dim("batch")},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ModelError("torch returned no ONNX program")
    folded: ModelProto = optimizer.optimize(
        program.model_proto, input_size_limit=_ANY_SIZE, output_size_limit=_ANY_SIZE
    )
    return folded


def clean(model: ModelProto) -> ModelProto:
    """Cut what inference does not need and make all after `features` depend on it alone."""
    graph = model.graph
    features = next(output for output in graph.output if output.name == FEATURES)
    graph.output.remove(features)
    drop_zero_states(model)
    drop_unused(model)
    _drop_notes(model)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    if features.name not in {value.name for value in inferred.graph.value_info}:
        raise ModelError("the exported graph has no tensor named 'features'")
    onnx.checker.check_model(inferred, full_check=True)
    return inferred


def _drop_notes(model: ModelProto) -> None:
    """Remove what the exporter says of its own work."""
    graph = model.graph
    del graph.value_info[:]
    del model.metadata_props[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    graph.doc_string = ""
    graph.name = "tagger"


def drop_zero_states(model: ModelProto) -> None:
    """Remove initial states of recurrent layers: absent means zero, for any batch size.

    The exporter derives their batch size from the graph's input; a graph that is cut at
    `features` would then no longer run.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    constants = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
    }
    for node in model.graph.node:
        if node.op_type not in {"LSTM", "GRU", "RNN"}:
            continue
        for i in range(5, min(7, len(node.input))):
            if node.input[i] and _is_zero(node.input[i], producers, constants):
                node.input[i] = ""
        while node.input and not node.input[-1]:
            node.input.pop()


def _is_zero(
    name: str, producers: dict[str, NodeProto], constants: dict[str, np.ndarray[Any, Any]]
) -> bool:
    """Whether a tensor is zeros of whatever shape."""
    if name in constants:
        return not constants[name].any()
    node = producers.get(name)
    if node is None:
        return False
    if node.op_type in _SHAPE_ONLY:
        return _is_zero(node.input[0], producers, constants)
    if node.op_type == "ConstantOfShape":
        value = [
            numpy_helper.to_array(attribute.t)
            for attribute in node.attribute
            if attribute.name == "value"
        ]
        return not value or not value[0].any()
    if node.op_type == "Constant":
        return any(not numpy_helper.to_array(attribute.t).any() for attribute in node.attribute)
    return False


def drop_unused(model: ModelProto) -> None:
    """Remove nodes and constants that no output needs."""
    graph = model.graph
    needed = {output.name for output in graph.output}
    kept: list[NodeProto] = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    constants = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(constants)
