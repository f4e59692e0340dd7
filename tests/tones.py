"""Tones as files."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 8_000


def write_tone(path: Path, hz: float, *, seconds: float = 2.0, level: float = 0.3) -> Path:
    """Write a sine to a file whose suffix libsndfile knows."""
    t = np.arange(int(RATE * seconds)) / RATE
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (level * np.sin(2 * np.pi * hz * t)).astype(np.float32), RATE)
    return path
