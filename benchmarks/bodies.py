"""The bodies under one budget: `bodies.py gtzan|fma-small|recordings --data DATA --out RUNS`.

Every body gets the same crops, steps, augmentation and schedule (train/configs/compare-*.yaml);
what differs is in `SIZES` of train/experiments/bodies.py. Runs that are finished are not run
again. Prints a table of the valid split, mean and deviation over the seeds, and as last line
one JSON object. Set OMP_NUM_THREADS=1 for times that can be compared.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from train.evaluation.chart import points_of, table_of
from train.experiments.bodies import EVERY, SIZES, fitted, record_of
from train.experiments.sweep import Sweep, pooled_scores

ROOT = Path(__file__).parents[1]
PLACES = {"gtzan": ".", "fma-small": "fma-small-logmel", "recordings": "."}


def cell(row: dict[str, Any], figure: str) -> str:
    """Mean and deviation, as in `0.552 ± 0.013`."""
    one = row[figure]
    spread = "" if one["deviation"] is None else f" ± {one['deviation']:.3f}"
    return f"{one['mean']:.3f}{spread}"


def picture_of(name: str, rows: Sequence[dict[str, Any]]) -> str:
    """Cost to the right, accuracy upwards."""
    places = [
        (row["ms_a_minute"], row["accuracy"]["mean"], row["accuracy"]["deviation"])
        for row in rows
    ]
    title = f"{name}, valid: accuracy against processor ms for a minute of audio"
    return points_of(title, [row["body"] for row in rows], places)


def difference(
    first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]], split: str
) -> dict[str, float]:
    """Accuracy of `second` less that of `first`, with its interval over resampled clips."""
    a, b = pooled_scores(first, split)["right"], pooled_scores(second, split)["right"]
    gaps, rng = b - a, np.random.default_rng(0)
    means = [gaps[rng.integers(len(gaps), size=len(gaps))].mean() for _ in range(2000)]
    low, high = np.quantile(means, [0.025, 0.975])
    figures = {"mean": gaps.mean(), "low": low, "high": high}
    return {key: round(float(value), 4) for key, value in figures.items()}


def main() -> None:
    """Fit what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=PLACES)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TAGGER_DATA", ".")))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bodies", nargs="+", choices=SIZES, default=list(EVERY))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--against", choices=SIZES, default="cnn", help="for differences")
    parser.add_argument("--picture", type=Path, help="cost against accuracy, as .svg")
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sweep = Sweep(
        config_path=ROOT / f"train/configs/compare-{asked.set}.yaml",
        overrides={},
        data=asked.data / PLACES[asked.set],
        prepared=asked.out / "prepared",
        out=asked.out,
        say=lambda line: print(line, flush=True),
    )
    fits = fitted(sweep, asked.bodies, asked.seeds)
    rows = [record_of(name, records, "valid") for name, records in fits.items()]
    columns = ("body", "parameters", "CPU ms a minute", "CPU s to fit", "seeds")
    cells = [
        [
            *(row[key] for key in ("body", "parameters", "ms_a_minute", "fit_cpu_s", "n_runs")),
            cell(row, "accuracy"),
            cell(row, "f1_macro"),
        ]
        for row in rows
    ]
    print(table_of((*columns, "accuracy", "F1 (macro)"), cells))
    if asked.picture:
        asked.picture.write_text(picture_of(asked.set, rows), encoding="utf-8")
    base = fits.get(asked.against, [])
    gaps = {
        name: difference(base, records, "valid")
        for name, records in fits.items()
        if base and name != asked.against
    }
    print(json.dumps({"set": asked.set, "split": "valid", "rows": rows, "less_base": gaps}))


if __name__ == "__main__":
    main()
