"""What decoding in helper processes costs against threads: `isolation.py [--songs FOLDER]`.

The same files, windows and number of threads: once decoded here, once in a helper process
for each thread (`tagger.audio.process_client`), which is started anew every time.
Alternating, medians. Processor time counts, of this process and the helpers, since it does
not depend on what else the machine does. The last line is one JSON object.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measure import data_folder

from tagger.audio.process_client import DecodeProcess
from tagger.audio.requested_windows import RequestedWindows, listen
from tagger.errors import DecodeError
from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import load_engine, usable_cores


def cpu_s() -> float:
    """Processor time of this process and of the helpers that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def timed(job: Callable[[], None]) -> tuple[float, float]:
    """Wall clock and processor time of a job, in seconds."""
    started, used = time.perf_counter(), cpu_s()
    job()
    return time.perf_counter() - started, cpu_s() - used


def decode_here(paths: Sequence[Path], requested: RequestedWindows) -> None:
    """Decode in threads."""

    def decode(path: Path) -> None:
        for _ in listen(path, requested):
            pass

    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(decode, paths))


def decode_there(paths: Sequence[Path], requested: RequestedWindows) -> None:
    """Decode in a helper process for each thread."""
    own = threading.local()
    started: list[DecodeProcess] = []

    def decode(path: Path) -> None:
        if not hasattr(own, "process"):
            own.process = DecodeProcess()
            started.append(own.process)
        for _ in own.process.listen(path, requested):
            pass

    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(decode, paths))
    for process in started:
        process.close()


def helper_memory_mib(path: Path, requested: RequestedWindows) -> dict[str, float]:
    """What a helper holds after a song: resident, and the part that is its own (Linux)."""
    with DecodeProcess() as process:
        for _ in process.listen(path, requested):
            pass
        child = process._process  # noqa: SLF001, nobody else needs its number
        rollup = Path(f"/proc/{child.pid if child else 0}/smaps_rollup").read_text()
    lines = (line.split() for line in rollup.splitlines()[1:])
    size_kib = {words[0].rstrip(":"): int(words[1]) for words in lines}
    own = size_kib["Private_Clean"] + size_kib["Private_Dirty"]
    return {"resident": round(size_kib["Rss"] / 1024, 1), "own": round(own / 1024, 1)}


def start_up_s(requested: RequestedWindows) -> float:
    """Processor time from nothing to a helper that answers, and its end."""

    def start() -> None:
        with DecodeProcess() as process, contextlib.suppress(DecodeError):
            list(process.listen(Path(__file__), requested))  # no audio: refused at once

    return statistics.median(timed(start)[1] for _ in range(5))


def compare(
    paths: Sequence[Path], requested: RequestedWindows, *, n_rounds: int
) -> dict[str, float]:
    """Both ways in turn: the medians."""
    rounds = [
        (
            timed(lambda: decode_here(paths, requested)),
            timed(lambda: decode_there(paths, requested)),
        )
        for _ in range(n_rounds)
    ]
    return {
        f"{where}_{what}": round(statistics.median(figures[i][j] for figures in rounds), 3)
        for i, where in enumerate(("threads", "helpers"))
        for j, what in enumerate(("wall_s", "cpu_s"))
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--songs", type=Path, help="folder of whole songs")
    parser.add_argument("--files", type=int, default=40, help="at least so many files")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each job")
    given = parser.parse_args()
    songs = given.songs or data_folder() / "songs-cc"
    tracks = list(find_tracks([songs]))
    paths = tracks * -(-given.files // len(tracks))
    spec = load_engine(find_model(DEFAULT), device="cpu").spec
    result: dict[str, object] = {"date": time.strftime("%Y-%m-%d"), "n_files": len(paths)}
    for name, n_windows in (("default", 6), ("full", None)):
        requested = RequestedWindows(
            sample_rate=spec.sample_rate,
            window_len=spec.window_len,
            n_windows=n_windows,
            silence_dbfs=spec.silence_dbfs,
        )
        decode_here(tracks, requested)  # warm the file cache
        cells = compare(paths, requested, n_rounds=given.rounds)
        result[name] = cells
        print(f"{name}: {cells}", file=sys.stderr)
    result["helper_start_cpu_s"] = round(start_up_s(requested), 3)
    result["helper_mib"] = helper_memory_mib(tracks[0], requested)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
