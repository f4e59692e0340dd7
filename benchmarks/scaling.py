"""Does the scan gain from cores what decoding alone gains? `scaling.py [--files N]`.

For 1, 2, 4, ... decoding threads up to the cores there are, in processes that are bound to as
many cores: the scan's speed-up over one core, divided by that of decoding alone.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from measure import alternate, emit, songs
from scan import decode_only, whole_scan

from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import load_engine
from tagger.scan.pipeline import ListenOptions
from tagger.system.cores import usable_cores


def on_these_cores(n_files: int, n_rounds: int) -> None:
    """Measure in this process, with the cores that it has been given."""
    paths = songs(n_files=n_files)
    engine = load_engine(find_model(DEFAULT), device="cpu")
    options = ListenOptions()
    whole_scan(paths[:5], engine, options)
    times = alternate(
        {
            "decode_s": lambda: decode_only(paths, engine, options),
            "scan_s": lambda: whole_scan(paths, engine, options),
        },
        n_rounds=n_rounds,
    )
    print(json.dumps(times))


def bound_to(n_cores: int, *words: str) -> dict[str, float]:
    """Run this script on so many cores."""
    done = subprocess.run(
        [sys.executable, __file__, "--cores", str(n_cores), *words],
        check=True,
        capture_output=True,
        text=True,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.cores:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
        on_these_cores(given.files, given.rounds)
        return
    words = ("--files", str(given.files), "--rounds", str(given.rounds))
    counts = [n for n in (1, 2, 4, 8, 16) if n <= usable_cores()]
    times = {n: bound_to(n, *words) for n in counts}
    figures = {
        str(n): {
            **times[n],
            "decode_speed_up": round(times[1]["decode_s"] / times[n]["decode_s"], 3),
            "scan_speed_up": round(times[1]["scan_s"] / times[n]["scan_s"], 3),
        }
        for n in counts
    }
    for cells in figures.values():
        cells["share"] = round(cells["scan_speed_up"] / cells["decode_speed_up"], 3)
    emit({"script": Path(__file__).name, "cores": figures})


if __name__ == "__main__":
    main()
