"""Whole files as waveforms for training, through the decoder that the scan uses."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray


def decode_whole(path: Path, *, sample_rate: int) -> NDArray[np.float32]:
    """Decode a short clip to mono float32 at `sample_rate`, shape (n_samples,)."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio @ np.full(audio.shape[1], 1 / audio.shape[1], dtype=np.float32)
    resampled: NDArray[np.float32] = soxr.resample(mono, rate, sample_rate)
    return resampled
