"""Augmentation of single recordings, by audiomentations: noise, time stretch, pitch, gain."""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import audiomentations
import numpy as np
from numpy.typing import NDArray

from train.augment.features import AugmentOptions

Waveform = NDArray[np.float32]
Change = Callable[[Waveform, int], Waveform]
"""A waveform of any length and a seed -> one that sounds a little different."""

SEMITONE = math.log(2) / 12


def clip_changes(options: AugmentOptions, *, sample_rate: int) -> Change:
    """What is done to each excerpt before it becomes part of a batch.

    Args:
        options: how often and how far.
        sample_rate: of the waveforms, in Hz.

    Returns:
        A function that changes a waveform (n_samples,) of float32; with `wave_stretch` > 0
        the result may be shorter or longer. Equal seeds give equal changes.
    """
    compose = audiomentations.Compose(_steps(options))

    def change(waveform: Waveform, seed: int) -> Waveform:
        with seeded(seed):
            changed = compose(samples=waveform, sample_rate=sample_rate)
        return np.ascontiguousarray(changed, dtype=np.float32)

    return change


def _steps(options: AugmentOptions) -> list[Any]:
    steps: list[Any] = [FastNoise(min_snr_db=20.0, max_snr_db=60.0, p=options.noise)]
    if options.wave_stretch > 0:
        stretch = audiomentations.TimeStretch(
            min_rate=math.exp(-options.stretch),
            max_rate=math.exp(options.stretch),
            leave_length_unchanged=False,
            p=options.wave_stretch,
        )
        steps.append(stretch)
    if options.wave_pitch > 0:
        semitones = options.pitch_semitones
        steps.append(
            audiomentations.PitchShift(
                min_semitones=-semitones, max_semitones=semitones, p=options.wave_pitch
            )
        )
    softer, louder = -options.gain_db, options.gain_db / 2
    steps.append(audiomentations.Gain(min_gain_db=softer, max_gain_db=louder, p=1.0))
    return [*steps, audiomentations.PolarityInversion(p=0.5)]


def spare_share(options: AugmentOptions) -> float:
    """How much longer an excerpt must be to fill a window when it is played faster."""
    return math.exp(options.stretch) if options.wave_stretch > 0 else 1.0


class FastNoise(audiomentations.AddGaussianSNR):  # type: ignore[misc]  # it has no types
    """White noise of even distribution: normal samples cost half of all loading.

    A spectrum adds up a thousand of them, which makes it the same noise.
    """

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:  # noqa: ARG002 - its signature
        """Add noise of the level that was drawn."""
        rng = np.random.Generator(np.random.SFC64(random.getrandbits(64)))
        noise = rng.random(samples.shape, dtype=np.float32)
        noise -= np.float32(0.5)
        noise *= np.float32(self.parameters["noise_std"] * math.sqrt(12))
        noise += samples
        noisy: Waveform = noise
        return noisy


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the generator that audiomentations draws from, and put back how it was.

    It is Python's global one; what a fit draws is to depend on its own generators alone, whose
    states are stored.
    """
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
