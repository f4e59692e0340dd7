"""The five front ends with one body: `front_ends.py --data FOLDER --out RUNS --splits 1 2 3`.

FOLDER holds a folder for each genre. Each split seed deals the artists anew to train, valid and
test; nothing is chosen on valid, so both other sides are measured. Runs that are finished are
not run again. Prints a table, mean and deviation over the splits, and as last line one JSON
object.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bodies import cell

from train.evaluation.chart import table_of
from train.experiments.bodies import record_of
from train.experiments.sweep import Sweep, pooled_scores, run_one

ROOT = Path(__file__).parents[1]
SIDES = ("valid", "test")
# Frames 77.5 ms apart and windows of 5 s from recordings at 8 kHz, for all of them.
COMMON = {"sample_rate": 8000, "n_frames": 64}
FRAMES = {**COMMON, "hop_len": 620}
OPTIONS: dict[str, dict[str, Any]] = {
    "mel": {**FRAMES, "n_fft": 1024, "n_mels": 96, "f_max_hz": 4000.0},
    "mfcc": {**FRAMES, "n_fft": 1024, "n_bands": 96, "f_max_hz": 4000.0},
    "chroma": {**FRAMES, "n_fft": 2048},
    "midi": {**FRAMES, "n_fft": 2048, "midi_min": 36, "midi_max": 107},
    "raw": {**COMMON, "stride": 124, "pool": 5, "kernel_len": 256, "f_max_hz": 3900.0},
}


def both_sides(records: list[dict[str, Any]]) -> dict[str, float]:
    """Accuracy over every clip of valid and test in every split, with its standard error."""
    right = np.concatenate(
        [pooled_scores([r], side)["right"] for r in records for side in SIDES]
    )
    share = float(right.mean())
    n_clips = len({i for r in records for s in SIDES for i in pooled_scores([r], s)["ids"]})
    error = float(np.sqrt(share * (1 - share) / n_clips))  # a clip in two splits is one clip
    return {"accuracy": round(share, 4), "standard_error": round(error, 4), "clips": n_clips}


def main() -> None:
    """Fit what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", type=int, default=[1])
    parser.add_argument("--features", nargs="+", choices=OPTIONS, default=list(OPTIONS))
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sweep = Sweep(
        config_path=ROOT / "train/configs/compare-genres.yaml",
        overrides={},
        data=asked.data,
        prepared=asked.out / "prepared",
        out=asked.out,
        splits=SIDES,
        say=lambda line: print(line, flush=True),
    )
    fits: dict[str, list[dict[str, Any]]] = {name: [] for name in asked.features}
    for split in asked.splits:
        for name in asked.features:
            changes = {
                "features": name,
                "features_options": OPTIONS[name],
                "seed": split,
                "split_seed": split,
            }
            fits[name].append(run_one(sweep, f"{name}-{split}", changes))
    rows = [
        {**record_of(name, records, "valid"), "both": both_sides(records)}
        for name, records in fits.items()
    ]
    columns = ("front end", "parameters", "CPU ms a minute", "CPU s to fit", "splits")
    cells = [
        [
            *(row[key] for key in ("body", "parameters", "ms_a_minute", "fit_cpu_s", "n_runs")),
            cell(row, "accuracy"),
            f"{row['both']['accuracy']:.3f} ± {row['both']['standard_error']:.3f}",
        ]
        for row in rows
    ]
    print(table_of((*columns, "valid", "valid and test, by clip"), cells))
    print(json.dumps({"study": "front ends", "rows": rows}))


if __name__ == "__main__":
    main()
