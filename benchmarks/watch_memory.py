"""Memory of `tagger watch` while files come, thousands after thousands: `watch_memory.py`.

A folder is followed by a process of its own, with its decoding processes; short tones are put
into it until there are 1,000, 10,000 and 100,000 (all of one content, so that one is decoded
and all others are looked up), each time until every file was scanned and it is quiet again.
Then another process follows the whole folder from the start. What is printed is what all
processes hold at rest, and the most that they ever held (proportional set size; Linux).
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import emit
from memory import proportional_kib

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.tones import write_tone

RUN = [sys.executable, "-c", "from tagger.cli.app import main; main()"]
A_FOLDER = 1000
REST_S = 15.0
"""Longer than it takes to look at everything again after a burst."""


class Watched:
    """A running `tagger watch`: which files it has told of, and what it holds."""

    def __init__(self, folder: Path, state: Path, *options: str) -> None:
        self.told: set[str] = set()
        self.n_results, self.peak_kib, self.last_s = 0, 0, 0.0
        self.process = subprocess.Popen(
            [
                *RUN,
                "watch",
                str(folder),
                "--json",
                "--state",
                str(state),
                "--quiet-for",
                "2",
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for task in (self._count, self._sample):
            threading.Thread(target=task, daemon=True).start()

    def _count(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.add(Path(json.loads(line)["path"]).name)
            self.n_results, self.last_s = self.n_results + 1, time.monotonic()

    def _sample(self) -> None:
        while self.process.poll() is None:
            self.peak_kib = max(self.peak_kib, proportional_kib(self.process.pid))
            time.sleep(0.5)

    def until(self, n_files: int) -> dict[str, float]:
        """Wait for so many files and some rest; MiB held then, and at most since before."""
        while len(self.told) < n_files or time.monotonic() - self.last_s < REST_S:
            if self.process.poll() is not None:
                raise SystemExit(f"tagger watch ended with {self.process.returncode}")
            time.sleep(0.5)
        held = proportional_kib(self.process.pid) / 1024
        peak, self.peak_kib = self.peak_kib / 1024, 0
        return {"at_rest_mib": round(held), "peak_mib": round(peak)}


@contextmanager
def watching(folder: Path, state: Path, *options: str) -> Iterator[Watched]:
    """Follow a folder until the block is left."""
    watched = Watched(folder, state, *options)
    try:
        yield watched
    finally:
        watched.process.terminate()
        watched.process.wait(60)


def add(folder: Path, seed: Path, rows: range) -> None:
    """Copies of a file, a thousand a folder."""
    for i in rows:
        place = folder / f"{i // A_FOLDER:03d}"
        place.mkdir(exist_ok=True)
        shutil.copyfile(seed, place / f"{i:06d}{seed.suffix}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--poll", action="store_true", help="as on a network share")
    args = parser.parse_args()
    options = ["--poll"] if args.poll else []
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as made:
        music, state = Path(made) / "music", Path(made) / "state.db"
        music.mkdir()
        seed = write_tone(Path(made) / "tone.flac", 440, seconds=0.5)
        with watching(music, state, *options) as watched:
            there = 0
            for n_files in args.files:
                add(music, seed, range(there, n_files))
                there = n_files
                figures[f"{n_files} came"] = watched.until(n_files)
                print(n_files, figures[f"{n_files} came"], watched.n_results, flush=True)
        with watching(music, state, *options) as watched:
            figures[f"{there} were there"] = watched.until(there)
    emit(figures)


if __name__ == "__main__":
    main()
