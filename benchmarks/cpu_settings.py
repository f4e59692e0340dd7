"""Threads, spinning and arena of ONNX Runtime on this processor: `cpu_settings.py [MUSIC]`.

Times the shipped model alone at batch 1 and 16 with each setting, and with MUSIC a scan of it
(decoding beside the model), on as many cores as the process may use; `taskset -c 0` makes it
one. Settings alternate within a round, so that a busy machine hits all alike; each figure is
the shortest time over the rounds, and the processor's time of the same call. The last line is
one JSON object.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import Engine, load_engine
from tagger.model.self_test import golden_windows
from tagger.model.session import CpuSettings
from tagger.scan.pipeline import ListenOptions, analyse
from tagger.system.cores import usable_cores
from tagger.system.quiet import silence_native_stderr

BATCHES = (1, 16)


def settings() -> dict[str, CpuSettings]:
    """What is compared: each number of threads, with and without spinning and arena."""
    settings_ = {}
    threads = sorted({1, usable_cores(), 2 * usable_cores()})
    for n, spinning, arena in itertools.product(threads, (False, True), (True, False)):
        name = f"{n} threads, {'spinning' if spinning else 'sleeping'}"
        settings_[f"{name}, {'arena' if arena else 'no arena'}"] = CpuSettings(
            n_threads=n, spinning=spinning, arena=arena
        )
    return settings_


Times = tuple[float, float]
"""Milliseconds that pass, and those of the processor, all cores together."""


def timed(job: Callable[[], object], n: int) -> Times:
    """Times of a call that does n things, for each of them."""
    wall, processor = time.perf_counter(), time.process_time()
    job()
    passed = time.perf_counter() - wall, time.process_time() - processor
    return 1000 * passed[0] / n, 1000 * passed[1] / n


def model_alone(engine: Engine, batch: int) -> Times:
    """Times of a window."""
    spec = engine.spec
    windows = np.ascontiguousarray(np.resize(golden_windows(spec), (batch, spec.window_len)))
    runs = max(1, 16 // batch)
    return timed(lambda: [engine.run(windows) for _ in range(runs)], runs * batch)


def scan_of(engine: Engine, paths: list[Path]) -> Times:
    """Times of a file of a scan; decoders in processes of their own are not in the second."""
    return timed(lambda: list(analyse(paths, engine, ListenOptions())), len(paths))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("music", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    silence_native_stderr()
    path = find_model(DEFAULT)
    paths = list(find_tracks([given.music])) if given.music else []
    engines = {
        name: load_engine(path, device="cpu", cpu=cpu) for name, cpu in settings().items()
    }
    times: dict[str, dict[str, list[Times]]] = {name: {} for name in engines}
    for turn in range(given.rounds + 1):
        for name, engine in engines.items():
            measured = {f"batch {batch}": model_alone(engine, batch) for batch in BATCHES}
            if paths:
                measured["scan"] = scan_of(engine, paths)
            for key, value in measured.items() if turn else ():  # the first round warms up
                times[name].setdefault(key, []).append(value)
    result: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "cores": usable_cores(),
        "rounds": given.rounds,
        "n_files": len(paths),
        "unit": "ms a window (scan: a file), passed and of the processor",
    }
    result["settings"] = {
        name: {
            key: [round(min(each), 2) for each in zip(*values, strict=True)]
            for key, values in figures.items()
        }
        for name, figures in times.items()
    }
    for name, figures in result["settings"].items():
        print(f"{name:<34} " + "  ".join(f"{key} {value}" for key, value in figures.items()))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
