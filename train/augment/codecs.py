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


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder of FFmpeg, the container that says how many samples lead in, and its rates.

    `kbit_s` are for a recording in mono; `rate` is what it is coded at, 0 for its own.
    """

    encoder: str
    container: str
    kbit_s: Sequence[int]
    rate: int = 0


CODECS: tuple[Codec, ...] = (
    Codec("libmp3lame", "mp3", (16, 24, 24, 32, 40, 56)),
    Codec("aac", "ipod", (20, 28, 40)),
    Codec("libopus", "ogg", (12, 18, 28), rate=48_000),
)
"""Mono at 16 kHz: about what 48 to 160 kb/s are for two channels at 44.1 kHz."""


def draw_codec(rng: np.random.Generator) -> tuple[Codec, int]:
    """A codec, and its bit rate in kb/s."""
    codec = CODECS[int(rng.choice(len(CODECS), p=(0.5, 0.25, 0.25)))]
    return codec, int(rng.choice(codec.kbit_s))


def through(waveform: Waveform, codec: Codec, kbit_s: int, *, sample_rate: int) -> Waveform:
    """Encode and decode a recording.

    Args:
        waveform: shape (n_samples,).
        codec: which.
        kbit_s: bit rate in kb/s.
        sample_rate: of the waveform, in Hz.

    Returns:
        The same length and rate, in step with what came in to within 50 ms.

    Raises:
        av.error.FFmpegError: the encoder does not take this rate.
    """
    file = io.BytesIO()
    rate = codec.rate or sample_rate
    with av.open(file, "w", format=codec.container) as container:
        stream: Any = container.add_stream(codec.encoder, rate=rate)
        stream.layout, stream.bit_rate = "mono", kbit_s * 1000
        to_codec = av.AudioResampler(
            format=stream.codec_context.format,
            layout="mono",
            rate=rate,
            frame_size=stream.codec_context.frame_size or None,
        )
        for frame in to_codec.resample(_frame(waveform, sample_rate)) + to_codec.resample(None):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return _fitted(_decoded(file, codec, sample_rate), len(waveform))


def _frame(waveform: Waveform, sample_rate: int) -> Any:
    frame = av.AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
    frame.rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
    return frame


def _decoded(file: io.BytesIO, codec: Codec, sample_rate: int) -> Waveform:
    with av.open(file, format="mp4" if codec.container == "ipod" else codec.container) as read:
        to_float = av.AudioResampler(format="fltp", layout="mono", rate=sample_rate)
        frames = [
            part for frame in read.decode(audio=0) for part in to_float.resample(frame)
        ] + to_float.resample(None)
    whole: Waveform = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return whole


def _fitted(waveform: Waveform, n_samples: int) -> Waveform:
    """Cut, or filled with silence, to a length."""
    return np.pad(waveform[:n_samples], (0, max(n_samples - len(waveform), 0)))
