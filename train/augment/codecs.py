"""A recording as a lossy codec leaves it: what collections of low bit rates sound like.

The bands that a codec drops and the holes that it leaves are of the file, not of the music; a
network that meets them in some genres alone takes them for those genres. No change of features
sounds alike, so a real encoder and its decoder are asked.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Waveform = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A lossy codec and how it is met.

    Attributes:
        encoder: FFmpeg's name.
        container: of FFmpeg too; one that says how many samples lead in.
        kbit_s: bit rates of a recording in mono, in kb/s, each as likely.
        share: of the recordings.
    """

    encoder: str
    container: str
    kbit_s: Sequence[int]
    share: float


CODECS: tuple[Codec, ...] = (
    Codec(encoder="libmp3lame", container="mp3", kbit_s=(16, 24, 24, 32, 40, 56), share=0.5),
    Codec(encoder="aac", container="mp4", kbit_s=(20, 28, 40), share=0.25),
    Codec(encoder="libopus", container="ogg", kbit_s=(12, 18, 28), share=0.25),
)
"""Mono at 16 kHz: about what 48 to 160 kb/s are for two channels at 44.1 kHz."""

SHORTEST_S = 0.1
"""Of less than this some encoders make nothing."""


def draw_codec(rng: np.random.Generator) -> tuple[Codec, int]:
    """A codec, and its bit rate in kb/s."""
    shares = [codec.share for codec in CODECS]
    codec = CODECS[int(rng.choice(len(CODECS), p=shares))]
    return codec, int(rng.choice(codec.kbit_s))


def through(waveform: Waveform, codec: Codec, kbit_s: int, *, sample_rate: int) -> Waveform:
    """Encode and decode a recording.

    Args:
        waveform: shape (n_samples,).
        codec: which.
        kbit_s: bit rate in kb/s.
        sample_rate: of the waveform, in Hz. Where the encoder does not take it, the next higher
            one that it takes lies between.

    Returns:
        The same length and rate, in step with what came in to within 50 ms.

    Raises:
        ValueError: FFmpeg lacks the encoder.
        av.error.FFmpegError: the encoder fails.
    """
    file, n_samples = io.BytesIO(), len(waveform)
    padded = _fitted(waveform, max(n_samples, int(SHORTEST_S * sample_rate)))
    with av.open(file, "w", format=codec.container) as container:
        rate = rate_for(codec, sample_rate)
        encode(container, padded[None], sample_rate, codec.encoder, kbit_s=kbit_s, rate=rate)
    file.seek(0)
    return _fitted(_decoded(file, codec, sample_rate), n_samples)


def encode(
    container: Any,
    waveform: Waveform,
    sample_rate: int,
    encoder: str,
    *,
    kbit_s: int,
    rate: int,
) -> None:
    """Write a recording into an open container.

    Args:
        container: of PyAV.
        waveform: shape (n_channels, n_samples), one channel or two.
        sample_rate: of the waveform, in Hz.
        encoder: FFmpeg's name.
        kbit_s: bit rate in kb/s.
        rate: what it is coded at, in Hz.
    """
    stream: Any = container.add_stream(encoder, rate=rate)
    stream.layout, stream.bit_rate = ("mono", "stereo")[len(waveform) - 1], kbit_s * 1000
    to_codec = av.AudioResampler(
        format=stream.codec_context.format, layout=stream.layout, rate=rate
    )
    samples = np.ascontiguousarray(waveform, dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=stream.layout.name)
    frame.rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
    for part in [*to_codec.resample(frame), *to_codec.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def rate_for(codec: Codec, sample_rate: int) -> int:
    """The lowest rate of an encoder that is no lower than this one, in Hz, or its highest."""
    taken: list[int] | None = av.Codec(codec.encoder, "w").audio_rates
    if not taken or sample_rate in taken:
        return sample_rate
    return min((rate for rate in taken if rate > sample_rate), default=max(taken))


def _decoded(file: io.BytesIO, codec: Codec, sample_rate: int) -> Waveform:
    with av.open(file, format=codec.container) as read:
        to_float = av.AudioResampler(format="fltp", layout="mono", rate=sample_rate)
        frames = [
            part for frame in read.decode(audio=0) for part in to_float.resample(frame)
        ] + to_float.resample(None)
    whole: Waveform = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return whole


def _fitted(waveform: Waveform, n_samples: int) -> Waveform:
    """Cut, or filled with silence, to a length."""
    return np.pad(waveform[:n_samples], (0, max(n_samples - len(waveform), 0)))
