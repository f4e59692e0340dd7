"""Leave out the frames and bands of a front end that the network does not look at.

A model keeps a tensor `features` with every frame and band. If its network takes every n-th
frame or the low bands (a Slice right behind), the metadata of the file hold the nodes of a
front end that computes those alone (`export.trimmed_front_end`): a third of the work or less
for the same scores. The file itself stays as it is; whoever loads it otherwise gets
the same answers, more slowly.
"""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import ModelError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

# The name in the stored format, from when this was `tagger.lean`: files have it.
METADATA_KEY = "tagger.lean"
FEATURES = "features"


def lean_bytes(path: Path) -> bytes | None:
    """The model in `path` with the lean front end in place; None if it has none.

    Raises:
        ModelError: the file is no model, or its lean front end does not fit the graph.
    """
    # Importing onnx takes longer than reading the file.
    if METADATA_KEY.encode() not in path.read_bytes():
        return None
    import onnx  # noqa: PLC0415 - only models that have one need it

    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's errors share no base but Exception
        raise ModelError(f"{path}: not a model that can be read ({error}).") from error
    trimmed: bytes = lean_model(model).SerializeToString()
    return trimmed


def lean_model(model: "ModelProto") -> "ModelProto":
    """A copy of a model whose waveform goes through the lean front end.

    Raises:
        ModelError: it has none, or the network does not begin as it should.
    """
    import onnx  # noqa: PLC0415 - only models that have one need it

    entry = {prop.key: prop.value for prop in model.metadata_props}.get(METADATA_KEY)
    if entry is None:
        raise ModelError(f"the model has no {METADATA_KEY} in its metadata; export it again.")
    front_end = onnx.GraphProto.FromString(base64.b64decode(entry))
    lean = onnx.ModelProto()
    lean.CopyFrom(model)
    others = [prop for prop in model.metadata_props if prop.key != METADATA_KEY]
    del lean.metadata_props[:]
    lean.metadata_props.extend(others)
    graph = lean.graph
    seen = _frames_seen(graph)
    for node in graph.node:
        node.input[:] = [
            front_end.output[0].name if name == seen else name for name in node.input
        ]
    nodes = [*front_end.node, *(node for node in graph.node if seen not in node.output)]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(front_end.initializer)
    _drop_unused(graph)
    return lean


def _frames_seen(graph: "GraphProto") -> str:
    """The name of what the only consumer of `features`, a Slice, gives to the network."""
    consumers = [node for node in graph.node if FEATURES in node.input]
    if len(consumers) != 1 or consumers[0].op_type != "Slice":
        kinds = ", ".join(node.op_type for node in consumers) or "nothing"
        raise ModelError(
            f"`{FEATURES}` is used by {kinds} and not by one Slice, so the lean front end in"
            " the metadata does not fit; export the model again."
        )
    name: str = consumers[0].output[0]
    return name


def _drop_unused(graph: "GraphProto") -> None:
    """Remove the nodes and constants that no output needs any more."""
    needed = {output.name for output in graph.output}
    kept = []
    # From the outputs backwards: nodes stand in the order in which they run.
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    constants = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants)
