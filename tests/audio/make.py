"""Synthesised audio files in every container that can be written here."""

from pathlib import Path

import av
import numpy as np
import soundfile


def sweep(n_samples, *, rate, n_channels=1):
    """A rising tone with a slow beat: every moment of it is unlike every other."""
    t = np.arange(n_samples) / rate
    length_s = max(n_samples / rate, 1e-3)
    phase = 2 * np.pi * (200 * t + (800 - 200) / (2 * length_s) * t**2)
    mono = 0.4 * np.sin(phase) * (1 + 0.5 * np.sin(2 * np.pi * 0.7 * t))
    return np.repeat(mono[:, None], n_channels, axis=1).astype(np.float32)


def tone(n_samples, *, rate, hz, level=0.5):
    """A sine, shape (n_samples,)."""
    return (level * np.sin(2 * np.pi * hz * np.arange(n_samples) / rate)).astype(np.float32)


def write(path: Path, samples, *, rate, **options):
    """Write by libsndfile; the suffix (or `format`) decides."""
    soundfile.write(path, samples, rate, **options)
    return path


def write_av(path: Path, samples, *, rate, codec, container=None, sample_format="fltp"):
    """Write by FFmpeg; `samples` has the shape (n_samples, n_channels)."""
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.layout = layout
        stream.bit_rate = 128_000
        size = 1024
        for at in range(0, len(samples), size):
            block = np.ascontiguousarray(samples[at : at + size].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate = rate
            frame.pts = at
            for out_frame in av.AudioResampler(sample_format, layout, rate).resample(frame):
                out.mux(stream.encode(out_frame))
        out.mux(stream.encode(None))
    return path
