"""What is said when a run is done: where its checkpoint is, and which commands take it."""

import json
import shlex
from pathlib import Path

from tagger.cli.options import Recordings

MEASURED = ("test", "valid")
"""Splits that are not learned from, the one that `tagger evaluate` takes unasked first."""


def what_next(best: Path, *, data: Path, prepared: Path) -> str:
    """Lines with the commands as they can be typed.

    `tagger evaluate` is not named if the run has learned from all that there is.

    Args:
        best: best.pt of the run, beside its facts.json.
        data: where the run's data are.
        prepared: where its decoded recordings are.
    """
    facts = json.loads((best.parent / "facts.json").read_text(encoding="utf-8"))
    clips = facts.get("data", {}).get("clips", {})
    path = shlex.quote(str(best))
    commands = [f"tagger export {path} -o MODEL.onnx"]
    split = next((name for name in MEASURED if clips.get(name)), None)
    if split is not None:
        which = "" if split == MEASURED[0] else f" --split {split}"
        commands.insert(0, f"tagger evaluate {path}{_places(data, prepared)}{which}")
    return "\n  ".join([f"{best} is done; next:", *commands])


def _places(data: Path, prepared: Path) -> str:
    """The options that say where recordings are, without those that need not be said."""
    usual = Recordings()
    said = {"--data": (data, usual.data), "--prepared": (prepared, usual.prepared)}
    return "".join(
        f" {option} {shlex.quote(str(path))}"
        for option, (path, known) in said.items()
        if path.resolve() != known.resolve()
    )
