"""A base model and a head -> one model file: the head's nodes behind the base's embedding.

Needs `onnx` alone. What was appended is run and compared before the file gets its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import ModelError
from tagger.learning.features import LEAST_SCORE
from tagger.model.session import EMBEDDING, OUTPUT

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeadNodes:
    """What is appended.

    Attributes:
        weight: of the embedding, then of the base's logits, shape (n_features, n_labels);
            without the latter where it has as many rows as the embedding is wide.
        bias: shape (n_labels,).
        kept: which of the base's scores stand in front of the learned ones.
    """

    weight: Array
    bias: Array
    kept: Sequence[int] = ()


def load_base(path: Path) -> "ModelProto":
    """A model file as a graph.

    Raises:
        ModelError: it is no model that can be read.
    """
    import onnx  # noqa: PLC0415 - only learning needs it

    try:
        return onnx.load(path)
    except Exception as error:  # protobuf's errors share no base but Exception
        raise ModelError(f"{path}: not a model that can be read ({error}).") from error


def tail_of(model: "ModelProto") -> "ModelProto | None":
    """The part of a model that makes scores of embeddings; None if scores need more."""
    from onnx import helper  # noqa: PLC0415

    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    needed, reached = [OUTPUT], set()
    while needed:
        name = needed.pop()
        if name in reached or name in constants or name in {EMBEDDING, ""}:
            continue
        if name not in makers:
            return None  # it leads back to the waveform past the embedding
        reached.add(name)
        needed += makers[name].input
    nodes = [node for node in graph.node if reached & set(node.output)]
    used = {name for node in nodes for name in node.input}
    outputs = {output.name: output for output in graph.output}
    tail = helper.make_graph(
        nodes,
        "tail",
        [outputs[EMBEDDING]],
        [outputs[OUTPUT]],
        [tensor for tensor in graph.initializer if tensor.name in used],
    )
    return helper.make_model(
        tail, opset_imports=model.opset_import, ir_version=model.ir_version
    )


def with_head(model: "ModelProto", head: HeadNodes) -> "ModelProto":
    """A copy of a model whose scores are those of a head; its embedding stays an output."""
    from onnx import ModelProto  # noqa: PLC0415

    learned = ModelProto()
    learned.CopyFrom(model)
    graph = learned.graph
    nodes = _Appended(_free_prefix(graph))
    base = nodes.named("base_scores")
    for node in graph.node:
        # The base's scores get another name: theirs is for the learned ones.
        node.input[:] = [base if name == OUTPUT else name for name in node.input]
        node.output[:] = [base if name == OUTPUT else name for name in node.output]
    n_embedding = _width_of(graph, EMBEDDING)
    weight = nodes.constant("weight", head.weight[:n_embedding])
    logits = nodes.add("Gemm", EMBEDDING, weight, nodes.constant("bias", head.bias))
    if len(head.weight) > n_embedding:
        of_base = nodes.constant("base_weight", head.weight[n_embedding:])
        more = nodes.add("MatMul", _base_logits(nodes, base), of_base)
        logits = nodes.add("Add", logits, more)
    if head.kept:
        kept = nodes.constant("kept", np.asarray(head.kept, np.int64))
        old = nodes.add("Gather", base, kept, axis=1)
        nodes.add("Concat", old, nodes.add("Sigmoid", logits), output=OUTPUT, axis=1)
    else:
        nodes.add("Sigmoid", logits, output=OUTPUT)
    graph.node.extend(nodes.nodes)
    graph.initializer.extend(nodes.constants)
    _set_width(graph, OUTPUT, len(head.kept) + head.weight.shape[1])
    return learned


@dataclass(slots=True)
class _Appended:
    """Nodes and constants under names that nobody else has."""

    prefix: str
    nodes: list["NodeProto"] = field(default_factory=list)
    constants: list["TensorProto"] = field(default_factory=list)

    def named(self, name: str) -> str:
        """A name of ours."""
        return self.prefix + name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a constant; returns its name."""
        from onnx import numpy_helper  # noqa: PLC0415

        tensor = numpy_helper.from_array(np.ascontiguousarray(value), self.named(name))
        self.constants.append(tensor)
        return self.named(name)

    def add(self, kind: str, *inputs: str, output: str | None = None, **options: Any) -> str:
        """Add a node; returns the name of its output."""
        from onnx import helper  # noqa: PLC0415

        output = output or self.named(f"{kind.lower()}_{len(self.nodes)}")
        self.nodes.append(helper.make_node(kind, [*inputs], [output], **options))
        return output


def _base_logits(nodes: _Appended, base: str) -> str:
    """Nodes that make `features.base_logits` of the base's scores."""
    least = nodes.constant("least", np.array(LEAST_SCORE, np.float32))
    most = nodes.constant("most", np.array(1 - LEAST_SCORE, np.float32))
    inside = nodes.add("Clip", base, least, most)
    outside = nodes.add("Sub", nodes.constant("one", np.array(1, np.float32)), inside)
    return nodes.add("Sub", nodes.add("Log", inside), nodes.add("Log", outside))


def _free_prefix(graph: "GraphProto") -> str:
    """The beginning of our names: a base may have been learned in this way itself."""
    names = [name for node in graph.node for name in node.output]
    number = 1
    while any(name.startswith(f"learned_{number}.") for name in names):
        number += 1
    return f"learned_{number}."


def _width_of(graph: "GraphProto", output: str) -> int:
    (tensor,) = [candidate for candidate in graph.output if candidate.name == output]
    return int(tensor.type.tensor_type.shape.dim[1].dim_value)


def _set_width(graph: "GraphProto", output: str, width: int) -> None:
    (tensor,) = [candidate for candidate in graph.output if candidate.name == output]
    tensor.type.tensor_type.shape.dim[1].dim_value = width
