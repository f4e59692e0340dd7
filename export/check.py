"""Is a model ready for CUDA and TensorRT? Every finding names its node and the remedy."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from export.operators import (
    CONSTANT_INPUTS,
    CUDA,
    FIRST_OUTPUT_ONLY,
    TENSORRT,
    TENSORRT_MAX_K,
    TENSORRT_MAX_RANK,
    TENSORRT_OPSETS,
    TYPED_BY,
    recurrent_rules,
)
from tagger.errors import ModelError

Target = Literal["cuda", "tensorrt", "contract"]

_RECURRENT = {"LSTM", "GRU", "RNN"}
_POOLS = {"AveragePool", "MaxPool", "LpPool"}
_INSTEAD = "write it with convolutions, products and slices"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that stands in the way on one target.

    Attributes:
        target: 'cuda', 'tensorrt', or 'contract' (our own promise about a model file).
        where: a node, a tensor or the model.
        what: what is wrong.
        remedy: what to do.
    """

    target: Target
    where: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Graph:
    """A graph with what is known of its tensors."""

    nodes: list[NodeProto]
    types: dict[str, int]
    values: list[ValueInfoProto]
    constants: dict[str, TensorProto]


def check_file(path: Path) -> list[Finding]:
    """Findings about any `.onnx` file; none means that nothing known stands in the way.

    Raises:
        ModelError: the file is no ONNX model.
    """
    return check_model(read_model(path))


def read_model(path: Path) -> ModelProto:
    """Load any `.onnx` file and infer its shapes.

    Raises:
        ModelError: the file is no ONNX model.
    """
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # protobuf, onnx and the file system each have their own
        reason = str(error).strip().split("\n", 1)[0]
        raise ModelError(f"{path}: not an ONNX model that can be read ({reason}).") from error


def check_model(model: ModelProto) -> list[Finding]:
    """The findings about a model whose shapes are inferred."""
    graph = _graph_of(model)
    findings: list[Finding] = []
    for node in graph.nodes:
        findings += [*_operator(node, graph), *_tensorrt_rules(node, graph)]
    findings += [*_shapes(graph), *_batch(model), *_opset(model), *_features(model, graph)]
    return findings


def _graph_of(model: ModelProto) -> _Graph:
    graph = model.graph
    values = [*graph.input, *graph.value_info, *graph.output]
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                constants[node.output[0]] = attribute.t
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    types |= {name: constant.data_type for name, constant in constants.items()}
    return _Graph(list(graph.node), types, values, constants)


def _operator(node: NodeProto, graph: _Graph) -> Iterator[Finding]:
    """Is there a kernel, and for this type?"""
    where = _name(node)
    if node.domain not in {"", "ai.onnx"}:
        remedy = "export without fused operators"
        yield Finding("tensorrt", where, f"is of the domain {node.domain}", remedy)
        return
    position = TYPED_BY.get(node.op_type, 0)
    tensor = node.input[position] if len(node.input) > position else node.output[0]
    kind = graph.types.get(tensor, 0)
    type_name = TensorProto.DataType.Name(kind) if kind else "unknown"
    cuda, tensorrt = CUDA.get(node.op_type), TENSORRT.get(node.op_type)
    if cuda is None:
        yield Finding("cuda", where, "has no CUDA kernel: it runs on the CPU", _INSTEAD)
    elif kind and kind not in cuda:
        what = f"has no CUDA kernel for {type_name}: it runs on the CPU"
        yield Finding("cuda", where, what, "compute in float32 or int64")
    if tensorrt is None:
        yield Finding("tensorrt", where, "is not taken by TensorRT's parser", _INSTEAD)
    elif kind and kind not in tensorrt:
        what = f"is not taken by TensorRT's parser in {type_name}"
        yield Finding("tensorrt", where, what, _type_remedy(node, kind))


def _type_remedy(node: NodeProto, kind: int) -> str:
    if node.op_type == "DequantizeLinear":
        return "quantise to int8 with symmetric ranges, and leave biases as they are"
    if kind == TensorProto.DOUBLE:
        return "compute in float32: TensorRT would clamp the values to it"
    return "compute in float32 or int64"


def _tensorrt_rules(node: NodeProto, graph: _Graph) -> Iterator[Finding]:
    """What the parser's list says of single operators."""
    where = _name(node)
    attributes = {
        attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute
    }
    for i in CONSTANT_INPUTS.get(node.op_type, ()):
        name = node.input[i] if len(node.input) > i else ""
        if name and name not in graph.constants:
            what = f"its input {i} is computed, not known when TensorRT builds"
            yield Finding("tensorrt", where, what, "fold the constants")
    if node.op_type in FIRST_OUTPUT_ONLY and any(node.output[1:]):
        remedy = FIRST_OUTPUT_ONLY[node.op_type]
        yield Finding("tensorrt", where, "its further outputs are used", remedy)
    if node.op_type in _RECURRENT:
        for what, remedy in recurrent_rules(attributes, len(node.input)):
            yield Finding("tensorrt", where, what, remedy)
        if len(node.input) > 4 and node.input[4]:
            yield Finding("tensorrt", where, "takes sequence lengths", "fix the length")
    if node.op_type in _POOLS and any(
        dilation != 1 for dilation in attributes.get("dilations", [])
    ):
        yield Finding("tensorrt", where, "pools with dilations", "pool without them")
    if node.op_type == "ScatterND" and attributes.get("reduction", b"none") != b"none":
        yield Finding("tensorrt", where, "reduces what it scatters", _INSTEAD)
    yield from _quantised(node, graph)
    yield from _top_k(node, graph)


def _quantised(node: NodeProto, graph: _Graph) -> Iterator[Finding]:
    """TensorRT knows eight bits around zero only."""
    if node.op_type not in {"QuantizeLinear", "DequantizeLinear"} or len(node.input) < 3:
        return
    zero = graph.constants.get(node.input[2])
    if zero is None:
        return
    if zero.data_type != TensorProto.INT8 and node.op_type == "QuantizeLinear":
        name = TensorProto.DataType.Name(zero.data_type)
        yield Finding("tensorrt", _name(node), f"quantises to {name}", "quantise to int8")
    if np.any(numpy_helper.to_array(zero)):
        yield Finding(
            "tensorrt", _name(node), "its zero point is not zero", "use symmetric ranges"
        )


def _top_k(node: NodeProto, graph: _Graph) -> Iterator[Finding]:
    count = graph.constants.get(node.input[1]) if node.op_type == "TopK" else None
    if count is not None and int(numpy_helper.to_array(count).flat[0]) >= TENSORRT_MAX_K:
        what = f"takes {TENSORRT_MAX_K} or more values"
        yield Finding("tensorrt", _name(node), what, "take fewer")


def _shapes(graph: _Graph) -> Iterator[Finding]:
    """Ranks that TensorRT can hold, and sizes that do not depend on what is heard."""
    for value in graph.values:
        rank = len(value.type.tensor_type.shape.dim)
        if rank > TENSORRT_MAX_RANK:
            what = f"has {rank} dimensions, TensorRT holds {TENSORRT_MAX_RANK}"
            yield Finding("tensorrt", value.name, what, "reshape it")
    for node in graph.nodes:
        if node.op_type in {"NonZero", "Compress", "Unique", "NonMaxSuppression"}:
            what = "its output's size depends on the input: the rest is built anew for each"
            yield Finding("tensorrt", _name(node), what, "use a mask of a fixed size")


def _batch(model: ModelProto) -> Iterator[Finding]:
    """One dynamic dimension, the batch, and no batch size baked in."""
    for value in [*model.graph.input, *model.graph.output]:
        dims = value.type.tensor_type.shape.dim
        if dims and dims[0].HasField("dim_value"):
            what = f"has the fixed batch {dims[0].dim_value}"
            yield Finding("contract", value.name, what, "export with a dynamic batch")
        if any(not dim.HasField("dim_value") for dim in dims[1:]):
            what = "has a dynamic dimension besides the batch"
            yield Finding("tensorrt", value.name, what, "fix the window's length")


def _opset(model: ModelProto) -> Iterator[Finding]:
    versions = [
        opset.version for opset in model.opset_import if opset.domain in {"", "ai.onnx"}
    ]
    if versions and max(versions) not in TENSORRT_OPSETS:
        first, last = TENSORRT_OPSETS[0], TENSORRT_OPSETS[-1]
        remedy = f"export with an opset from {first} to {last}"
        yield Finding("tensorrt", "model", f"is of opset {max(versions)}", remedy)


def _features(model: ModelProto, graph: _Graph) -> Iterator[Finding]:
    """The tensor between front end and network, with fixed bands and frames."""
    shapes = {value.name: value.type.tensor_type.shape.dim for value in graph.values}
    if "features" not in shapes:
        what, remedy = "has no tensor named 'features'", "export it with `tagger export`"
        yield Finding("contract", "model", what, remedy)
    elif not all(dim.HasField("dim_value") for dim in shapes["features"][1:]):
        yield Finding("contract", "features", "has no fixed shape", "export it again")
    if any(node.op_type == "Dropout" for node in model.graph.node):
        yield Finding(
            "contract", "model", "still drops values at random", "export in evaluation mode"
        )


def _name(node: NodeProto) -> str:
    return f"{node.op_type} {node.name or node.output[0]}"
