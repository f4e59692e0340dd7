"""Checkpoint -> one model file: trace, check, describe, move into place."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from export.graph import to_graph
from export.parity import Parity, compare
from tagger.errors import ModelError
from tagger.spec import METADATA_KEY, ModelSpec
from train.checkpoint import Checkpoint, load

Say = Callable[[str], None]

SILENCE_DBFS = -60.0
"""Quieter windows are fade-outs, gaps and the hiss of a tape: music in them cannot be heard."""

WEIGHTS_LICENCE = "CC BY-NC 4.0: the clips that it learned from are for research only"


def export_checkpoint(path: Path, output: Path, *, name: str | None, say: Say) -> Path:
    """Turn a checkpoint into a model file, written only after every check has passed.

    Args:
        path: `best.pt` of a run.
        output: the `.onnx` file to make; replaced if it exists.
        name: the model's name in its metadata; None for that of the run.
        say: told the checks' results, one line at a time.

    Raises:
        InputError: the checkpoint cannot be read.
        ModelError: the exported graph does not answer as the network does.
    """
    checkpoint = load(path)
    options = checkpoint.config.features_options
    model = to_graph(checkpoint.net, window_len=options.window_len)
    rows = compare(checkpoint.net, model, sample_rate=options.sample_rate)
    for row in rows:
        say(_line(row))
    failed = [row for row in rows if not row.passed]
    if failed:
        raise ModelError(
            f"{output}: not written, since {len(failed)} of {len(rows)} parity checks failed;"
            f" the worst difference is {max(row.max_difference for row in failed):.2g}."
        )
    spec = spec_of(checkpoint, name=name, revision=revision_of(model))
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, spec.to_json()
    model.producer_name = "tagger"
    _write(model, output)
    say(f"{output}: {output.stat().st_size / 1e6:.2f} MB, revision {spec.revision}")
    return output


def revision_of(model: onnx.ModelProto) -> str:
    """Twelve digits that change whenever the graph or its weights do."""
    return hashlib.sha256(model.graph.SerializeToString(deterministic=True)).hexdigest()[:12]


def spec_of(checkpoint: Checkpoint, *, name: str | None, revision: str) -> ModelSpec:
    """What the model file says of itself."""
    options, facts = checkpoint.config.features_options, checkpoint.facts
    return ModelSpec(
        name=name or checkpoint.config.name,
        sample_rate=options.sample_rate,
        window_len=options.window_len,
        n_fft=options.n_fft,
        hop_len=options.hop_len,
        n_mels=options.n_mels,
        labels=checkpoint.labels,
        kind="single" if checkpoint.config.kind == "single" else "multi",
        thresholds=facts["thresholds"],
        silence_dbfs=SILENCE_DBFS,
        calibration=facts.get("calibration", {}),
        training=_training(checkpoint),
        metrics=facts.get("metrics", {}),
        weights_licence=WEIGHTS_LICENCE,
        revision=revision,
    )


def _training(checkpoint: Checkpoint) -> dict[str, Any]:
    config, data = checkpoint.config, checkpoint.facts.get("data", {})
    return {
        **data,
        "body": config.body,
        "features": config.features,
        "epochs": config.fit.epochs,
        "seed": config.seed,
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
