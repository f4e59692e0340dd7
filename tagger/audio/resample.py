"""Native sample rate -> the model's, for a piece of a track and for a stream of it."""

import math
from collections.abc import Iterator

import numpy as np
import soxr

from tagger.audio.reader import AudioReader
from tagger.audio.windows import Waveform

_QUALITY = "HQ"

_CONTEXT_LEN = 1024
"""Samples (at the lower of the two rates) read on both sides of a window for the filter."""


def read_window(
    source: AudioReader, start: int, *, window_len: int, sample_rate: int
) -> Waveform:
    """Read one window by seeking, as if it were cut out of the whole resampled track.

    Args:
        source: the opened track.
        start: first sample of the window, at `sample_rate`.
        window_len: length of the window in samples at `sample_rate`.
        sample_rate: rate of the result in Hz.

    Returns:
        Mono audio, shape (n_samples,), n_samples <= window_len: shorter (0 even) where the
        readable part of the track ends.
    """
    native = source.sample_rate
    if native == sample_rate:
        return source.read(start, window_len)
    # Output samples fall on input samples only every `step_in` samples: to keep the phase,
    # a piece must begin at such a place.
    common = math.gcd(native, sample_rate)
    step_in, step_out = native // common, sample_rate // common
    context_s = _CONTEXT_LEN / min(native, sample_rate)
    first_step = max(0, math.floor((start - context_s * sample_rate) / step_out))
    first_in, first_out = first_step * step_in, first_step * step_out
    end_in = math.ceil((start + window_len) * native / sample_rate + context_s * native)
    piece = source.read(first_in, end_in - first_in)
    if len(piece) == 0:
        return piece
    resampled: Waveform = soxr.resample(piece, native, sample_rate, quality=_QUALITY)
    return resampled[start - first_out :][:window_len]


def stream_resampled(
    blocks: Iterator[Waveform], *, native_rate: int, sample_rate: int
) -> Iterator[Waveform]:
    """Resample a track block by block, in bounded memory.

    Args:
        blocks: consecutive mono blocks, each (n_samples,).
        native_rate: rate of the blocks in Hz.
        sample_rate: rate of the result in Hz.

    Yields:
        Consecutive mono blocks at `sample_rate`; their borders are others.
    """
    if native_rate == sample_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(native_rate, sample_rate, 1, "float32", quality=_QUALITY)
    for block in blocks:
        yield stream.resample_chunk(block)
    # The filter holds back its length until it is told that no more comes.
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
