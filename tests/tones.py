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


def write_chords(path: Path, *, seconds: float = 4.0) -> Path:
    """Write a chord struck twice a second, which the shipped model takes for music."""
    t = np.arange(int(RATE * seconds)) / RATE
    chord = sum(np.sin(2 * np.pi * hz * t) for hz in (220, 277, 330, 440))
    struck = 0.12 * chord * np.exp(-4 * (t % 0.5))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, struck.astype(np.float32), RATE)
    return path
