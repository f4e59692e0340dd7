"""Are copies of a recording found, and nothing else? `duplicates.py [N]`.

N recordings of `gtzan-audio` and `songs-cc` (24) are coded again, played softer, resampled or
clipped (`robustness.py`). Printed for each change: the share of copies that `tagger duplicates`
would name with their original, and how alike the least alike one is; and of all other pairs of
the collection, of lengths within three seconds, the share that it would name. The mean that
likeness is measured from is that of the originals. The last line is JSON.
"""

import argparse
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
from measure import data_folder, emit
from numpy.typing import NDArray
from robustness import CHANGES, read

from tagger.api import Tagger
from tagger.learning.gather import with_embeddings
from tagger.learning.similar import SAME, SAME_S
from tagger.library.walk import find_tracks

CHOSEN = ("mp3_64", "mp3_128", "opus_48", "minus_20_db", "clipped_3_db", "rate_16k", "mono")

Vectors = dict[str, tuple[NDArray[np.float32], float]]


def embedded(tagger: Tagger, paths: list[Path]) -> Vectors:
    """The embedding and the length of each file, by its name without a suffix."""
    with closing(with_embeddings(tagger, paths)) as results:
        return {
            name_of(result.path): (result.embedding, result.duration_s or 0.0)
            for result in results
            if result.embedding is not None
        }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_tracks", type=int, nargs="?", default=24)
    n_tracks = parser.parse_args().n_tracks
    folders = [data_folder() / name for name in ("gtzan-audio", "songs-cc")]
    tracks = list(find_tracks(folders))
    step = max(1, len(tracks) // n_tracks)
    chosen = tracks[::step][:n_tracks]
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Tagger(device="cpu", state=folder / "state.db", settings={}) as tagger:
            originals = embedded(tagger, tracks)
            mean = np.mean([vector for vector, _ in originals.values()], axis=0)
            for change in CHOSEN:
                copies = []
                for path in chosen:
                    wave, rate = read(path)
                    place = folder / change / name_of(path)
                    place.parent.mkdir(exist_ok=True)
                    copies.append(CHANGES[change](wave, rate, place))
                copies_ = embedded(tagger, copies)
                alike = [
                    likeness(originals[path][0], copies_[path][0], mean) for path in copies_
                ]
                figures[change] = {
                    "named": round(float(np.mean(np.array(alike) >= SAME)), 3),
                    "least_alike": round(min(alike), 3),
                }
                print(change, figures[change])
    figures["other_pairs"] = others(originals, mean)
    print("other pairs", figures["other_pairs"])
    emit({"n_tracks": len(chosen), "n_originals": len(originals), "same": SAME, **figures})


def name_of(path: Path) -> str:
    """A name that is the same whatever the format."""
    return path.stem.replace(".", "_")


def likeness(
    one: NDArray[np.float32], other: NDArray[np.float32], mean: NDArray[np.float32]
) -> float:
    """The cosine of two directions from the mean."""
    first, second = one - mean, other - mean
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def others(vectors: Vectors, mean: NDArray[np.float32]) -> dict[str, float]:
    """Of pairs of different recordings of about one length: how many would be named."""
    names = sorted(vectors)
    table = np.stack([vectors[name][0] for name in names]) - mean
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    lengths = np.array([vectors[name][1] for name in names])
    is_pair = np.triu(np.abs(lengths[:, None] - lengths) <= SAME_S, k=1)
    alike = (table @ table.T)[is_pair]
    return {
        "n_pairs": len(alike),
        "named": round(float((alike >= SAME).mean()), 6),
        "most_alike": round(float(alike.max()), 3),
    }


if __name__ == "__main__":
    main()
