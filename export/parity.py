"""Does the exported graph answer as the network does? On every kind of sound."""

from dataclasses import dataclass

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import ModelProto

from tagger.spec import Precision
from train.models.network import TaggerNet

TOLERANCES = {"fp32": 1e-3, "fp16": 2e-2}
"""Largest allowed difference of a score by precision. float32 sums in another order differ by
1e-5 or so; digital silence and square waves amplify that in the logarithm of empty bands.
int8 has no tolerance: what it costs is measured on a real split."""

BATCHES = (1, 3, 16)


@dataclass(frozen=True, slots=True)
class Parity:
    """One row of the table: a sound at a batch size."""

    sound: str
    batch: int
    max_difference: float
    mean_difference: float
    same_first: float
    passed: bool


def sounds(
    window_len: int, *, sample_rate: int, seed: int = 0
) -> dict[str, NDArray[np.float32]]:
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


@torch.no_grad()
def compare(
    net: TaggerNet, model: ModelProto, *, sample_rate: int, precision: Precision = "fp32"
) -> list[Parity]:
    """Run both on every sound at every batch size, the other places filled with noise."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    window_len = session.get_inputs()[0].shape[1]
    rng = np.random.default_rng(1)
    rows = []
    for name, sound in sounds(window_len, sample_rate=sample_rate).items():
        for batch in BATCHES:
            windows = 0.1 * rng.standard_normal((batch, window_len)).astype(np.float32)
            windows[-1] = sound
            expected = net(torch.from_numpy(windows)).numpy()
            found = session.run(["scores"], {"waveform": windows})[0]
            rows.append(_row(name, batch, expected, found, precision=precision))
    return rows


def _row(
    name: str,
    batch: int,
    expected: NDArray[np.float32],
    found: NDArray[np.float32],
    *,
    precision: Precision,
) -> Parity:
    difference = np.abs(expected - found)
    finite = bool(np.isfinite(found).all())
    return Parity(
        sound=name,
        batch=batch,
        max_difference=float(difference.max()) if finite else float("inf"),
        mean_difference=float(difference.mean()) if finite else float("inf"),
        same_first=float(np.mean(expected.argmax(axis=1) == found.argmax(axis=1))),
        passed=finite and float(difference.max()) <= TOLERANCES.get(precision, 1.0),
    )
