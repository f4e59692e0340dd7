"""How soon an open `Tagger` says something: `first_result.py [SONG] [--rounds N]`.

Seconds until the first result of a 3-minute mp3 is there: from a `Tagger` that is opened for it
(the model is loaded, a decoding process starts), and from one that has scanned before. Medians,
and the fastest, which is what a busy machine lengthens least. The last line is one JSON object.

Without a SONG, a tone is synthesised.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from measure import emit, seconds_of

from tagger import Tagger

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.synth_audio import make_audio

SECONDS = 180.0


def first_result(tagger: Tagger, song: Path) -> None:
    """Scan one file until it is done."""
    result = next(iter(tagger.scan([song])))
    if result.scores is None:
        raise SystemExit(f"{song}: {result.reason}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("song", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        song = given.song or make_audio(Path(name), "mp3", duration_s=SECONDS)
        opened = []
        for _ in range(3):
            started = time.perf_counter()
            with Tagger(device="cpu", remember=False) as tagger:
                first_result(tagger, song)
                opened.append(time.perf_counter() - started)
        with Tagger(device="cpu", remember=False) as tagger:
            first_result(tagger, song)
            runs = [seconds_of(lambda: first_result(tagger, song)) for _ in range(given.rounds)]
    emit(
        {
            "opened_for_it_s": round(statistics.median(opened), 3),
            "open_s": round(statistics.median(runs), 3),
            "open_fastest_s": round(min(runs), 3),
            "rounds": given.rounds,
        }
    )


if __name__ == "__main__":
    main()
