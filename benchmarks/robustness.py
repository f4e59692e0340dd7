"""Does a recording keep its first label? `robustness.py [--model NAME] [--changes NAME...]`.

Each recording of `gtzan-audio` and `songs-cc` is coded again, resampled, mixed to mono, played
softer, clipped or cut, or gets what nobody hears (offset, drift, rumble, faint hum), and is
listened to through the scan's own decoder. Genres alone are compared, since a scan names no
mood, voice or instrument first. Printed for each change: the share of recordings whose first
genre is that of the original, and of those that would get a genre to begin with, since what
nobody would write may change. `cut_to_5s` keeps the middle five seconds, `without_first_5s` all
but the first five. The last line is one JSON object.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from measure import data_folder, emit
from numpy.typing import NDArray
from scores import Recording, Scores

from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import Engine, load_engine
from tagger.scan.pipeline import ListenOptions
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
    """The recording in a lossy codec; more than two channels are mixed to mono."""

    def change(wave: Wave, own_rate: int, path: Path) -> Path:
        if mono or wave.shape[1] > 2:
            wave = wave.mean(axis=1, keepdims=True)
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


@dataclass(frozen=True, slots=True)
class Pairs:
    """Recordings that were heard before and after a change, each shape (n,).

    `before` and `after` are the columns of the first genres, `is_believed` whether the original
    would get any genre.
    """

    paths: list[Path]
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    is_believed: NDArray[np.bool_]

    def figures(self) -> dict[str, float]:
        """The share that keeps its first genre, of all and of those that would get one."""
        same = self.before == self.after
        return {
            "same": round(float(same.mean()), 4),
            "same_of_believed": round(float(same[self.is_believed].mean()), 4),
        }


def pairs_of(originals: Scores, changed: Scores, made: Mapping[Path, Path]) -> Pairs:
    """Each changed recording with its original, which `made` names."""
    places = {row.path: i for i, row in enumerate(originals.rows)}
    paths = [made[row.path] for row in changed.rows]
    at = np.array([places[path] for path in paths])
    believed, _ = originals.written()
    return Pairs(paths, originals.first()[at], changed.first(), believed[at])


def heard(paths: Iterable[Path], engine: Engine, options: ListenOptions) -> Scores:
    """Scores of each file that could be heard."""
    return Scores([Recording(path, "", frozenset()) for path in paths], engine, options)


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
    folders = [data_folder() / name for name in ("gtzan-audio", "songs-cc")]
    originals = heard(find_tracks(folders), engine, options)
    waves = {row.path: read(row.path) for row in originals.rows}
    labels = originals.labels
    figures: dict[str, object] = {"model": engine.spec.revision, "n_files": len(waves)}
    for name in given.changes:
        with tempfile.TemporaryDirectory() as folder:
            made = {
                CHANGES[name](*wave, Path(folder) / f"{i:03d}"): path
                for i, (path, wave) in enumerate(waves.items())
            }
            pairs = pairs_of(originals, heard(made, engine, options), made)
        figures[name] = pairs.figures()
        if given.show:
            for path, i, j in zip(pairs.paths, pairs.before, pairs.after, strict=True):
                if i != j:
                    print(name, path.name, labels[i], "->", labels[j])
    emit(figures)


if __name__ == "__main__":
    main()
