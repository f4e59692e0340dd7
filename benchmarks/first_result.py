"""How soon an open `Tagger` says something: `first_result.py [SONG] [--rounds N]`.

Seconds until the first result of a 3-minute mp3 is there: from a `Tagger` that is opened for it
(the model is loaded, a decoding process starts), and from one that has scanned before. Medians,
and the fastest; `open_processor_s` is what this process and the decoding one compute for one
scan, which a busy machine lengthens least. The last line is one JSON object.

Without a SONG, a tone is synthesised.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from measure import emit

from tagger import Tagger

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.synth_audio import make_audio

SECONDS = 180.0


def first_result(tagger: Tagger, song: Path) -> None:
    """Scan one file until it is done."""
    result = next(iter(tagger.scan([song])))
    if result.scores is None:
        raise SystemExit(f"{song}: {result.reason}")


def session(song: Path, n_scans: int) -> tuple[list[float], float]:
    """Wall seconds of each scan, the first with the opening; processor seconds of them all."""
    before, began = os.times(), time.perf_counter()
    walls = []
    with Tagger(device="cpu", state=False, n_decoders=1) as tagger:
        for _ in range(n_scans):
            first_result(tagger, song)
            walls.append(time.perf_counter() - began)
            began = time.perf_counter()
    after = os.times()  # with those of the decoding process, which has ended
    return walls, sum(after[:4]) - sum(before[:4])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("song", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        song = given.song or make_audio(Path(name), "mp3", duration_s=SECONDS)
        opened = [session(song, 1) for _ in range(3)]
        runs, processor_s = session(song, given.rounds + 1)
    start_s = statistics.median(one_s for _, one_s in opened)
    emit(
        {
            "opened_for_it_s": round(statistics.median(first for (first,), _ in opened), 3),
            "open_s": round(statistics.median(runs[1:]), 3),
            "open_fastest_s": round(min(runs[1:]), 3),
            "open_processor_s": round((processor_s - start_s) / given.rounds, 3),
            "rounds": given.rounds,
        }
    )


if __name__ == "__main__":
    main()
