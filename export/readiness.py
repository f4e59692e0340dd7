"""`tagger export --check`: the findings as a table, and what TensorRT would be told."""

from collections.abc import Sequence
from pathlib import Path

from onnx import ModelProto, TensorProto
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from export.check import Finding, check_model, read_model
from tagger.model.catalogue import whole_of
from tagger.model.device_options import DeviceOptions
from tagger.model.spec import METADATA_KEY

TARGETS = {
    "contract": "tagger's own contract",
    "cuda": "CUDA",
    "tensorrt": "TensorRT",
}


def check_readiness(path: Path, *, console: Console) -> int:
    """Print what stands in the way of a model on CUDA and TensorRT.

    Of eight bits for processors it is the float32 file that a GPU is given.

    Returns:
        How many findings there are.

    Raises:
        ModelError: the file is no ONNX model, or there is none for a GPU.
    """
    model = read_model(path)
    if (on_gpu := _given_to_gpus(model, path)) != path:
        console.print(
            f"[bold]{escape(str(path))}[/]: eight bits for processors; a GPU is given"
            f" {escape(on_gpu.name)}, which is looked at here",
            soft_wrap=True,
        )
        path, model = on_gpu, read_model(on_gpu)
    findings = check_model(model)
    console.print(f"[bold]{escape(str(path))}[/]: {summary(model)}", soft_wrap=True)
    for target, title in TARGETS.items():
        own = [one for one in findings if one.target == target]
        if not own:
            console.print(f"{title}: nothing known stands in the way")
            continue
        console.print(f"{title}: {len(own)} findings")
        console.print(finding_table(own))
    console.print(profile_table(model))
    return len(findings)


def _given_to_gpus(model: ModelProto, path: Path) -> Path:
    """The file beside eight bits for processors; any other file itself, ours or not."""
    is_ours = any(entry.key == METADATA_KEY for entry in model.metadata_props)
    return whole_of(path) if is_ours else path


def summary(model: ModelProto) -> str:
    """Nodes, operator types and opset in one line."""
    types = {node.op_type for node in model.graph.node}
    opset = max(one.version for one in model.opset_import if one.domain in {"", "ai.onnx"})
    return f"{len(model.graph.node)} nodes of {len(types)} types, opset {opset}"


def finding_table(findings: Sequence[Finding]) -> Table:
    """One row a finding: where, what, remedy."""
    table = Table(box=None, pad_edge=False, show_edge=False)
    for column in ("where", "what", "remedy"):
        table.add_column(column, overflow="fold")
    for one in findings:
        table.add_row(escape(one.where), escape(one.what), escape(one.remedy))
    return table


def profile_table(model: ModelProto) -> Table:
    """The smallest, optimal and largest shape that TensorRT builds its engine for."""
    table = Table(title="TensorRT's profile", title_justify="left", box=None, pad_edge=False)
    for column in ("input", "type", "min", "opt", "max"):
        table.add_column(column)
    for value in model.graph.input:
        tensor = value.type.tensor_type
        rest = [str(dim.dim_value or dim.dim_param or "?") for dim in tensor.shape.dim[1:]]
        shapes = ["x".join([str(size), *rest]) for size in DeviceOptions().profile]
        name = TensorProto.DataType.Name(tensor.elem_type).lower()
        table.add_row(escape(value.name), name, *shapes)
    return table
