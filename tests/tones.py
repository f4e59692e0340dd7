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


CHORD = (0.5, 0.63, 0.75, 1.0)
"""Of the highest of four notes: a chord that a piano could play."""


def write_chords(path: Path, hz: float, *, seconds: float = 2.0, level: float = 0.3) -> Path:
    """Write a chord, struck twice a second: music to the shipped model, as a tone is not.

    The highest note is an octave of `hz` from 250 to 500 Hz. No two frequencies make the same
    file: a higher one fades a little faster.
    """
    t = np.arange(int(RATE * seconds)) / RATE
    highest = 250 * 2 ** (np.log2(hz / 250) % 1)
    chord = sum(np.sin(2 * np.pi * share * highest * t) for share in CHORD) / 2
    struck = level * chord * np.exp(-(4 + hz / 10_000) * (t % 0.5))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, struck.astype(np.float32), RATE)
    return path


def under_hiss(*, rate=16_000, seconds=3.0):
    """Tones that come and go under hiss, float32 of shape (n_samples,)."""
    rng = np.random.default_rng(0)
    t = np.arange(int(rate * seconds)) / rate
    tones = [
        np.sin(2 * np.pi * hz * t) * (np.sin(2 * t * k) > 0) for k, hz in ((1, 220), (3, 990))
    ]
    return (0.1 * sum(tones) + 0.02 * rng.standard_normal(len(t))).astype(np.float32)
