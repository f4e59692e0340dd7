"""Whole files as waveforms for training, mixed down as the scan does."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tagger.audio.downmix import Downmix


def decode_whole(path: Path, *, sample_rate: int) -> NDArray[np.float32]:
    """Decode a short clip to mono float32 at `sample_rate`, shape (n_samples,)."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = Downmix(0).mix(audio)
    resampled: NDArray[np.float32] = soxr.resample(mono, rate, sample_rate)
    return resampled
