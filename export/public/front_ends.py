"""Waveform -> log-mel features, as the makers of public models compute them."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from export.public.builder import Builder
from tagger.model.session import INPUT
from tagger.model.trimmed_front_end import FEATURES

Array = NDArray[np.float64]
MelScale = Literal["slaney", "htk", "htk-mels"]
Level = Literal["log10", "db", "log"]

GAIN = 10_000.0
FLOOR_POWER = 1e-10
OFFSET = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class MelRecipe:
    """How a model's features are computed; lengths in samples, frequencies in Hz.

    Attributes:
        sample_rate: of the waveform.
        n_fft: length of a frame.
        hop_len: distance between frames.
        n_mels: bands.
        n_frames: in a window.
        f_min_hz: lower edge of the lowest band.
        f_max_hz: upper edge of the highest band.
        scale: Slaney's mels with filters of equal area, or HTK's with filters of equal height,
            which are triangles over Hz ('htk') or over mels ('htk-mels').
        level: log10(1 + 10,000 power), 10 log10(max(power, 1e-10)), or log(0.01 + magnitude).
        is_centred: frames stand around multiples of the hop, the window mirrored at its ends;
            otherwise the first frame begins where the window does.
        n_samples: length of a window, where it is more than its frames need; None for that.
        frame_len: samples of a frame, where silence fills it up to n_fft; None for n_fft.
        is_symmetric: the Hann window ends as it begins, instead of one sample later.
        normal: mean and spread by which the logarithms are normalised; None for not.
    """

    sample_rate: int = 16_000
    n_fft: int = 512
    hop_len: int = 256
    n_mels: int = 96
    n_frames: int = 187
    f_min_hz: float = 0.0
    f_max_hz: float = 8_000.0
    scale: MelScale = "slaney"
    level: Level = "log10"
    is_centred: bool = False
    n_samples: int | None = None
    frame_len: int | None = None
    is_symmetric: bool = False
    normal: tuple[float, float] | None = None

    @property
    def window_len(self) -> int:
        """Length of a window in samples."""
        if self.n_samples is not None:
            return self.n_samples
        frames = (self.n_frames - 1) * self.hop_len
        return frames if self.is_centred else frames + (self.frame_len or self.n_fft)


def add_front_end(builder: Builder, recipe: MelRecipe, filters: Array | None = None) -> str:
    """Add the nodes from `waveform` to `features`, shape (batch, n_bands, n_frames).

    Frequencies that no filter takes are not computed.

    Args:
        builder: takes them.
        recipe: how features are computed.
        filters: shape (n_bands, n_fft // 2 + 1); None for the recipe's mels.
    """
    filters = mel_filters(recipe) if filters is None else filters
    used = np.flatnonzero(filters.sum(axis=0))
    basis = fourier_basis(recipe, used)
    x = builder.node("Unsqueeze", INPUT, builder.constant(np.array([1])))
    if recipe.is_centred:
        half = recipe.n_fft // 2
        pads = builder.constant(np.array([0, 0, half, 0, 0, half]))
        x = builder.node("Pad", x, pads, mode="reflect")
    x = builder.conv(x, basis[:, None, :], strides=[recipe.hop_len])
    # (batch, 2 * n_bins, n_frames): the squares of real and imaginary parts are summed by the
    # same product that sums bins to bands.
    squares = builder.node("Mul", x, x)
    weights = filters[:, used]
    if recipe.level == "log":
        pairs = builder.constant(np.concatenate([np.eye(len(used))] * 2, axis=1)[None])
        magnitudes = builder.node("Sqrt", builder.node("MatMul", pairs, squares))
        bands = builder.node("MatMul", builder.constant(weights[None]), magnitudes)
    else:
        both = np.concatenate([weights] * 2, axis=1)
        bands = builder.node("MatMul", builder.constant(both[None]), squares)
    return _add_level(builder, bands, recipe)


def _add_level(builder: Builder, bands: str, recipe: MelRecipe) -> str:
    """Powers or magnitudes -> what the network takes, named `features`."""

    def scalar(value: float) -> str:
        return builder.constant(np.array(value, np.float32))

    if recipe.level == "db":
        raised, factor = builder.node("Max", bands, scalar(FLOOR_POWER)), 10 / math.log(10)
    elif recipe.level == "log10":
        raised = builder.node("Add", builder.node("Mul", bands, scalar(GAIN)), scalar(1.0))
        factor = 1 / math.log(10)
    else:
        raised, factor = builder.node("Add", bands, scalar(OFFSET)), 1.0
    level = builder.node("Log", raised)
    mean, spread = recipe.normal or (0.0, 1.0)
    if mean:  # (factor * level - mean) / spread, in two steps
        level = builder.node("Sub", level, scalar(mean / factor))
    return builder.node("Mul", level, scalar(factor / spread), output=FEATURES)


def fourier_basis(recipe: MelRecipe, bins: NDArray[Any]) -> Array:
    """Windowed cosines, then sines, of some frequencies, shape (2 * n_bins, frame_len)."""
    length = recipe.frame_len or recipe.n_fft
    n = np.arange(length)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / (length - recipe.is_symmetric))
    angle = 2 * np.pi * np.outer(bins, n) / recipe.n_fft
    basis: Array = np.concatenate([np.cos(angle), -np.sin(angle)]) * hann
    return basis


def mel_filters(recipe: MelRecipe) -> Array:
    """Triangular filters, shape (n_mels, n_fft // 2 + 1)."""
    low, high = _to_mel(np.array([recipe.f_min_hz, recipe.f_max_hz]), recipe.scale)
    edges = np.linspace(low, high, recipe.n_mels + 2)
    hz = np.arange(recipe.n_fft // 2 + 1) * recipe.sample_rate / recipe.n_fft
    if recipe.scale == "htk-mels":
        hz = _to_mel(hz, recipe.scale)
    else:
        edges = _to_hz(edges, recipe.scale)
    rising = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    triangles: Array = np.minimum(rising, falling).clip(min=0)
    if recipe.scale == "slaney":
        triangles *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return triangles


_LOG_STEP = math.log(6.4) / 27
"""Of Slaney's scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""


def _to_mel(hz: Array, scale: MelScale) -> Array:
    if scale != "slaney":
        htk: Array = 2595 * np.log10(1 + hz / 700)
        return htk
    above = 15 + np.log(np.maximum(hz, 1000) / 1000) / _LOG_STEP
    return np.where(hz < 1000, hz * 3 / 200, above)


def _to_hz(mel: Array, scale: MelScale) -> Array:
    if scale != "slaney":
        htk: Array = 700 * (10 ** (mel / 2595) - 1)
        return htk
    above = 1000 * np.exp(_LOG_STEP * (mel - 15))
    return np.where(mel < 15, mel * 200 / 3, above)
