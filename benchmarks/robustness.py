"""Does a recording keep its first label? `robustness.py [--model NAME] [--changes NAME...]`.

Each recording of `gtzan-audio` and `songs-cc` is coded again, resampled, mixed to mono, played
softer, clipped or cut, or gets what nobody hears (offset, drift, rumble, faint hum), and is
listened to through the scan's own decoder. Printed for each change: the share of recordings
whose first label is that of the original, and of those whose label was beyond its threshold to
begin with, since what nobody would write may change. `cut_to_5s` keeps the middle five seconds,
`without_first_5s` all but the first five. The last line is one JSON object.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from measure import data_folder, emit
from numpy.typing import NDArray

from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import Engine, load_engine
from tagger.scan.pipeline import ListenOptions, analyse
from train.augment.codecs import encode

Wave = NDArray[np.float32]
Change = Callable[[Wave, int, Path], Path]


def read(path: Path) -> tuple[Wave, int]:
    """All of a recording, shape (n_samples, n_channels), and its rate in Hz."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate = stream.codec_context.sample_rate
        to_float = av.AudioResampler(format="fltp", rate=rate)
        frames = [
            part for frame in container.decode(stream) for part in to_float.resample(frame)
        ]
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T, rate


def coded(codec: str, suffix: str, kbit_s: int, rate: int, *, mono: bool = False) -> Change:
    """The recording in a lossy codec."""

    def change(wave: Wave, own_rate: int, path: Path) -> Path:
        wave = wave.mean(axis=1, keepdims=True) if mono else wave
        samples = soxr.resample(wave, own_rate, rate) if own_rate != rate else wave
        path = path.with_suffix(suffix)
        with av.open(str(path), "w") as container:
            encode(container, samples.T, rate, codec, kbit_s=kbit_s, rate=rate)
        return path

    return change


def stored(alter: Callable[[Wave, int], tuple[Wave, int]]) -> Change:
    """The recording as WAV after some change."""

    def change(wave: Wave, rate: int, path: Path) -> Path:
        altered, new_rate = alter(wave, rate)
        path = path.with_suffix(".wav")
        soundfile.write(path, altered, new_rate)
        return path

    return change


def resampled(rate: int) -> Change:
    """The recording at another rate."""
    return stored(lambda wave, own: (soxr.resample(wave, own, rate), rate))


def clipped(wave: Wave, rate: int) -> tuple[Wave, int]:
    """3 dB louder than there is room for."""
    peak = max(float(np.abs(wave).max()), 1e-9)
    return np.clip(wave / peak * 10 ** (3 / 20), -1, 1), rate


def middle(wave: Wave, rate: int) -> tuple[Wave, int]:
    """The middle five seconds."""
    start = max(len(wave) - 5 * rate, 0) // 2
    return wave[start : start + 5 * rate], rate


def offset(share: float) -> Change:
    """A constant of so much of full scale, as cheap sound cards add."""
    return stored(lambda wave, rate: (wave * (1 - share) + share, rate))


def with_sine(hertz: float, level_db: float) -> Change:
    """A sine under everything, `level_db` below full scale."""

    def alter(wave: Wave, rate: int) -> tuple[Wave, int]:
        t = np.arange(len(wave), dtype=np.float64) / rate
        sine = 10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * t)
        return (wave * 0.9 + sine[:, None]).clip(-1, 1).astype(np.float32), rate

    return stored(alter)


CHANGES: dict[str, Change] = {
    "mp3_24_mono": coded("libmp3lame", ".mp3", 24, 16_000, mono=True),
    "mp3_64": coded("libmp3lame", ".mp3", 64, 44_100),
    "mp3_128": coded("libmp3lame", ".mp3", 128, 44_100),
    "opus_48": coded("libopus", ".opus", 48, 48_000),
    "rate_8k": resampled(8_000),
    "rate_16k": resampled(16_000),
    "mono": stored(lambda wave, rate: (wave.mean(axis=1, keepdims=True), rate)),
    "minus_20_db": stored(lambda wave, rate: (wave * 0.1, rate)),
    "clipped_3_db": stored(clipped),
    "offset_0.5": offset(0.005),
    "offset_2": offset(0.02),
    "offset_10": offset(0.1),
    "drift_0.3_hz": with_sine(0.3, -26.0),
    "rumble_10_hz": with_sine(10.0, -40.0),
    "rumble_16_hz": with_sine(16.0, -40.0),
    "hum_50_hz": with_sine(50.0, -60.0),
    "without_first_5s": stored(lambda wave, rate: (wave[5 * rate :], rate)),
    "cut_to_5s": stored(middle),
}


def heard(
    paths: list[Path], engine: Engine, options: ListenOptions
) -> dict[Path, NDArray[np.float32]]:
    """Scores of each file that could be heard."""
    tracks = analyse(paths, engine, options)
    return {track.path: track.scores for track in tracks if track.scores is not None}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--show", action="store_true", help="name what changed")
    parser.add_argument("--changes", nargs="+", choices=CHANGES, default=list(CHANGES))
    parser.add_argument("--full", action="store_true", help="listen to all of each recording")
    given = parser.parse_args()
    options = ListenOptions(full=given.full)
    engine = load_engine(find_model(given.model), device="cpu")
    labels = engine.spec.labels
    needed = np.array([engine.spec.thresholds[label] for label in labels])
    paths = list(find_tracks([data_folder() / name for name in ("gtzan-audio", "songs-cc")]))
    waves = {path: read(path) for path in paths}
    originals = heard(paths, engine, options)
    figures: dict[str, object] = {"model": engine.spec.revision, "n_files": len(originals)}
    for name in given.changes:
        change = CHANGES[name]
        with tempfile.TemporaryDirectory() as folder:
            made = {
                change(*waves[path], Path(folder) / f"{i:03d}"): path
                for i, path in enumerate(originals)
            }
            after = heard(list(made), engine, options)
        pairs = [(made[path], originals[made[path]], scores) for path, scores in after.items()]
        same = np.array([pair.argmax() == other.argmax() for _, pair, other in pairs])
        believed = np.array([bool((pair >= needed).any()) for _, pair, _ in pairs])
        figures[name] = {
            "same": round(float(same.mean()), 4),
            "same_of_believed": round(float(same[believed].mean()), 4),
        }
        if given.show:
            for (path, original, other), is_same in zip(pairs, same, strict=True):
                if not is_same:
                    print(
                        name, path.name, labels[original.argmax()], "->", labels[other.argmax()]
                    )
    emit(figures)


if __name__ == "__main__":
    main()
