"""Checkpoint -> one model file: trace, check, describe, move into place."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from export.check import check_file
from export.graph import to_graph
from export.lean import add_lean_front_end
from export.parity import Parity, compare
from export.precision import to_half, to_int8
from tagger.audio import open_track
from tagger.errors import InputError, ModelError
from tagger.golden import METADATA_KEY as GOLDEN_KEY
from tagger.golden import golden_entry
from tagger.lean import lean_model
from tagger.library import find_tracks, require_tracks
from tagger.spec import METADATA_KEY, ModelSpec, Precision
from train.checkpoint import Checkpoint, load
from train.datasets import licence_of_weights

Say = Callable[[str], None]

CALIBRATION_TRACKS = 200

SILENCE_DBFS = -60.0
"""Quieter windows are fade-outs, gaps and the hiss of a tape: music in them cannot be heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What kind of model file is made.

    Attributes:
        name: the model's name in its metadata; None for that of the run.
        precision: of the body's weights: 'fp32', 'fp16' or 'int8'.
        calibration: folder of real music for int8; not used otherwise.
        report: where the parity table goes as JSON; None for nowhere.
    """

    name: str | None = None
    precision: Precision = "fp32"
    calibration: Path | None = None
    report: Path | None = None


def export_checkpoint(
    path: Path, output: Path, options: ExportOptions = ExportOptions(), *, say: Say
) -> Path:
    """Turn a checkpoint into a model file, written only after every check has passed.

    Args:
        path: `best.pt` of a run.
        output: the `.onnx` file to make; replaced if it exists.
        options: what kind of file.
        say: told the checks' results, one line at a time.

    Raises:
        InputError: the checkpoint cannot be read.
        ModelError: the exported graph does not answer as the network does.
    """
    checkpoint = load(path)
    recipe = checkpoint.config.features_options
    model = to_graph(checkpoint.net, window_len=recipe.window_len)
    if options.precision == "fp16":
        model = to_half(model)
    elif options.precision == "int8":
        model = to_int8(model, calibration_windows(options.calibration, recipe))
    rows = compare(
        checkpoint.net, model, sample_rate=recipe.sample_rate, precision=options.precision
    )
    if add_lean_front_end(model, checkpoint.net, window_len=recipe.window_len):
        lean = lean_model(model)
        rows += compare(
            checkpoint.net, lean, sample_rate=recipe.sample_rate, precision=options.precision
        )
    for row in rows:
        say(_line(row))
    if options.report is not None:
        options.report.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    _refuse_failed(rows, output)
    _describe(model, checkpoint, options)
    _write(model, output)
    say(f"{output}: {output.stat().st_size / 1e6:.2f} MB")
    return output


def _refuse_failed(rows: Sequence[Parity], output: Path) -> None:
    failed = [row for row in rows if not row.passed]
    if failed:
        raise ModelError(
            f"{output}: not written, since {len(failed)} of {len(rows)} parity checks failed;"
            f" the worst difference is {max(row.max_difference for row in failed):.2g}."
        )


def _describe(model: onnx.ModelProto, checkpoint: Checkpoint, options: ExportOptions) -> None:
    """Put the spec and the golden vectors into the model's metadata."""
    spec = spec_of(checkpoint, options, revision=revision_of(model))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    golden = golden_entry(spec, lambda x: session.run(["scores"], {"waveform": x})[0])
    for key, value in ((METADATA_KEY, spec.to_json()), (GOLDEN_KEY, golden)):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    model.producer_name = "tagger"


def calibration_windows(folder: Path | None, recipe: Any) -> list[NDArray[np.float32]]:
    """A few windows of each track in a folder, at most some hundred in all.

    Raises:
        InputError: no folder was named, or it holds no audio.
    """
    if folder is None:
        raise InputError("int8 needs --calibration FOLDER with real music to set its ranges.")
    tracks = require_tracks(find_tracks([folder], limit=CALIBRATION_TRACKS), paths=[folder])
    windows: list[NDArray[np.float32]] = []
    for path in tracks:
        with open_track(path, sample_rate=recipe.sample_rate) as track:
            windows += track.windows(window_len=recipe.window_len, n_windows=2)
    return windows


def check_readiness(path: Path, *, say: Say) -> int:
    """Say what stands in the way of a model on CUDA and TensorRT; returns how many findings."""
    findings = check_file(path)
    for one in findings:
        say(f"{one.target:<9} {one.where}: {one.what}; {one.remedy}")
    if not findings:
        say(f"{path}: nothing known stands in the way on CUDA or TensorRT")
    return len(findings)


def revision_of(model: onnx.ModelProto) -> str:
    """Twelve digits that change whenever the graph or its weights do."""
    return hashlib.sha256(model.graph.SerializeToString(deterministic=True)).hexdigest()[:12]


def spec_of(checkpoint: Checkpoint, options: ExportOptions, *, revision: str) -> ModelSpec:
    """What the model file says of itself."""
    recipe, facts = checkpoint.config.features_options, checkpoint.facts
    return ModelSpec(
        name=options.name or checkpoint.config.name,
        sample_rate=recipe.sample_rate,
        window_len=recipe.window_len,
        n_fft=recipe.n_fft,
        hop_len=recipe.hop_len,
        n_mels=recipe.n_mels,
        labels=checkpoint.labels,
        kind="single" if checkpoint.config.kind == "single" else "multi",
        thresholds=facts["thresholds"],
        silence_dbfs=SILENCE_DBFS,
        calibration=facts.get("calibration", {}),
        training=_training(checkpoint),
        metrics=facts.get("metrics", {}),
        weights_licence=licence_of_weights(_learned_from(checkpoint)),
        revision=revision,
        precision=options.precision,
    )


def _learned_from(checkpoint: Checkpoint) -> list[str]:
    """All datasets, those of pretraining and of earlier runs too."""
    before = checkpoint.facts.get("data", {}).get("learned_before", [])
    return [*before, *checkpoint.config.learned_from()]


def _training(checkpoint: Checkpoint) -> dict[str, Any]:
    config, data = checkpoint.config, checkpoint.facts.get("data", {})
    return {
        **data,
        "body": config.body,
        "features": config.features,
        "epochs": config.fit.epochs,
        "seed": config.seed,
        # With these `tagger evaluate` measures the model as it measured the checkpoint.
        "split_seed": config.split_seed,
        "n_windows": config.calibration.n_windows,
        "longest_s": config.longest_s,
        "versions": checkpoint.facts.get("versions", {}),
    }


def _line(row: Parity) -> str:
    mark = "pass" if row.passed else "FAIL"
    return (
        f"{mark}  {row.sound:<18} batch {row.batch:>2}  max {row.max_difference:.1e}"
        f"  mean {row.mean_difference:.1e}  same first label {row.same_first:.0%}"
    )


def _write(model: onnx.ModelProto, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.tmp")
    try:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
        os.replace(temporary, output)  # noqa: PTH105 - says better what it does
    finally:
        temporary.unlink(missing_ok=True)
