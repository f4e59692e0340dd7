"""A graph put together node by node; weights are given as they are stored in torch's layout."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from tagger.model.session import EMBEDDING, INPUT, OUTPUT

Array = NDArray[Any]

OPSET = 18
IR_VERSION = 10
"""What ONNX Runtime 1.20 and later reads."""


class Builder:
    """Nodes and constants in the order in which they are added.

    Every method adds nodes and returns the name of their output; shapes in the comments of
    those who use it.
    """

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def node(self, kind: str, *inputs: str, output: str | None = None, **options: Any) -> str:
        """Any node with one output, which may be given a name of the contract."""
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **options))
        return name

    def constant(self, value: Array) -> str:
        """A constant in float32, or int64 where it is whole."""
        kind = np.int64 if np.issubdtype(np.asarray(value).dtype, np.integer) else np.float32
        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(value, dtype=kind)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def conv(
        self,
        x: str,
        weight: Array,
        bias: Array | None = None,
        *,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
        group: int = 1,
    ) -> str:
        """A convolution: weight (n_out, n_in / group, *kernel), pads first all begins."""
        inputs = [x, self.constant(weight)]
        if bias is not None:
            inputs.append(self.constant(bias))
        n_axes = weight.ndim - 2
        return self.node(
            "Conv",
            *inputs,
            kernel_shape=weight.shape[2:],
            pads=list(pads or [0] * 2 * n_axes),
            strides=list(strides or [1] * n_axes),
            group=group,
        )

    def batch_norm(
        self, x: str, parts: Sequence[Array], *, epsilon: float, n_channels: int | None = None
    ) -> str:
        """Normalise channels (axis 1) by gamma, beta, mean and variance, in this order."""
        if n_channels is not None and parts[0].shape != (n_channels,):
            raise ValueError(f"{parts[0].shape} numbers normalise {n_channels} channels")
        names = [self.constant(part) for part in parts]
        return self.node("BatchNormalization", x, *names, epsilon=epsilon)

    def dense(self, x: str, weight: Array, bias: Array, *, output: str | None = None) -> str:
        """Rows of x (batch, n_in) by weight (n_out, n_in) and bias (n_out,)."""
        return self.node(
            "Gemm", x, self.constant(weight), self.constant(bias), transB=1, output=output
        )

    def reduce(self, kind: str, x: str, axis: int, *, keep: bool = False) -> str:
        """ReduceMax, ReduceMean or ReduceSum over one axis."""
        return self.node(kind, x, self.constant(np.array([axis])), keepdims=int(keep))

    def model(self, *, window_len: int, n_labels: int, embedding: int | None) -> ModelProto:
        """The finished model, checked, its shapes inferred."""

        def value(name: str, width: int) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])

        outputs = [value(OUTPUT, n_labels)]
        if embedding is not None:
            outputs.append(value(EMBEDDING, embedding))
        graph = helper.make_graph(
            self.nodes, "tagger", [value(INPUT, window_len)], outputs, self.constants
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        onnx.checker.check_model(inferred, full_check=True)
        return inferred
