"""What CUDA and TensorRT take, as their own documents say: operator -> types.

CUDA: ONNX Runtime's `docs/OperatorKernels.md`, the section of CUDAExecutionProvider, kernels of
opset 13 and later. TensorRT: `docs/operators.md` of onnx-tensorrt for TensorRT 10.15; its rules
for single operators are below and in `check.py`. Operators of networks only: one that is
missing here is reported, which is the safe side.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from onnx import TensorProto

Types = frozenset[int]

_T = TensorProto
_HALVES = frozenset({_T.FLOAT, _T.FLOAT16})
_FLOATS = _HALVES | {_T.BFLOAT16}
_WHOLE = frozenset({_T.INT32, _T.INT64})
_BOOL = frozenset({_T.BOOL})
_EIGHT = frozenset({_T.INT8, _T.UINT8})

TENSORRT_OPSETS = range(9, 25)
TENSORRT_MAX_RANK = 8
TENSORRT_MAX_K = 3840


def _table(rows: Mapping[str, AbstractSet[int]]) -> dict[str, Types]:
    return {name: frozenset(types) for names, types in rows.items() for name in names.split()}


TENSORRT: dict[str, Types] = _table(
    {
        "Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Celu Clip Conv"
        " ConvTranspose Cos Cosh CumSum Dropout Einsum Elu Erf Exp Floor GRU Gemm"
        " GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization HardSigmoid"
        " HardSwish Hardmax InstanceNormalization IsInf LSTM LayerNormalization LeakyRelu Log"
        " LogSoftmax LpNormalization LpPool LRN MatMul MaxPool MeanVarianceNormalization"
        " PRelu QuantizeLinear RMSNormalization RNN Reciprocal Resize Round Selu Sigmoid Sin"
        " Sinh Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu": _FLOATS,
        "Abs Add ArgMax ArgMin Div Equal Gelu Greater GreaterOrEqual IsNaN Less LessOrEqual"
        " Max Mean Min Mod Mul Neg Pad Pow Range ReduceL1 ReduceL2 ReduceLogSum"
        " ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare"
        " Relu ScatterElements ScatterND Shrink Sign SpaceToDepth DepthToSpace Sub Sum"
        " TopK": _FLOATS | _WHOLE,
        "Concat Constant ConstantOfShape Expand EyeLike Flatten Gather GatherElements GatherND"
        " Identity If Loop OneHot Reshape ReverseSequence Shape Size Slice Split Squeeze Tile"
        " Transpose Trilu Unsqueeze Where": _FLOATS | _WHOLE | _BOOL,
        "And Not Or Xor": _BOOL,
        "Cast CastLike": _FLOATS | _WHOLE | _BOOL | {_T.UINT8},
        "DequantizeLinear": {_T.INT8},
        "BlackmanWindow DeformConv GridSample HammingWindow HannWindow Mish NonMaxSuppression"
        " NonZero RoiAlign": _HALVES,
        "STFT": {_T.FLOAT},
    }
)

CUDA: dict[str, Types] = _table(
    {
        "ArgMax ArgMin AveragePool BatchNormalization Ceil ConvTranspose Cos DepthToSpace"
        " Einsum Elu Floor GRU GlobalAveragePool GlobalMaxPool InstanceNormalization LSTM"
        " LeakyRelu Log LogSoftmax LRN PRelu RNN Reciprocal ReduceLogSum ReduceLogSumExp"
        " ReduceSumSquare Round Selu Sin Softplus Softsign SpaceToDepth"
        " ThresholdedRelu QuantizeLinear": _HALVES,
        "Conv Erf Exp Gelu Gemm HardSigmoid HardSwish IsInf IsNaN LayerNormalization MatMul"
        " RMSNormalization Relu Sigmoid Softmax Sqrt Sum Tanh Dropout": _FLOATS,
        "Abs Add Div Mul Sign Sub": _FLOATS | _WHOLE | _EIGHT,
        "Max Min Mod Neg Pow ReduceSum Tile": _FLOATS | _WHOLE,
        "CumSum Greater GreaterOrEqual Less LessOrEqual Range ReduceMax ReduceMin TopK": _HALVES
        | _WHOLE,
        "Equal": _HALVES | _WHOLE | _BOOL,
        "Clip": _HALVES | {_T.INT64} | _EIGHT,
        "MaxPool": _HALVES | _EIGHT,
        "Pad": _HALVES | _BOOL,
        "ReduceL1 ReduceL2 ReduceMean ReduceProd": _HALVES | {_T.INT32},
        "Resize": _HALVES | {_T.INT32, _T.UINT8},
        "NonZero": _HALVES | _WHOLE | _BOOL | {_T.UINT8},
        "GatherND": _FLOATS | _BOOL | {_T.INT64},
        "OneHot": _HALVES | _WHOLE,
        "GridSample": {_T.FLOAT},
        "And Not Or Xor": _BOOL,
        "DequantizeLinear": _EIGHT,
        "Cast Compress Concat Constant ConstantOfShape Expand EyeLike Flatten Gather"
        " GatherElements Identity If Loop Reshape ReverseSequence Scan ScatterElements"
        " ScatterND Shape Size Slice Split Squeeze Transpose Trilu Unsqueeze"
        " Where": _FLOATS | _WHOLE | _BOOL | _EIGHT,
        "Shrink": _HALVES | _WHOLE | _EIGHT,
    }
)

TYPED_BY = {"Where": 1, "GatherND": 0, "QuantizeLinear": 0}
"""Which input's type counts; the first one's for all others."""

CONSTANT_INPUTS = {
    **dict.fromkeys((name for name in TENSORRT if name.startswith("Reduce")), (1,)),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
    "CumSum": (1,),
    "OneHot": (1,),
    "TopK": (1,),
    "LSTM": (1, 2, 3),
    "GRU": (1, 2, 3),
    "RNN": (1, 2, 3),
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
}
"""Inputs that TensorRT needs to know when it builds."""

FIRST_OUTPUT_ONLY = {
    "LayerNormalization": "use the normalised values alone",
    "MaxPool": "pool without indices",
    "Dropout": "export in evaluation mode",
    "BatchNormalization": "export in evaluation mode",
}

Rule = tuple[str, str]
"""What is wrong, and what to do."""


def recurrent_rules(attributes: Mapping[str, object], n_inputs: int) -> Iterator[Rule]:
    """TensorRT's rules for LSTM, GRU and RNN that their attributes can break.

    Args:
        attributes: of the node, as Python values.
        n_inputs: how many inputs it has, those that are named '' not counted at the end.
    """
    names = [text for text in _texts(attributes.get("activations")) if text]
    half = len(names) // 2
    if attributes.get("direction") in {b"bidirectional", "bidirectional"} and (
        names[:half] != names[half:]
    ):
        yield (
            "has other activations backwards than forwards",
            "use the same in both directions",
        )
    if attributes.get("input_forget"):
        yield "couples input and forget gate", "train without input_forget"
    if attributes.get("layout"):
        yield "is batch-major inside", "export with layout 0"
    if attributes.get("clip"):
        yield "clips its cells", "train without clipping cells"
    if n_inputs > 7:
        yield "has peepholes", "train without peepholes"


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        return []
    return [item.decode() if isinstance(item, bytes) else str(item) for item in value]
