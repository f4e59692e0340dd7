"""Smaller numbers in the graph itself: half precision, or eight bits after calibration.

The waveform, the features and their normalisation stay in float32 (mel energies overflow in
half precision), and so do the head and the calibration, where digits are what a score is.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from export.graph import drop_unused
from tagger.errors import ModelError
from tagger.model.session import EMBEDDING

WEIGHTED = {"Conv", "Gemm", "MatMul", "LSTM", "GRU"}
NORMALISATIONS = {
    "BatchNormalization",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "LpNormalization",
    "RMSNormalization",
}
"""Sums of squares: what overflows first in half precision."""
HEAD = ".head."

EightBitsFor = Literal["cpu", "gpu"]
EIGHT_BITS_FOR: tuple[EightBitsFor, ...] = ("cpu", "gpu")

_PRODUCTS = ["Conv", "Gemm", "MatMul"]
# What stands between convolutions goes with them: a single sum in float32 would have every
# tensor around it turned back and forth, and half of the convolutions stay in float32.
_TYPES: dict[EightBitsFor, list[str]] = {
    "cpu": [*_PRODUCTS, "Add", "AveragePool", "Relu"],
    "gpu": _PRODUCTS,
}


def to_half(model: ModelProto) -> ModelProto:
    """The same graph with the body's weights and activations in float16."""
    half = with_names(_with_own_output(model, EMBEDDING))
    kept = full_precision_nodes(half)
    graph = half.graph
    body = [node for node in graph.node if node.name not in kept]
    halved = _halve_constants(half, body)
    made = {name for node in body for name in node.output}
    fresh = _insert_casts(half, kept, made=made, constants=halved)
    del graph.node[:]
    graph.node.extend(fresh)
    # Types are inferred anew; what stays is the name of the contract.
    del graph.value_info[:]
    drop_unused(half)
    return onnx.shape_inference.infer_shapes(with_names(half), strict_mode=True)


def _with_own_output(model: ModelProto, name: str) -> ModelProto:
    """A copy in which an output has a node of its own, which can stay in float32."""
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    if name not in {one.name for one in graph.output}:
        return copy
    inner = f"{name}_inner"
    for node in graph.node:
        node.input[:] = [inner if one == name else one for one in node.input]
        node.output[:] = [inner if one == name else one for one in node.output]
    graph.node.append(helper.make_node("Identity", [inner], [name]))
    return copy


def _halve_constants(model: ModelProto, body: Sequence[NodeProto]) -> dict[str, str]:
    """Add a float16 copy of each float32 constant that the body uses; old name to new name."""
    used = {name for node in body for name in node.input}
    halved = {}
    for one in list(model.graph.initializer):
        if one.name in used and one.data_type == TensorProto.FLOAT:
            with np.errstate(over="ignore"):  # what overflows is refused below
                values = numpy_helper.to_array(one).astype(np.float16)
            if not np.isfinite(values).all():
                raise ModelError(f"the weight {one.name} does not fit into half precision")
            halved[one.name] = f"{one.name}_half"
            copy = numpy_helper.from_array(values, halved[one.name])
            model.graph.initializer.append(copy)
    return halved


def _insert_casts(
    model: ModelProto, kept: set[str], *, made: set[str], constants: dict[str, str]
) -> list[NodeProto]:
    """The nodes in order, with a cast wherever a tensor crosses the body's border."""
    floats = _float_tensors(model)
    casts: dict[str, str] = {}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        is_body = node.name not in kept
        for i, name in enumerate(node.input):
            if is_body and name in constants:
                node.input[i] = constants[name]
            elif name in floats and is_body != (name in made):
                if name not in casts:
                    casts[name] = f"{name}_{'half' if is_body else 'single'}"
                    to = TensorProto.FLOAT16 if is_body else TensorProto.FLOAT
                    nodes.append(helper.make_node("Cast", [name], [casts[name]], to=to))
                node.input[i] = casts[name]
        nodes.append(node)
    return nodes


def _float_tensors(model: ModelProto) -> set[str]:
    """Names of the float32 tensors that nodes or the caller make (no constants)."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = [*inferred.value_info, *inferred.input, *inferred.output]
    return {one.name for one in values if one.type.tensor_type.elem_type == TensorProto.FLOAT}


def to_int8(
    model: ModelProto, windows: Sequence[NDArray[np.float32]], *, made_for: EightBitsFor
) -> ModelProto:
    """The same graph with the body's convolutions and products in eight bits.

    Static quantisation after training: weights by channel, activations by the range that the
    calibration windows reach. Recurrent layers stay as they are.

    Args:
        model: the float32 graph.
        windows: waveforms of real music, each of shape (window_len,).
        made_for: 'cpu': activations without a sign, whole biases, sums and means of eight bits
            as well, so that no convolution stays in float32; weights have seven bits, so that
            processors without VNNI, whose sums of pairs saturate at 16 bits, give the same
            answers. 'gpu': symmetric around zero with biases in float32, since TensorRT takes
            nothing else and CUDA has no kernel for quantised biases.

    Raises:
        ModelError: there is nothing to calibrate with.
    """
    if not windows:
        raise ModelError("int8 needs windows of real music to calibrate with; name a folder")
    named = with_names(model)
    kept = sorted(full_precision_nodes(named))
    is_for_cpu = made_for == "cpu"
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(named, before)
        with _without_advice():
            quantize_static(
                before,
                after,
                _Windows(windows),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=is_for_cpu,
                activation_type=QuantType.QUInt8 if is_for_cpu else QuantType.QInt8,
                weight_type=QuantType.QInt8,
                extra_options={
                    "ActivationSymmetric": not is_for_cpu,
                    "WeightSymmetric": True,
                    "QuantizeBias": is_for_cpu,
                },
                op_types_to_quantize=_TYPES[made_for],
                nodes_to_exclude=kept,
            )
        quantised = onnx.load(after)
    quantised.producer_name = named.producer_name
    return onnx.shape_inference.infer_shapes(quantised, data_prop=True)


@contextmanager
def _without_advice() -> Iterator[None]:
    """The quantiser advises a clean-up that our graphs have been through."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def full_precision_nodes(model: ModelProto) -> set[str]:
    """Names of the nodes that stay in float32: up to the body, normalisations, the head."""
    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output}
    after = _downstream(graph.node, {"features"})
    first = next((node for node in after if node.op_type in WEIGHTED), None)
    if first is None:
        raise ModelError("the graph has no weights after 'features'")
    kept = {node.name for node in _upstream(first, producers)}
    heads = {
        name for node in after if any(HEAD in one for one in node.input) for name in node.output
    }
    kept |= {producers[name].name for name in heads}
    kept |= {node.name for node in _downstream(graph.node, heads)}
    kept |= {node.name for node in graph.node if _is_own_output(node)}
    return kept | {node.name for node in graph.node if node.op_type in NORMALISATIONS}


def _is_own_output(node: NodeProto) -> bool:
    return node.op_type == "Identity" and EMBEDDING in node.output


def with_names(model: ModelProto) -> ModelProto:
    """A copy in which every node has a name of its own."""
    copy = ModelProto()
    copy.CopyFrom(model)
    for i, node in enumerate(copy.graph.node):
        node.name = f"{i:03d}_{node.op_type}"
    return copy


def _downstream(nodes: Sequence[NodeProto], tensors: set[str]) -> list[NodeProto]:
    """Nodes that depend on any of the tensors, in the graph's order."""
    reached, found = set(tensors), []
    for node in nodes:
        if reached.intersection(node.input):
            found.append(node)
            reached.update(node.output)
    return found


def _upstream(node: NodeProto, producers: dict[str, NodeProto]) -> Iterator[NodeProto]:
    """Nodes that a node depends on, itself not among them."""
    pending, seen = list(node.input), set()
    while pending:
        name = pending.pop()
        producer = producers.get(name)
        if producer is None or name in seen:
            continue
        seen.add(name)
        yield producer
        pending.extend(producer.input)


class _Windows(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, windows: Sequence[NDArray[np.float32]]) -> None:
        self.windows = iter(windows)

    def get_next(self) -> dict[str, Any] | None:
        window = next(self.windows, None)
        return None if window is None else {"waveform": window[None]}
