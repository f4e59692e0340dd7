"""Every front end and every body in a covering set of pairs: `covering.py --data FOLDER`.

FOLDER holds a folder for each genre. Each pair is trained for a few epochs, taken up again for
as many more, evaluated, exported, and the exported model is evaluated too. What is shown is
that all of it works on real music, not how good a pair is: the fits are short. Prints a line a
pair and as last line one JSON object; exit code 1 if a loss does not fall or the two
evaluations differ.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from front_ends import OPTIONS

from export.run import export_checkpoint
from train.evaluation.evaluate import evaluate_model
from train.fit.initial_weights import Places
from train.fit.run import resume_training, run_training
from train.models import BODIES

PAIRS = (
    ("mel", "cnn"),
    ("mfcc", "cnn-deep"),
    ("chroma", "lstm"),
    ("midi", "gru"),
    ("raw", "crnn"),
    ("mel", "cnn-lstm"),
    ("mfcc", "cnn-transformer"),
    ("midi", "cnn-stats"),
    ("mfcc", "cnn-lstm-attention"),
)
EPOCHS = 3
SAME = 1e-3
"""Largest difference of a figure between checkpoint and exported model."""


def try_pair(features: str, body: str, *, data: Path, out: Path) -> dict[str, Any]:
    """Train, go on, evaluate, export, evaluate again; returns what was seen."""
    lines: list[str] = []
    run = out / f"{features}-{body}"
    places = {"data": data, "prepared": out / "prepared", "say": lines.append}
    overrides = {
        "datasets": ["folder"],
        "features": features,
        "features_options": OPTIONS[features],
        "body": body,
        "fit": {"epochs": EPOCHS, "clips_an_epoch": 240, "schedule": "constant"},
        "fit.learning_rate": 1e-3,
        "fit.share_not_genre": 0.0,
        "fit.music_weight": 0.0,
        "augment": {"mixup_alpha": 0.0},
        "calibration": {"folds": 0, "n_windows": 2},
    }
    started = time.perf_counter()
    where = Places(data=data, out=run, prepared=out / "prepared")
    run_training(None, overrides, where, say=lines.append)
    best = resume_training(run, {"fit.epochs": 2 * EPOCHS}, say=lines.append)
    seconds = time.perf_counter() - started
    model = export_checkpoint(best, run / "model.onnx", say=lines.append)
    figures = [
        evaluate_model(path, {"datasets": ["folder"]}, split="test", **places).record
        for path in (best, model)
    ]
    losses = [
        float(loss) for line in lines for loss in re.findall(r"^fit: .*loss ([\d.]+)", line)
    ]
    names = ("accuracy", "f1_macro", "roc_auc")
    return {
        "features": features,
        "body": body,
        "first_loss": losses[0],
        "last_loss": losses[-1],
        **{name: figures[0][name] for name in names},
        "same_exported": all(abs(figures[0][n] - figures[1][n]) <= SAME for n in names),
        "parameters": sum(weight.numel() for weight in torch.load(best)["weights"].values()),
        "training_s": round(seconds, 1),
    }


def main() -> None:
    """Try every pair and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="for the runs; a temporary folder if absent")
    asked = parser.parse_args()
    assert {f for f, _ in PAIRS} == set(OPTIONS)
    assert {b for _, b in PAIRS} == set(BODIES)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for features, body in PAIRS:
            row = try_pair(features, body, data=asked.data, out=asked.out or Path(temporary))
            print(json.dumps(row), flush=True)
            rows.append(row)
    print(json.dumps({"pairs": rows}))
    if not all(row["same_exported"] and row["last_loss"] < row["first_loss"] for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
