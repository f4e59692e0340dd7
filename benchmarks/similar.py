"""Exact search among a million embeddings: `similar.py [N] [WIDTH]`; the last line is JSON.

The index is random, mapped from a file as `tagger similar` maps its own, and read once before
it is measured. The best of five searches counts; processor time stands beside it, since the
clock of a busy machine says little.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from tagger.learning.similar import BLOCK, Index, search
from tagger.system.cores import usable_cores


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("n_tracks", type=int, nargs="?", default=1_000_000)
    parser.add_argument("width", type=int, nargs="?", default=512)
    given = parser.parse_args()
    n_tracks, width = given.n_tracks, given.width
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        vectors = np.lib.format.open_memmap(
            path, mode="w+", dtype=np.float16, shape=(n_tracks, width)
        )
        block = rng.standard_normal((BLOCK, width)).astype(np.float16)
        for start in range(0, n_tracks, BLOCK):
            part = vectors[start : start + BLOCK]
            part[:] = np.roll(block, start // BLOCK, axis=1)[: len(part)]
        vectors = np.load(path, mmap_mode="r")
        index = Index(
            [str(i) for i in range(n_tracks)],
            vectors,
            np.zeros(n_tracks, np.float32),
            np.zeros(width, np.float32),
        )
        direction = rng.standard_normal(width).astype(np.float32)
        times, cpu = [], []
        for _ in range(6):
            began, used = time.perf_counter(), time.process_time()
            search(index, direction, top=20)
            times.append(time.perf_counter() - began)
            cpu.append(time.process_time() - used)
    figures = {
        "n_tracks": n_tracks,
        "width": width,
        "cores": usable_cores(),
        "search_s": round(min(times[1:]), 3),
        "processor_s": round(min(cpu[1:]), 3),
    }
    print(
        f"{n_tracks} tracks: {figures['search_s']} s, of processor time"
        f" {figures['processor_s']} s"
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
