"""Memory of a scan of few and of many files, one of them ten hours long: `memory.py`.

Each scan is a process of its own with its decoding processes; what counts is the most that all
of them held together, sampled every 50 ms (proportional set size: shared pages once; Linux).
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
import wave
from pathlib import Path

import numpy as np
from measure import emit

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.synth_audio import make_audio

RUN = [sys.executable, "-c", "from tagger.cli.app import main; main()"]
RATE = 8_000
KINDS = ("mp3", "flac", "m4a-aac", "ogg-vorbis")


def make_library(folder: Path, n_files: int, long: Path) -> None:
    """Short tones, and a link to the long one."""
    folder.mkdir()
    seeds = [make_audio(folder, kind, duration_s=12.0, name=kind) for kind in KINDS]
    for i in range(n_files - len(KINDS) - 1):
        seed = seeds[i % len(seeds)]
        shutil.copyfile(seed, folder / f"{i:05d}{seed.suffix}")
    (folder / "long.wav").symlink_to(long)


def make_long(path: Path, *, hours: float) -> None:
    """Noise, mono, 8 bits a sample."""
    minute = np.random.default_rng(0).integers(64, 192, RATE * 60, np.uint8).tobytes()
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 1, RATE, 0, "NONE", ""))
        for _ in range(int(hours * 60)):
            file.writeframesraw(minute)


def proportional_kib(pid: int) -> int:
    """Proportional set size of a process and of all that it started."""
    total = 0
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total = int(line.split()[1])
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                total += proportional_kib(int(child))
    return total


def peak_mib(*words: str) -> float:
    """The most that a scan and its helpers held."""
    with tempfile.TemporaryDirectory() as folder:
        state = ["--state", str(Path(folder) / "state.db")]
        process = subprocess.Popen(
            [*RUN, "scan", *words, *state, "--score-all", "--quiet"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        peak, done = 0, threading.Event()
        while process.poll() is None:
            peak = max(peak, proportional_kib(process.pid))
            done.wait(0.05)
    if process.returncode:
        raise SystemExit(f"the scan ended with {process.returncode}")
    return peak / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, nargs="+", default=[40, 4000])
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--full", action="store_true", help="listen to whole tracks")
    given = parser.parse_args()
    words = ["--full"] if given.full else []
    peaks = {}
    with tempfile.TemporaryDirectory() as name:
        long = Path(name) / "long.wav"
        make_long(long, hours=given.hours)
        for n_files in given.files:
            folder = Path(name) / str(n_files)
            make_library(folder, n_files, long)
            peaks[str(n_files)] = round(peak_mib(str(folder), *words), 1)
    few, *_, many = peaks.values()
    emit({"full": given.full, "peak_mib": peaks, "ratio": round(many / few, 3)})


if __name__ == "__main__":
    main()
