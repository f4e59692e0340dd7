"""noise: sounds that are no music, synthesised: fans, wires, hiss, alarms and buzzing voices.

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

N_CLIPS = 168
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
        splits=np.array([split_of(i) for i in range(N_CLIPS)]),
        groups=np.array(ids),
        kind="single",
    )


@torch.no_grad()
def features_of(i: int, front_end: MelFrontEnd) -> NDArray[np.float32]:
    """Features of clip `i`, shape (n_mels, n_frames)."""
    wave = waveform(i, sample_rate=front_end.options.sample_rate)
    features: NDArray[np.float32] = front_end(torch.from_numpy(wave)[None])[0].numpy()
    return features


def split_of(i: int) -> str:
    """`train` or `valid`: of each kind the third clip is for measuring."""
    return "valid" if i // len(KINDS) % 3 == 2 else "train"


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


def _buzz(hertz: NDArray[np.float64], sample_rate: int, rng: Rng) -> NDArray[np.float64]:
    """Pulses, a square wave or a sawtooth whose pitch changes: (n,) from a pitch in Hz."""
    turns = np.cumsum(hertz) / sample_rate
    kind = rng.integers(3)
    if kind == 0:
        width = rng.uniform(0.03, 0.3)
        return np.where(turns % 1 < width, 1 - width, -width)
    saw: NDArray[np.float64] = 2 * (turns % 1) - 1
    return np.where(saw < 0, -1.0, 1.0) if kind == 1 else saw


def _glide(n: int, sample_rate: int, rng: Rng, *, a_second: float) -> NDArray[np.float64]:
    """A line through `a_second` random values of -1..1 a second, shape (n,)."""
    knots = rng.uniform(-1, 1, max(round(n / sample_rate * a_second), 2))
    glide: NDArray[np.float64] = np.interp(
        np.linspace(0, len(knots) - 1, n), range(len(knots)), knots
    )
    return glide


def _talk(n: int, sample_rate: int, rng: Rng) -> NDArray[np.float64]:
    """A voice as machines make it: syllables of a buzz through resonances, and pauses.

    Source and filter apart are the oldest model of a voice (G. Fant, Acoustic Theory of Speech
    Production, 1960).
    """
    melody = rng.uniform(0, 0.35) * _glide(n, sample_rate, rng, a_second=rng.uniform(0.5, 5))
    wave = _buzz(rng.uniform(70, 260) * 2**melody, sample_rate, rng)
    t = np.arange(n) / sample_rate
    if rng.random() < 0.75:
        wave = _resonate(wave, sample_rate, rng, syllable_s=1 / rng.uniform(2, 7))
    loud = np.sin(2 * np.pi * rng.uniform(2, 7) * t) + rng.uniform(-0.3, 0.5)
    pause = np.sin(2 * np.pi * rng.uniform(0.15, 0.6) * t + rng.uniform(0, 6)) > rng.uniform(
        -0.9, 0.2
    )
    talk: NDArray[np.float64] = wave * loud.clip(0, 1) * pause
    return talk


def _resonate(
    wave: NDArray[np.float64], sample_rate: int, rng: Rng, *, syllable_s: float
) -> NDArray[np.float64]:
    """The wave through three resonances that are others in each syllable."""
    out = np.zeros_like(wave)
    size = int(syllable_s * sample_rate)
    for start in range(0, len(wave), size):
        piece = wave[start : start + size]
        hertz = np.fft.rfftfreq(len(piece), 1 / sample_rate)
        gain = np.zeros(len(hertz))
        for low, high in ((250, 900), (800, 2_500), (2_200, 3_500)):
            middle, width = rng.uniform(low, high), rng.uniform(60, 200)
            gain += 1 / (1 + ((hertz - middle) / width) ** 2)
        out[start : start + size] = np.fft.irfft(np.fft.rfft(piece) * gain, len(piece))
    return out


def _alarm(n: int, sample_rate: int, rng: Rng) -> NDArray[np.float64]:
    """A siren, a buzzer or an engine: one pitch that goes up and down, on and off."""
    t = np.arange(n) / sample_rate
    low, period_s = 10 ** rng.uniform(1.7, 3.3), 10 ** rng.uniform(-1, 0.8)
    way = (t / period_s) % 1
    shape = (np.sin(2 * np.pi * way), way, np.sign(way - 0.5), np.zeros(n))[rng.integers(4)]
    hertz = (low * 2 ** (shape * rng.uniform(0.1, 1))).clip(20, 0.45 * sample_rate)
    pure: NDArray[np.float64] = np.sin(2 * np.pi * np.cumsum(hertz) / sample_rate)
    wave = pure if rng.random() < 0.3 else _buzz(hertz, sample_rate, rng)
    if rng.random() < 0.5:
        wave = wave * (way < rng.uniform(0.2, 0.9))
    return wave


KINDS: dict[str, Callable[[int, int, Rng], NDArray[np.float64]]] = {
    "coloured": _coloured,
    "swelling": _swelling,
    "hum": _hum,
    "clicks": _clicks,
    "tones": _tones,
    "talk": _talk,
    "alarm": _alarm,
}
"""Name to maker: (samples, sample rate in Hz, generator) -> wave of any size."""


DATASET = Dataset(name="noise", load=load, gives="features")
