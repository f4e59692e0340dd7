"""Is music known by its sound or by its codec? `bit_rates.py [--model NAME] [--kbit 24 40]`.

The middle half minute of each labelled recording that measures (those of `recordings.py`) is
heard as it is and as mp3 of each bit rate, mono at 16 kHz, through the scan's own decoder.
Printed for each: how often the first label is one that a listener accepts, of all and by label,
how often it is the one of the recording as it is, and which labels are given how often. The
last line is one JSON object.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from measure import data_folder, emit
from recordings import unseen
from robustness import coded, read
from scores import Recording, Scores, by_label

from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import load_engine
from tagger.scan.pipeline import ListenOptions

MIDDLE_S = 30.0
RATE = 16_000


def excerpts(rows: Sequence[Recording], folder: Path) -> list[Recording]:
    """The middle of each recording as a WAV of its own rate, named by its place in `rows`."""
    kept = []
    for i, row in enumerate(rows):
        wave, rate = read(row.path)
        length = int(MIDDLE_S * rate)
        start = max(len(wave) - length, 0) // 2
        path = folder / f"{i:04d}.wav"
        soundfile.write(path, wave[start : start + length], rate)
        kept.append(replace(row, path=path))
    return kept


def coded_as(rows: Sequence[Recording], kbit_s: int, folder: Path) -> list[Recording]:
    """The recordings as mp3, named by their places in `rows`."""
    change = coded("libmp3lame", ".mp3", kbit_s, RATE, mono=True)
    folder.mkdir()
    return [
        replace(row, path=change(*read(row.path), folder / f"{i:04d}"))
        for i, row in enumerate(rows)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--kbit", type=int, nargs="+", default=[24, 40])
    given = parser.parse_args()
    engine, options = load_engine(find_model(given.model), device="cpu"), ListenOptions()
    result: dict[str, object] = {"model": engine.spec.revision}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rows = excerpts([row for row in unseen(data_folder()) if row.accepted], folder)
        original = Scores(rows, engine, options)
        before = {
            row.path.stem: i for row, i in zip(original.rows, original.first(), strict=True)
        }
        versions = {"as it is": original}
        for kbit_s in given.kbit:
            versions[f"mp3, {kbit_s} kb/s"] = Scores(
                coded_as(rows, kbit_s, folder / str(kbit_s)), engine, options
            )
        for name, scores in versions.items():
            first = scores.first()
            right = scores.is_right(first)
            pairs = zip(scores.rows, first, strict=True)
            same = [before.get(row.path.stem) == i for row, i in pairs]
            result[name] = {
                "n": len(right),
                "accepted": round(float(right.mean()), 3),
                "same": round(float(np.mean(same)), 3),
                "given": dict(Counter(scores.labels[i] for i in first).most_common()),
                "by_label": by_label(scores, right),
            }
            print(name, result[name])
    emit(result)


if __name__ == "__main__":
    main()
