"""What a window costs in each precision of a model: `taskset -c 0 eight_bits.py [MODEL]`.

The processor's time of one thread at batches of 8, 16 and 32, the files in turn, so that a busy
machine hits all alike; each figure is the shortest and the median of the rounds. The last line
is one JSON object.
"""

import argparse
import statistics
import time

import numpy as np
from measure import emit

from tagger.model.catalogue import DEFAULT, find_model, variants_of
from tagger.model.load import load_engine
from tagger.model.self_test import golden_windows
from tagger.model.session import CpuSettings

BATCHES = (8, 16, 32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", nargs="?", default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    alone = CpuSettings(n_threads=1)
    files = variants_of(find_model(given.model))
    engines = [load_engine(path, device="cpu", cpu=alone) for path in files]
    times: dict[str, list[float]] = {}
    for turn in range(given.rounds + 1):
        for engine in engines:
            golden = golden_windows(engine.spec)
            for batch in BATCHES:
                windows = np.ascontiguousarray(np.resize(golden, (batch, golden.shape[1])))
                started = time.process_time()
                engine.run(windows)
                spent = 1000 * (time.process_time() - started) / batch
                if turn:  # the first one allocates
                    name = f"{engine.spec.precision}, batch {batch}"
                    times.setdefault(name, []).append(spent)
    figures = {
        name: {"shortest": round(min(spent), 2), "median": round(statistics.median(spent), 2)}
        for name, spent in times.items()
    }
    for name, figure in figures.items():
        print(f"{name}: {figure['shortest']} ms, median {figure['median']}")
    emit({"model": engines[0].spec.revision, "unit": "ms a window of 10 s", **figures})


if __name__ == "__main__":
    main()
