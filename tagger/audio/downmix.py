"""Channels -> mono: their mean, or one of them where the mean cancels the music."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tagger.audio.windows import Waveform

STRETCH_LEN = 1 << 15
"""Samples that are mixed alike. Stretches are counted from the start of the track, so that who
reads a part of it hears there what others do who read all of it."""

_ALL, _NOTHING = 0.2, 0.5
"""Power of the mean, as a part of what channels without any likeness would leave of it. Below
the first only a channel is taken, from the second on only the mean. Of two channels that are
equally loud: correlations of -0.8 and -0.5."""

_STEP = 512
_BASS = range(0, 128, 16)
_TREBLE = range(0, 12, 4)
"""Of every `_STEP` samples a few are looked at, since all would take as long as mixing them."""

_N_BANDS = 3
_BASS_COUNTS = 0.1  # when the loudest channel is chosen: a subwoofer's is not the music
_LOUD = 0.2  # of the loudest channel's power: the first such channel is taken, always the same
_MOST_CHANNELS = 32  # of more, the mean is taken
_FEW_LEN = STRETCH_LEN // 2  # too few samples to be judged alone
_FADE_LEN = 256

Weights = NDArray[np.float32]
"""How much of each channel is mixed into each stretch, shape (n_stretches, n_channels)."""


class Downmix:
    """Mixes consecutive blocks of a track; holds where it is, and how it mixed last.

    The mean of two channels in opposite phase is silence, and that of nearly opposite ones a
    remainder that no listener hears alone. Where the mean of a band is far below the channels,
    the first of the loud ones is taken instead; on the way there, a part of both. What alone is
    opposite and lies above some 4 kHz is lost: lower sounds are louder by far, and decide.
    """

    def __init__(self, position: int) -> None:
        """Begin.

        Args:
            position: place of the first block in the track, in samples.
        """
        self._position = position
        self._n_channels = 0  # none were mixed yet
        self._last: Weights | None = None  # of the last stretch, (n_channels,); None: the mean

    def mix(self, channels: NDArray[np.float32]) -> Waveform:
        """Mix the next block.

        Args:
            channels: audio in [-1, 1], shape (n_samples, n_channels).

        Returns:
            Finite mono audio, shape (n_samples,).
        """
        mono, channels = _averaged(channels)
        n_samples, n_channels = channels.shape
        is_first = n_channels != self._n_channels
        if is_first:
            self._n_channels, self._last = n_channels, None
        if n_samples and 1 < n_channels <= _MOST_CHANNELS:
            starts = _stretches(self._position, n_samples)
            weights = self._weights(channels, starts, is_first=is_first)
            if weights is not None:
                last = self._last
                # What was mixed as the mean is faded from as the mean.
                if last is None and not is_first:
                    last = np.full(n_channels, 1 / n_channels, np.float32)
                _remix(mono, channels, starts, weights, last=last)
                self._last = None if _is_mean(weights[-1]) else weights[-1]
        self._position += n_samples
        return mono

    def _weights(
        self, channels: NDArray[np.float32], starts: list[int], *, is_first: bool
    ) -> Weights | None:
        """How to mix a block, None for the mean of all of it and of what was before it."""
        n_samples, n_channels = channels.shape
        if n_samples < _FEW_LEN and not is_first:
            return None if self._last is None else self._last[None]
        weights = _choose(channels, starts)
        if weights is None and self._last is not None:
            weights = np.full((len(starts), n_channels), 1 / n_channels, np.float32)
        return weights


def _is_mean(weights: Weights) -> bool:
    return bool((weights == weights[0]).all())


def _remix(
    mono: Waveform,
    channels: NDArray[np.float32],
    starts: list[int],
    weights: Weights,
    *,
    last: Weights | None,
) -> None:
    """Mix a block anew, in place; a change of the weights is faded over."""
    ends = [*starts[1:], len(mono)]
    for start, end, chosen in zip(starts, ends, weights, strict=True):
        mono[start:end] = channels[start:end] @ chosen
        if last is not None and (last != chosen).any():
            fade = slice(start, min(start + _FADE_LEN, end))
            n_faded = fade.stop - start
            share = np.arange(n_faded, 0, -1, dtype=np.float32) / (n_faded + 1)
            mono[fade] += share * (channels[fade] @ (last - chosen))
        last = chosen


def _averaged(channels: NDArray[np.float32]) -> tuple[Waveform, NDArray[np.float32]]:
    """The mean of the channels, and the channels; what is no finite number becomes silence.

    A dot product does it, since `mean(axis=1)` takes 20 times as long.
    """
    n_channels = channels.shape[1]
    weights = np.full(n_channels, 1 / n_channels, dtype=np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        mono: Waveform = channels @ weights
        is_finite = np.isfinite(np.dot(mono, mono))  # half the time of asking each sample
    if not is_finite:
        channels = np.clip(np.nan_to_num(channels, posinf=0, neginf=0), -1e6, 1e6)
        mono = channels @ weights
    return mono, channels


def _stretches(position: int, n_samples: int) -> list[int]:
    """Where stretches begin in a block, in samples; a small part at its edge joins the next."""
    first = -position % STRETCH_LEN
    starts = list(range(first, n_samples, STRETCH_LEN))
    if first < _FEW_LEN and starts:
        starts[0] = 0
    elif first:
        starts.insert(0, 0)
    if len(starts) > 1 and n_samples - starts[-1] < _FEW_LEN:
        starts.pop()
    return starts


def _choose(channels: NDArray[np.float32], starts: list[int]) -> Weights | None:
    """How to mix each stretch of a block; None if the mean is right for all of them."""
    n_channels = channels.shape[1]
    products = _products(channels, starts)
    is_mean, of_sum, of_channels = _powers(n_channels)
    # Nearly all music: the mean is right, and nothing else is computed.
    if not (products @ is_mean < 0).any():
        return None
    least = np.float32(np.finfo(np.float32).tiny)
    left = (products @ of_sum) / np.maximum(products @ of_channels, least)
    left[products @ of_channels <= least] = _NOTHING
    share = np.clip((_NOTHING - left.min(axis=1)) / (_NOTHING - _ALL), 0, 1)
    n_rows = _N_BANDS * n_channels
    squares = np.diagonal(products.reshape(-1, n_rows, n_rows), axis1=1, axis2=2)
    bass, middle, treble = np.split(squares, _N_BANDS, axis=1)
    loudness = middle + treble + _BASS_COUNTS * bass
    loud = (loudness >= _LOUD * loudness.max(axis=1, keepdims=True)).argmax(axis=1)
    weights = np.repeat((1 - share[:, None]) / n_channels, n_channels, axis=1)
    weights[np.arange(len(starts)), loud] += share
    return weights.astype(np.float32)


def _products(channels: NDArray[np.float32], starts: list[int]) -> NDArray[np.float32]:
    """Products of the bands of all channels with each other, summed over each stretch.

    Returns:
        Shape (n_stretches, (n_bands * n_channels) ** 2).
    """
    n_samples, n_channels = channels.shape
    n_steps = n_samples // _STEP
    steps = channels[: n_steps * _STEP].reshape(n_steps, _STEP, n_channels)
    taps = np.empty((n_steps, len(_BASS) + len(_TREBLE), n_channels), np.float32)
    taps[:, : len(_BASS)] = steps[:, _BASS.start : _BASS.stop : _BASS.step]
    taps[:, len(_BASS) :] = steps[:, _TREBLE.start : _TREBLE.stop : _TREBLE.step]
    rows = taps.reshape(n_steps, taps.shape[1] * n_channels) @ _filters(n_channels)
    if len(starts) * STRETCH_LEN == n_samples:  # one call for all of them is twice as fast
        whole = rows.reshape(len(starts), -1, rows.shape[1])
        return (whole.transpose(0, 2, 1) @ whole).reshape(len(starts), -1)
    parts = np.split(rows, [start // _STEP for start in starts[1:]])
    return np.stack([(part.T @ part).ravel() for part in parts])


@cache
def _filters(n_channels: int) -> NDArray[np.float32]:
    """What makes bands of taps: the bass, what is above it, the treble.

    Returns:
        Shape (n_taps * n_channels, n_bands * n_channels).
    """
    taps = np.zeros((len(_BASS) + len(_TREBLE), _N_BANDS), np.float32)
    taps[: len(_BASS), 0] = 1 / len(_BASS)
    taps[:2, 1] = 1, -1
    taps[len(_BASS) :, 2] = 1, -2, 1
    return np.kron(taps, np.eye(n_channels, dtype=np.float32))


@cache
def _powers(n_channels: int) -> tuple[NDArray[np.float32], ...]:
    """What makes of `_products` a number for each band.

    Returns:
        Three of shape ((n_bands * n_channels) ** 2, n_bands). They give what is negative where
        the mean is not right, the power of the channels' sum, and all their powers together.
    """
    made = []
    for kind in (np.ones((n_channels, n_channels)), np.eye(n_channels)):
        each = [np.kron(np.diag(row), kind).ravel() for row in np.eye(_N_BANDS)]
        made.append(np.stack(each, axis=1).astype(np.float32))
    of_sum, of_channels = made
    return of_sum - np.float32(_NOTHING) * of_channels, of_sum, of_channels
