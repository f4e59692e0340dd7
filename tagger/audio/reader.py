"""What both decoders offer: one track at its own sample rate, mixed down to mono."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tagger.audio.windows import Waveform
from tagger.errors import DecodeError

LOWEST_RATE, HIGHEST_RATE = 1_000, 2_822_400
"""Sample rates in Hz that are believed.

Below, a header lies (1 Hz would make hours of nothing from a few bytes); the highest is what
FFmpeg makes of DSD512.
"""

LOWEST_BITRATE_BPS = 4_000
"""A stated length that would need fewer bits per second is checked."""

BLOCK_LEN = 1 << 17
"""Samples per block when a whole track is streamed."""


class AudioReader(Protocol):
    """A track opened by one decoder; positions and lengths are samples at its own rate."""

    decoder: str
    codec: str
    sample_rate: int
    n_samples: int
    """Length as the file or a scan of it says; it may be a lie, reading decides."""

    def read(self, start: int, n_samples: int) -> Waveform:
        """Return the mono audio from `start`, shorter where the readable part ends."""

    def blocks(self, start: int = 0) -> Iterator[Waveform]:
        """Yield consecutive mono blocks from `start` to the end of the readable part."""

    def close(self) -> None:
        """Release the file; nothing can be read afterwards."""


def check_format(*, sample_rate: int, n_channels: int) -> None:
    """Refuse a header that cannot be true.

    Raises:
        DecodeError: no channel, or a rate outside `LOWEST_RATE`..`HIGHEST_RATE`.
    """
    if n_channels < 1:
        raise DecodeError(f"the header claims {n_channels} channels")
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise DecodeError(f"the header claims a sample rate of {sample_rate:,} Hz")


def to_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Scale integer samples to [-1, 1); floating-point ones only change their width."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    # Unsigned samples (8 bits mostly) have their zero in the middle.
    half_range = 2.0 ** (8 * samples.dtype.itemsize - 1)
    offset = half_range if samples.dtype.kind == "u" else 0.0
    return ((samples.astype(np.float64) - offset) / half_range).astype(np.float32)
