"""What the benchmarks share: alternating jobs, medians, the songs, the last line of JSON."""

import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tagger.library.walk import find_tracks
from tagger.system.cores import usable_cores

Job = Callable[[], object]


def data_folder() -> Path:
    """Where real recordings lie: the folder that TAGGER_DATA names."""
    if folder := os.environ.get("TAGGER_DATA"):
        return Path(folder)
    sys.exit("TAGGER_DATA is not set: it names the folder with the recordings to measure on.")


def songs(*, n_files: int, folder: Path | None = None) -> list[Path]:
    """Whole songs, repeated until there are at least `n_files` of them."""
    tracks = list(find_tracks([folder or data_folder() / "songs-cc"]))
    return tracks * -(-n_files // len(tracks))


def seconds_of(job: Job) -> float:
    """Wall clock of one call."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def alternate(jobs: Mapping[str, Job], *, n_rounds: int) -> dict[str, float]:
    """Median seconds of each job; they take turns, so that a slow minute hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(n_rounds):
        for name, job in jobs.items():
            times[name].append(seconds_of(job))
    return {name: round(statistics.median(all_s), 4) for name, all_s in times.items()}


def peak_mib() -> float:
    """Most memory that this process ever held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def emit(figures: Mapping[str, object]) -> None:
    """Print the last line: the figures with machine and date."""
    machine = f"{platform.machine()}, {usable_cores()} cores"
    print(json.dumps({"machine": machine, "date": time.strftime("%Y-%m-%d"), **figures}))
