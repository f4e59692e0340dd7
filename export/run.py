"""Checkpoint or model -> one model file: trace, convert, check, describe, move into place."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
from onnx import ModelProto

from export.calibration import calibration_windows
from export.check import Finding, check_model
from export.cost import Cost, clips_of, cost_of
from export.describe import describe, revision_of, spec_in, spec_of
from export.graph import to_graph
from export.parity import (
    WHOLE_ON_CPU,
    Answers,
    FrontEnd,
    GraphKind,
    Parity,
    compare_outputs,
    heading_of,
    line_of,
    of_graph,
    of_network,
)
from export.precision import EightBitsFor, to_half, to_int8
from export.trimmed_front_end import add_trimmed_front_end
from tagger.errors import InputError, ModelError
from tagger.model.catalogue import whole_of
from tagger.model.device_options import Device
from tagger.model.devices import find_device
from tagger.model.load import load_engine
from tagger.model.spec import ModelSpec, Precision
from tagger.model.trimmed_front_end import METADATA_KEY as LEAN_KEY
from tagger.model.trimmed_front_end import lean_model
from train.models.checkpoint import OR_MODEL, load

Say = Callable[[str], None]

DEVICES: tuple[Device, ...] = ("cpu", "cuda", "tensorrt")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What kind of model file is made.

    Attributes:
        name: the model's name in its metadata; None for that of the run.
        precision: of the body's weights: 'fp32', 'fp16' or 'int8'.
        made_for: what computes eight bits; of the other precisions every device takes all.
        calibration: folder of real music for int8; not used otherwise.
        report: where the tables go as JSON; None for nowhere.
        clips: fields of a configuration that say which clips show what int8 costs.
        data: the folder that holds these datasets.
        prepared: where decoded recordings are kept.
    """

    name: str | None = None
    precision: Precision = "fp32"
    made_for: EightBitsFor = "cpu"
    calibration: Path | None = None
    report: Path | None = None
    clips: Mapping[str, Any] = field(default_factory=dict)
    data: Path = Path("data")
    prepared: Path = Path("prepared")


@dataclass(frozen=True, slots=True)
class Source:
    """What is exported: a graph in float32, what it says of itself, and who is right.

    `is_itself` if no network is there to be right: then it is the graph as it came.
    """

    path: Path
    graph: ModelProto
    spec: ModelSpec
    reference: Answers
    is_itself: bool = False


def export_checkpoint(
    path: Path, output: Path, options: ExportOptions = ExportOptions(), *, say: Say
) -> Path:
    """Turn a checkpoint, or a model in float32, into a model file.

    It is written beside its place and moved there only after every check has passed: parity on
    each device that is here, the golden vectors, the contract, and for int8 what it costs.

    Args:
        path: `best.pt` of a run; or a model file, whose graph is then the reference.
        output: the `.onnx` file to make; replaced if it exists.
        options: what kind of file.
        say: told the checks' results, one line at a time.

    Raises:
        InputError: the source cannot be read, or int8 lacks music or clips.
        ModelError: the exported graph does not answer as the network does, breaks the contract,
            or its eight bits cannot be shown to lose little.
    """
    source = read_source(path, options)
    model = converted(source, options)
    findings = _findings(model, options)
    _refuse_broken(findings, output, say=say)
    output.parent.mkdir(parents=True, exist_ok=True)
    # A folder, since the file must be called `.onnx`: each export has its own, where nobody
    # looks for models.
    with TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as beside:
        made = Path(beside, "made.onnx")
        made.write_bytes(model.SerializeToString(deterministic=True))
        rows = _parity(source, made, options, say=say)
        cost = _cost(source, made, options, say=say)
        if options.report is not None:
            _write_report(options.report, path, rows, findings, cost)
        _refuse_failed(rows, output)
        if cost is not None and cost.objection is not None:
            raise ModelError(f"{output}: not written: {cost.objection}. {cost.sentence()}.")
        made.replace(output)
    say(f"{output}: {output.stat().st_size / 1e6:.2f} MB")
    return output


def read_source(path: Path, options: ExportOptions = ExportOptions()) -> Source:
    """Load a checkpoint, or a model in float32 that is then its own reference.

    Raises:
        InputError: it cannot be read, or is not in float32.
        ModelError: it is no model of ours, or eight bits for processors without the float32
            file that they were made from, which is read in their place.
    """
    if path.suffix.lower() == ".onnx":
        path = whole_of(path)
        load_engine(path, device="cpu")  # refuses what is not ours, or not whole
        graph = onnx.load(path)
        spec = spec_in(graph)
        if spec.precision != "fp32":
            raise InputError(f"{path}: is {spec.precision} already; start from one in fp32.")
        spec = replace(spec, name=options.name or spec.name)
        return Source(path, graph, spec, of_graph(graph), is_itself=True)
    checkpoint = load(path, taken=OR_MODEL)
    spec = spec_of(checkpoint, name=options.name)
    graph = to_graph(checkpoint.net, window_len=spec.window_len)
    add_trimmed_front_end(graph, checkpoint.net, window_len=spec.window_len)
    return Source(path, graph, spec, of_network(checkpoint.net))


def converted(source: Source, options: ExportOptions) -> ModelProto:
    """The graph in the precision that is asked for, with what it says of itself."""
    if options.precision == "fp16":
        model = to_half(source.graph)
    elif options.precision == "int8":
        windows = calibration_windows(options.calibration, source.spec)
        model = to_int8(source.graph, windows, made_for=options.made_for)
    else:
        model = ModelProto()
        model.CopyFrom(source.graph)
    del model.metadata_props[:]
    # The trimmed front end is in float32, as is all before the body in any precision.
    model.metadata_props.extend(
        one for one in source.graph.metadata_props if one.key == LEAN_KEY
    )
    quantisation = _quantisation(source, options)
    describe(model, source.spec, precision=options.precision, quantisation=quantisation)
    return model


def _quantisation(source: Source, options: ExportOptions) -> dict[str, Any]:
    """What the spec says of eight bits; nothing of other precisions."""
    if options.precision != "int8":
        return {}
    return {"for": options.made_for, "from": revision_of(source.graph)}


def _parity(source: Source, made: Path, options: ExportOptions, *, say: Say) -> list[Parity]:
    """The table: float32 first, then the file that was made on each device that takes it."""
    rows: list[Parity] = []
    precision = options.precision
    devices: tuple[Device, ...] = ("cpu",) if _is_for_processors(options) else DEVICES

    def ask(answers: Answers, kind: GraphKind) -> None:
        found = compare_outputs(
            source.reference,
            answers,
            window_len=source.spec.window_len,
            sample_rate=source.spec.sample_rate,
            kind=kind,
        )
        say(heading_of(kind))
        for row in found:
            say(line_of(row))
        rows.extend(found)

    if precision != "fp32" and not source.is_itself:
        ask(of_graph(source.graph), WHOLE_ON_CPU)
    model = onnx.load(made)
    loaded: FrontEnd = "whole"
    if any(one.key == LEAN_KEY for one in model.metadata_props):
        # What every other program gets of the file.
        ask(of_graph(model), GraphKind(precision=precision))
        loaded = "trimmed"
    for device in devices:
        if find_device(device).missing is None:
            kind = GraphKind(precision=precision, device=device, front_end=loaded)
            ask(load_engine(made, device=device).run, kind)
    return rows


def _cost(source: Source, made: Path, options: ExportOptions, *, say: Say) -> Cost | None:
    """What eight bits cost on a real split; None for the other precisions.

    The float32 model that they are compared with is written into the folder of `made`.
    """
    if options.precision != "int8":
        return None
    clips = clips_of(
        source.path, options.clips, data=options.data, prepared=options.prepared, say=say
    )
    whole = made.with_name("whole.onnx")
    graph = ModelProto()
    graph.CopyFrom(source.graph)
    describe(graph, source.spec, precision="fp32")
    onnx.save(graph, whole)
    cost = cost_of(whole, made, clips)
    say(cost.sentence())
    return cost


def _is_for_processors(options: ExportOptions) -> bool:
    return options.precision == "int8" and options.made_for == "cpu"


def _findings(model: ModelProto, options: ExportOptions) -> list[Finding]:
    """What stands in the way of the file, and of what `tagger` makes of it when it loads.

    No GPU is given eight bits for processors, so nothing can stand in its way there.
    """
    found = check_model(onnx.shape_inference.infer_shapes(model, data_prop=True))
    if any(one.key == LEAN_KEY for one in model.metadata_props):
        trimmed = onnx.shape_inference.infer_shapes(lean_model(model), data_prop=True)
        found += [one for one in check_model(trimmed) if one.target != "contract"]
    if _is_for_processors(options):
        found = [finding for finding in found if finding.target == "contract"]
    return list(dict.fromkeys(found))


def _refuse_broken(findings: Sequence[Finding], output: Path, *, say: Say) -> None:
    for one in findings:
        say(f"{one.target}: {one.where} {one.what}; {one.remedy}")
    broken = [one for one in findings if one.target == "contract"]
    if broken:
        raise ModelError(f"{output}: not written: {broken[0].where} {broken[0].what}.")


def _refuse_failed(rows: Sequence[Parity], output: Path) -> None:
    failed = [row for row in rows if not row.passed]
    if failed:
        raise ModelError(
            f"{output}: not written, since {len(failed)} of {len(rows)} parity checks failed;"
            f" the worst difference is {max(row.max_difference for row in failed):.2g}."
        )


def _write_report(
    report: Path,
    source: Path,
    rows: Sequence[Parity],
    findings: Sequence[Finding],
    cost: Cost | None,
) -> None:
    record = {
        "source": str(source),
        "passed": all(row.passed for row in rows) and (cost is None or cost.objection is None),
        "parity": [asdict(row) for row in rows],
        "readiness": [asdict(one) for one in findings],
        "cost": None if cost is None else asdict(cost) | {"most_lost": cost.most_lost},
    }
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(record, indent=1), encoding="utf-8")
