"""Synthesise a small folder of music in several containers: `demo_music.py FOLDER`.

For `make demo` on a machine without music. The pieces are made of tones and noise, so that
nobody's rights are touched; what the model hears in them says nothing about its quality.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 44_100
LENGTH_S = 20.0

Waveform = NDArray[np.float32]

SOUNDFILE = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".opus": ("OGG", "OPUS"),
}
FFMPEG = {".m4a": "aac", ".wma": "wmav2"}


def tone(hz: float, t: Waveform, *, n_partials: int, decay: float) -> Waveform:
    """A note of `n_partials` partials whose levels fall by `decay`."""
    parts = [np.sin(2 * np.pi * hz * k * t) * decay**k for k in range(1, n_partials + 1)]
    return np.sum(parts, axis=0).astype(np.float32)


def strike(every_s: float, t: Waveform, *, fall: float, shift_s: float = 0.0) -> Waveform:
    """An envelope that jumps up every so often and falls."""
    return np.exp(-fall * ((t + shift_s) % every_s)).astype(np.float32)


def club(t: Waveform, rng: np.random.Generator) -> Waveform:
    """Four to the floor: kick, hat, a bass on one note."""
    kick = np.sin(2 * np.pi * 55 * t) * strike(0.47, t, fall=14)
    hat = rng.standard_normal(len(t)) * strike(0.47, t, fall=40, shift_s=0.235) * 0.3
    bass = tone(55, t, n_partials=8, decay=0.7) * strike(0.235, t, fall=9) * 0.3
    return (kick + hat + bass).astype(np.float32)


def strings(t: Waveform, rng: np.random.Generator) -> Waveform:
    """Slow chords with a slight vibrato."""
    chords = (
        (220, 277.2, 329.6),
        (196, 246.9, 293.7),
        (174.6, 220, 261.6),
        (164.8, 207.7, 246.9),
    )
    out = np.zeros_like(t)
    for i, chord in enumerate(chords):
        here = ((t // 5) % len(chords) == i).astype(np.float32)
        swell = np.sin(np.pi * (t % 5) / 5)
        for hz in chord:
            vibrato = t + 0.0004 * np.sin(2 * np.pi * 5.5 * t + rng.uniform(0, 6))
            out += here * swell * tone(hz, vibrato.astype(np.float32), n_partials=7, decay=0.6)
    return out


def band(t: Waveform, rng: np.random.Generator) -> Waveform:
    """Distorted fifths over a backbeat."""
    root = np.where((t // 1) % 4 < 2, 82.4, 98.0)
    phase = 2 * np.pi * np.cumsum(root) / RATE
    guitar = np.tanh(6 * (np.sin(phase) + np.sin(1.5 * phase))) * 0.5
    snare = rng.standard_normal(len(t)) * strike(1.0, t, fall=18, shift_s=0.5)
    kick = np.sin(2 * np.pi * 60 * t) * strike(0.5, t, fall=16)
    return (guitar + 0.6 * snare + kick).astype(np.float32)


def speech(t: Waveform, rng: np.random.Generator) -> Waveform:
    """Syllables of a buzzing voice: something that should get no genre."""
    pitch = 110 + 25 * np.sin(2 * np.pi * 0.7 * t) + 8 * np.sin(2 * np.pi * 2.3 * t)
    buzz = np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / RATE))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * t) + rng.uniform(-0.2, 0.2), 0, 1)
    pauses = (np.sin(2 * np.pi * 0.35 * t) > -0.5).astype(np.float32)
    return (0.4 * buzz * syllables * pauses).astype(np.float32)


PIECES: tuple[tuple[str, Callable[[Waveform, np.random.Generator], Waveform]], ...] = (
    ("Demo Club/01 four to the floor.mp3", club),
    ("Demo Club/02 four to the floor again.m4a", club),
    ("Demo Strings/01 slow chords.flac", strings),
    ("Demo Strings/02 slow chords again.ogg", strings),
    ("Demo Band/01 fifths.wav", band),
    ("Demo Band/02 fifths again.opus", band),
    ("Demo Band/03 fifths once more.wma", band),
    ("Demo Voice/01 somebody talks.flac", speech),
    ("Demo Voice/02 nothing at all.wav", lambda t, _: np.zeros_like(t)),
)


def write(path: Path, waveform: Waveform) -> None:
    """Encode a mono waveform by the suffix of its name."""
    peak = float(np.abs(waveform).max()) or 1.0
    samples = (0.7 * waveform / peak).astype(np.float32)
    if path.suffix in SOUNDFILE:
        container, codec = SOUNDFILE[path.suffix]
        rate = 48_000 if codec == "OPUS" else RATE
        soundfile.write(path, samples, rate, format=container, subtype=codec)
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream(FFMPEG[path.suffix], rate=RATE, layout="mono")
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def main(folder: Path) -> None:
    """Make the folder; files that are there are written again."""
    t = (np.arange(int(RATE * LENGTH_S)) / RATE).astype(np.float32)
    for name, piece in PIECES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, piece(t, np.random.default_rng(7)))
    (folder / "Demo Voice" / "03 broken.mp3").write_bytes(b"this is no music\n" * 100)
    print(f"{len(PIECES) + 1} files in {folder}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)
