"""Is a model ready for CUDA and TensorRT? Every finding names its node and the remedy.

The lists are those that the two projects document: the operators with a CUDA kernel in ONNX
Runtime's `docs/OperatorKernels.md`, and the ones that TensorRT's ONNX parser takes
(`onnx-tensorrt/docs/operators.md`, TensorRT 10). Only operators of networks are listed: one
that is missing here is reported, which is the safe side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnx
from onnx import ModelProto, TensorProto, ValueInfoProto

from tagger.errors import ModelError

Target = Literal["cuda", "tensorrt", "contract"]

_BOTH = frozenset(
    "Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Conv"
    " ConvTranspose Cos CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal"
    " Erf Exp Expand Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm"
    " GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish"
    " Identity InstanceNormalization LSTM LayerNormalization LeakyRelu Less LessOrEqual"
    " Log LogSoftmax MatMul Max MaxPool Min Mod Mul Neg NonZero Not Or PRelu Pad Pow"
    " QuantizeLinear RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax"
    " ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round"
    " ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Slice Softmax Softplus"
    " SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose"
    " Trilu Unsqueeze Where Xor Constant ConstantOfShape If Loop".split()
)
CUDA_OPERATORS = _BOTH
TENSORRT_OPERATORS = (_BOTH - {"CumSum"}) | {
    "Mean",
    "Hardmax",
    "Acos",
    "Asin",
    "Atan",
    "GridSample",
}
TENSORRT_TYPES = {
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.INT8,
    TensorProto.UINT8,
    TensorProto.BOOL,
}
"""uint8 only between QuantizeLinear and DequantizeLinear."""

MAX_TENSORRT_OPSET = 23
_RECURRENT = {"LSTM", "GRU", "RNN"}


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


def check_file(path: Path) -> list[Finding]:
    """Findings about any `.onnx` file; none means that nothing known stands in the way.

    Raises:
        ModelError: the file is no ONNX model.
    """
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # protobuf, onnx and the file system each have their own
        raise ModelError(f"{path}: not an ONNX model that can be read ({error}).") from error
    return check_model(model)


def check_model(model: ModelProto) -> list[Finding]:
    """The findings about a model whose shapes are inferred."""
    return [
        *_operators(model),
        *_recurrent(model),
        *_types(model),
        *_batch(model),
        *_opset(model),
        *_features(model),
    ]


def _operators(model: ModelProto) -> Iterator[Finding]:
    for node in model.graph.node:
        where = f"{node.op_type} {node.name or node.output[0]}"
        if node.domain not in {"", "ai.onnx"}:
            yield Finding(
                "tensorrt",
                where,
                f"of the domain {node.domain}",
                "export without fused operators",
            )
            continue
        if node.op_type not in CUDA_OPERATORS:
            yield Finding("cuda", where, "has no CUDA kernel: it runs on the CPU", _INSTEAD)
        if node.op_type not in TENSORRT_OPERATORS:
            yield Finding("tensorrt", where, "is not taken by TensorRT's parser", _INSTEAD)


_INSTEAD = "write it with convolutions, products and slices"


def _recurrent(model: ModelProto) -> Iterator[Finding]:
    """What TensorRT's parser asks of recurrent layers."""
    constants = {one.name for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in _RECURRENT:
            continue
        where = f"{node.op_type} {node.name or node.output[0]}"
        if any(name and name not in constants for name in node.input[1:4]):
            yield Finding("tensorrt", where, "its weights are computed", "fold the constants")
        if len(node.input) > 4 and node.input[4]:
            yield Finding("tensorrt", where, "takes sequence lengths", "fix the length")
        attributes = {one.name: one for one in node.attribute}
        if "clip" in attributes:
            yield Finding("tensorrt", where, "clips its cells", "train without clipping cells")
        if "layout" in attributes and attributes["layout"].i:
            yield Finding("tensorrt", where, "is batch-major inside", "export with layout 0")
        if "linear_before_reset" in attributes and node.op_type != "GRU":
            yield Finding("tensorrt", where, "has an attribute of GRU", "export it again")


def _types(model: ModelProto) -> Iterator[Finding]:
    for value in _tensors(model):
        kind = value.type.tensor_type.elem_type
        if kind and kind not in TENSORRT_TYPES:
            name = TensorProto.DataType.Name(kind)
            yield Finding(
                "tensorrt", value.name, f"is of type {name}", "compute in float32 or int64"
            )


def _batch(model: ModelProto) -> Iterator[Finding]:
    """One dynamic dimension, the batch, and no batch size baked in."""
    for value in [*model.graph.input, *model.graph.output]:
        dims = value.type.tensor_type.shape.dim
        if dims and dims[0].HasField("dim_value"):
            yield Finding(
                "contract", value.name, f"has the fixed batch {dims[0].dim_value}",
                "export with a dynamic batch",
            )  # fmt: skip
        if any(not dim.HasField("dim_value") for dim in dims[1:]):
            yield Finding(
                "tensorrt", value.name, "has a dynamic dimension besides the batch",
                "fix the window's length",
            )  # fmt: skip


def _opset(model: ModelProto) -> Iterator[Finding]:
    versions = [one.version for one in model.opset_import if one.domain in {"", "ai.onnx"}]
    if versions and max(versions) > MAX_TENSORRT_OPSET:
        yield Finding(
            "tensorrt", "model", f"is of opset {max(versions)}",
            f"export with opset {MAX_TENSORRT_OPSET} or lower",
        )  # fmt: skip


def _features(model: ModelProto) -> Iterator[Finding]:
    """The tensor between front end and network, with fixed bands and frames."""
    shapes = {one.name: one.type.tensor_type.shape.dim for one in _tensors(model)}
    if "features" not in shapes:
        yield Finding(
            "contract",
            "model",
            "has no tensor named 'features'",
            "export it with `tagger export`",
        )
    elif not all(dim.HasField("dim_value") for dim in shapes["features"][1:]):
        yield Finding("contract", "features", "has no fixed shape", "export it again")


def _tensors(model: ModelProto) -> list[ValueInfoProto]:
    graph = model.graph
    return [*graph.input, *graph.value_info, *graph.output]
