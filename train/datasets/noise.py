"""noise: sounds that are no music and no speech, synthesised: fans, wires and tape hiss.

Where from: nowhere; each clip is made from its number, so it is the same each time.
Licence: none needed.
Splits: two of three clips are train, the third is valid.
Labels: none; no clip is music.
Index: the numbers.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from train.datasets.audio import Where, check_variant
from train.datasets.base import NOT_MUSIC, FeatureSet
from train.datasets.dataset import Dataset
from train.features.mel import MelFrontEnd, MelOptions

N_CLIPS = 120
SECONDS = 10.0
Wave = NDArray[np.float32]
Rng = np.random.Generator


def load(where: Where) -> FeatureSet:
    """Synthesise the clips and compute their features; nothing is read."""
    check_variant("noise", where.variant, ("",))
    front_end = MelFrontEnd(MelOptions()).eval()
    names = list(KINDS)
    ids = [f"{names[i % len(names)]}.{i // len(names):03d}" for i in range(N_CLIPS)]
    return FeatureSet(
        name="noise",
        labels=(),
        features=[features_of(i, front_end) for i in range(N_CLIPS)],
        db_of_step=np.ones(N_CLIPS, dtype=np.float32),
        n_repeats=np.ones(N_CLIPS, dtype=np.intp),
        ids=np.array(ids),
        targets=np.zeros((N_CLIPS, 0), dtype=np.float32),
        music=np.full(N_CLIPS, NOT_MUSIC, dtype=np.float32),
        splits=np.array(
            ["valid" if i // len(names) % 3 == 2 else "train" for i in range(N_CLIPS)]
        ),
        groups=np.array(ids),
        kind="single",
    )


@torch.no_grad()
def features_of(i: int, front_end: MelFrontEnd) -> NDArray[np.float32]:
    """Features of clip `i`, shape (n_mels, n_frames)."""
    wave = waveform(i, sample_rate=front_end.options.sample_rate)
    features: NDArray[np.float32] = front_end(torch.from_numpy(wave)[None])[0].numpy()
    return features


def waveform(i: int, *, sample_rate: int) -> Wave:
    """Clip `i` as samples in -1..1, `SECONDS` long; one kind after the other."""
    rng = np.random.default_rng(i)
    make = list(KINDS.values())[i % len(KINDS)]
    wave = make(int(SECONDS * sample_rate), sample_rate, rng)
    wave = wave / max(float(np.abs(wave).max()), 1e-9) * 10 ** rng.uniform(-1.5, -0.05)
    # No recording is without hiss; it also keeps the quiet bands from being exactly empty.
    hiss = 10 ** rng.uniform(-5, -3) * rng.standard_normal(len(wave))
    return (wave + hiss).clip(-1, 1).astype(np.float32)


def _coloured(n: int, sample_rate: int, rng: Rng) -> NDArray[np.float64]:
    """Noise whose power falls by -3 to 9 dB an octave, often without its highest part."""
    hertz = np.fft.rfftfreq(n, 1 / sample_rate).clip(20.0)
    spectrum = rng.standard_normal(len(hertz)) * np.exp(2j * np.pi * rng.random(len(hertz)))
    spectrum *= hertz ** -rng.uniform(-0.5, 1.5)
    if rng.random() < 0.5:
        spectrum[hertz > rng.uniform(2_000, sample_rate / 2)] *= 0.01
    return np.fft.irfft(spectrum, n)


def _swelling(n: int, sample_rate: int, rng: Rng) -> NDArray[np.float64]:
    """Noise that swells and fades as wind and surf do."""
    knots = rng.uniform(0.05, 1.0, max(int(n / sample_rate * rng.uniform(0.3, 2)), 2))
    swell = np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(knots)), knots)
    swelling: NDArray[np.float64] = _coloured(n, sample_rate, rng) * swell
    return swelling


def _hum(n: int, sample_rate: int, rng: Rng) -> NDArray[np.float64]:
    """The mains and its overtones, or a machine's."""
    t = np.arange(n) / sample_rate
    base = rng.choice([50.0, 60.0, rng.uniform(25, 400)]) * rng.uniform(0.99, 1.01)
    fall = rng.uniform(0.5, 2)
    wave = np.zeros(n)
    for k in range(1, int(rng.integers(2, 30))):
        if base * k < sample_rate / 2:
            wave += np.sin(2 * np.pi * (base * k * t + rng.random())) * rng.random() * k**-fall
    noise = _coloured(n, sample_rate, rng)
    wave += noise / np.abs(noise).max() * rng.uniform(0, 1)
    return wave


def _clicks(n: int, sample_rate: int, rng: Rng) -> NDArray[np.float64]:
    """Crackling: short bursts at irregular times over a little noise."""
    wave = np.zeros(n)
    starts = rng.integers(0, n, int(n / sample_rate * rng.uniform(1, 40)))
    wave[starts] = rng.standard_normal(len(starts)) ** 3
    ringing = np.exp(-np.arange(200) / rng.uniform(1, 40)) * rng.standard_normal(200)
    noise = _coloured(n, sample_rate, rng)
    noise *= rng.uniform(0.001, 0.1) / np.abs(noise).max()
    clicks: NDArray[np.float64] = np.convolve(wave, ringing)[:n]
    clicks /= max(float(np.abs(clicks).max()), 1e-9)
    clicks += noise
    return clicks


def _tones(n: int, sample_rate: int, rng: Rng) -> NDArray[np.float64]:
    """A test tone, a beep that comes and goes, or a sweep."""
    t = np.arange(n) / sample_rate
    low, high = rng.uniform(60, 4_000), rng.uniform(60, 8_000)
    kind = rng.integers(3)
    if kind == 0:
        steady: NDArray[np.float64] = np.sin(2 * np.pi * low * t)
        return steady
    if kind == 1:
        is_on = (t * rng.uniform(0.5, 5)) % 1 < rng.uniform(0.1, 0.9)
        beep: NDArray[np.float64] = np.sin(2 * np.pi * low * t) * is_on
        return beep
    phase = np.cumsum(np.linspace(low, high, n)) / sample_rate
    sweep: NDArray[np.float64] = np.sin(2 * np.pi * phase)
    return sweep


KINDS: dict[str, Callable[[int, int, Rng], NDArray[np.float64]]] = {
    "coloured": _coloured,
    "swelling": _swelling,
    "hum": _hum,
    "clicks": _clicks,
    "tones": _tones,
}
"""Name to maker: (samples, sample rate in Hz, generator) -> wave of any size."""


DATASET = Dataset(name="noise", load=load, gives="features")
