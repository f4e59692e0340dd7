"""Golden vectors: what a model answered when it was exported, checked after every load.

A provider that computes something else (a stale engine, a broken kernel, the engine of another
model from a shared cache) is found before it writes a single genre.
"""

import json
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tagger.errors import DeviceError
from tagger.model.spec import ModelSpec

METADATA_KEY = "tagger.golden"
RECIPE = 1
N_VECTORS = 3
TOLERANCE = 0.02
"""Largest allowed difference of a score: half precision differs by 0.005 or so, another
model's engine by 0.1 and more."""

EIGHT_BITS_TOLERANCE = 0.05
"""The same for eight bits. Sums of whole numbers are exact on every processor, but what goes
into them is rounded to one of 256 steps: the last digit of a spectrum decides at the edge of
one, and a step more here moves others behind it. The model that ships differs by 0.004 when
noise of 1e-6 is added to the waveform, and by 0.015 in a runtime that fuses no operators."""

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def golden_windows(spec: ModelSpec) -> NDArray[np.float32]:
    """Windows that every machine computes alike, shape (N_VECTORS, window_len).

    Sums of rising tones under a beat, from closed formulas: no random generator, whose
    stream another version might change.
    """
    t = np.arange(spec.window_len, dtype=np.float64) / spec.sample_rate
    windows = []
    for i in range(N_VECTORS):
        beat = np.exp(-6 * ((t * (1.5 + i)) % 1.0))
        sweep = np.sin(2 * np.pi * (110 * (i + 1) * t + 40 * (i + 1) * t**2))
        chord = sum(np.sin(2 * np.pi * hz * (i + 1) * t) for hz in (220.0, 277.2, 329.6))
        windows.append(0.3 * beat * sweep + 0.1 * chord)
    return np.stack(windows).astype(np.float32)


def golden_entry(spec: ModelSpec, run: Run) -> str:
    """The metadata entry: the recipe's number and the scores that a model gives."""
    scores = run(golden_windows(spec))
    return json.dumps({"recipe": RECIPE, "scores": scores.astype(float).round(6).tolist()})


def check_golden(entry: str | None, spec: ModelSpec, run: Run, *, where: str) -> float | None:
    """Hold a loaded model to its golden vectors.

    Args:
        entry: the metadata entry; None for a model that has none.
        spec: of the model.
        run: windows -> scores, on the device that is to be checked.
        where: names model and device in the message.

    Returns:
        The largest difference of a score; None if there is nothing to compare with.

    Raises:
        DeviceError: the answers differ by more than `TOLERANCE`, or what eight bits may.
    """
    # Another recipe is of another version: its vectors are not ours to compute.
    stored = json.loads(entry) if entry else {}
    if stored.get("recipe") != RECIPE:
        return None
    difference = float(np.abs(run(golden_windows(spec)) - np.array(stored["scores"])).max())
    allowed = EIGHT_BITS_TOLERANCE if spec.precision == "int8" else TOLERANCE
    if not difference <= allowed:  # NaN must not pass
        raise DeviceError(
            f"{where}: its answers differ by {difference:.3g} from those at export (allowed:"
            f" {allowed}), so it is not used. `tagger engine clear` removes cached engines;"
            " --device cpu does without them."
        )
    return difference
