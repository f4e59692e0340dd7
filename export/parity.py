"""Does the exported graph answer as the network does? On every kind of sound and device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import ModelProto

from tagger.model.device_options import MAX_BATCH, PROVIDERS, Device
from tagger.model.spec import Precision
from train.models.network import TaggerNet

Array = NDArray[np.float32]
FrontEnd = Literal["whole", "trimmed"]
Answers = Callable[[Array], Array]
"""Windows, shape (batch, window_len) -> scores, shape (batch, n_labels)."""

TOLERANCES = {"fp32": 1e-3, "fp16": 2e-2}
"""Largest allowed difference of a score by precision. float32 sums in another order differ by
1e-5 or so; digital silence and square waves amplify that in the logarithm of empty bands.
int8 has no tolerance: what it costs is measured on a real split."""

BATCHES = (1, 3, MAX_BATCH)


@dataclass(frozen=True, slots=True)
class Parity:
    """One row of the table.

    Attributes:
        device: which provider answered: 'cpu', 'cuda' or 'tensorrt'.
        front_end: 'whole', or 'trimmed' where what nobody looks at is left out.
        precision: of the graph that answered.
        sound: what was heard in the last window of the batch; noise is in the others.
        batch: windows.
        max_difference: of any score from the reference's; infinite if one is no number.
        mean_difference: of all scores.
        same_first: share of windows with the same first label.
        tolerance: largest allowed difference; None where only numbers are asked for.
        passed: whether it is within the tolerance.
    """

    device: str
    front_end: FrontEnd
    precision: Precision
    sound: str
    batch: int
    max_difference: float
    mean_difference: float
    same_first: float
    tolerance: float | None
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphKind:
    """Which graph answers, and where.

    Attributes:
        precision: of its weights, which says how far it may be off.
        device: where it answers.
        front_end: which one it has.
    """

    precision: Precision = "fp32"
    device: Device = "cpu"
    front_end: FrontEnd = "whole"


WHOLE_ON_CPU = GraphKind()


def sounds(window_len: int, *, sample_rate: int, seed: int = 0) -> dict[str, Array]:
    """Windows that are unlike each other, each of shape (window_len,), in [-1, 1]."""
    rng = np.random.default_rng(seed)
    t = np.arange(window_len) / sample_rate
    chord = sum(
        np.sin(2 * np.pi * hz * t) / (i + 1) for i, hz in enumerate((220, 277, 330, 880))
    )
    beat = np.abs(np.sin(2 * np.pi * 2 * t)) ** 4
    click = np.zeros(window_len)
    click[window_len // 2] = 1.0
    every = {
        "music": 0.3 * chord * beat + 0.01 * rng.standard_normal(window_len),
        "silence": np.zeros(window_len),
        "full-scale square": np.sign(np.sin(2 * np.pi * 440 * t)),
        "DC": np.full(window_len, 0.5),
        "white noise": 0.2 * rng.standard_normal(window_len),
        "click": click,
        "near silence": 1e-5 * rng.standard_normal(window_len),
    }
    return {name: sound.astype(np.float32) for name, sound in every.items()}


def of_network(net: TaggerNet) -> Answers:
    """What PyTorch answers."""

    @torch.no_grad()
    def answers(windows: Array) -> Array:
        return np.asarray(net(torch.from_numpy(windows)).numpy())

    return answers


def of_graph(model: ModelProto) -> Answers:
    """What ONNX Runtime answers on the CPU."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=[PROVIDERS["cpu"]]
    )
    return lambda windows: np.asarray(session.run(["scores"], {"waveform": windows})[0])


def compare_outputs(
    reference: Answers,
    answers: Answers,
    *,
    window_len: int,
    sample_rate: int,
    kind: GraphKind = WHOLE_ON_CPU,
    batches: Sequence[int] = BATCHES,
) -> list[Parity]:
    """Ask both about every sound at every batch size.

    Args:
        reference: what is right.
        answers: what is held to it.
        window_len: length of a window in samples.
        sample_rate: in Hz.
        kind: of the graph that answers.
        batches: windows a batch.
    """
    rng = np.random.default_rng(1)
    tolerance = TOLERANCES.get(kind.precision)
    rows = []
    for name, sound in sounds(window_len, sample_rate=sample_rate).items():
        for batch in batches:
            windows = 0.1 * rng.standard_normal((batch, window_len)).astype(np.float32)
            windows[-1] = sound
            expected, answered = reference(windows), answers(windows)
            difference = np.abs(expected - answered)
            finite = bool(np.isfinite(answered).all())
            largest = float(difference.max()) if finite else float("inf")
            rows.append(
                Parity(
                    device=kind.device,
                    front_end=kind.front_end,
                    precision=kind.precision,
                    sound=name,
                    batch=batch,
                    max_difference=largest,
                    mean_difference=float(difference.mean()) if finite else float("inf"),
                    same_first=float(
                        np.mean(expected.argmax(axis=1) == answered.argmax(axis=1))
                    ),
                    tolerance=tolerance,
                    passed=finite and (tolerance is None or largest <= tolerance),
                )
            )
    return rows


_COLUMNS = "{:4}  {:<17}  {:>5}  {:>7}  {:>7}  {:>10}  {:>7}"


def heading_of(kind: GraphKind) -> str:
    """Two lines above the rows of one graph: which it is, and what the columns are."""
    columns = _COLUMNS.format("", "sound", "batch", "max", "mean", "same first", "allowed")
    return f"{kind.device}, {kind.front_end} front end, {kind.precision}:\n{columns}"


def line_of(row: Parity) -> str:
    """One line under `heading_of`; its last column is the tolerance."""
    return _COLUMNS.format(
        "pass" if row.passed else "FAIL",
        row.sound,
        row.batch,
        f"{row.max_difference:.1e}",
        f"{row.mean_difference:.1e}",
        f"{row.same_first:.0%}",
        "-" if row.tolerance is None else f"{row.tolerance:.0e}",
    )
