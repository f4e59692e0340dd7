"""Engines without a model file: scores that can be computed by hand."""

from pathlib import Path

import numpy as np

from tagger.model.load import Engine
from tagger.model.spec import ModelSpec

RATE = 8_000
LABELS = ("low", "high")


def make_spec(**changes) -> ModelSpec:
    """A spec of half-second windows at 8 kHz and two labels."""
    fields = {
        "name": "fake",
        "sample_rate": RATE,
        "window_len": RATE // 2,
        "n_fft": 256,
        "hop_len": 128,
        "n_mels": 8,
        "labels": LABELS,
        "kind": "multi",
        "thresholds": dict.fromkeys(LABELS, 0.5),
        "silence_dbfs": -60.0,
    }
    return ModelSpec(**(fields | changes))


class ToneSession:
    """Scores a window by the share of its energy below and above 1 kHz."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, _outputs, feed):
        windows = feed["waveform"]
        self.batches.append(len(windows))
        power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
        split = windows.shape[1] * 1000 // RATE
        total = power.sum(axis=1) + 1e-12
        low = power[:, :split].sum(axis=1) / total
        sure = 0.98  # nothing is certain
        return [sure * np.stack([low, 1 - low], axis=1).astype(np.float32)]


def tone_engine(**changes) -> Engine:
    """An engine that tells low tones from high ones."""
    return Engine(Path("fake.onnx"), make_spec(**changes), "cpu", None, ToneSession())
