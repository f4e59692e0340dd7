"""`tagger study bodies`: every body under one budget, the same crops, steps and schedule."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from train.config.fields import choose
from train.evaluation.cost import cost_ms, n_parameters
from train.evaluation.scorer import open_scorer
from train.experiments.sweep import Sweep, over_seeds, run_one

SMALL = {"channels": [16, 32, 64, 128]}
BASELINE = {"channels": [32, 64, 128], "pools": [[2, 2], [4, 4], [4, 4]]}
SIZES: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {
    # name: body, its options, other fields. Where they are not the body's own, the body at its
    # own size takes two to three times as long as the others.
    "cnn": ("cnn", SMALL, {}),
    "cnn-deep": ("cnn-deep", {}, {}),
    "lstm": ("lstm", {"n_layers": 1}, {}),
    "gru": ("gru", {"n_layers": 1}, {}),
    "crnn": ("crnn", SMALL, {}),
    "cnn-lstm": ("cnn-lstm", {}, {}),
    "cnn-transformer": ("cnn-transformer", SMALL, {"fit.learning_rate": 0.001}),
    "cnn-stats": ("cnn-stats", {}, {}),
    "cnn-lstm-attention": ("cnn-lstm-attention", {}, {}),
    # The comparison that others left open, at the sizes of the example configurations.
    "cnn-baseline": ("cnn", BASELINE, {}),
    "crnn-full": ("crnn", {}, {}),
}
EVERY = tuple(SIZES)[:9]
"""Those that are compared if none is named."""

COLUMNS = (
    "body", "parameters", "CPU ms a minute", "CPU s to fit", "seeds",
    "accuracy", "its deviation", "f1_macro", "deviation of F1",
)  # fmt: skip


def changes_of(name: str, seed: int) -> dict[str, Any]:
    """The dotted fields of one run.

    Raises:
        InputError: there is no such body; the message has the nearest.
    """
    body, options, others = SIZES[choose("study bodies", name, SIZES)]
    return {"body": body, "body_options": dict(options), "seed": seed, **others}


def fitted(
    sweep: Sweep, names: Sequence[str], seeds: Sequence[int]
) -> dict[str, list[dict[str, Any]]]:
    """What `run_one` says of each body, a record a seed; finished runs are not run again.

    One seed of all bodies comes first: a sweep that is broken off compares them too.
    """
    asked = [(seed, name, changes_of(name, seed)) for seed in seeds for name in names]
    records: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for seed, name, changes in asked:
        one = run_one(sweep, f"{name}-{seed}", changes)
        split = sweep.splits[0]
        sweep.say(f"{name}, seed {seed}: {one['figures'][split].get('accuracy')}")
        records[name].append(one)
    return records


def record_of(name: str, records: Sequence[Mapping[str, Any]], split: str) -> dict[str, Any]:
    """What is said of one body over its seeds."""
    scorer = open_scorer(Path(records[0]["folder"]) / "best.pt")
    return {
        "body": name,
        "parameters": n_parameters(scorer),
        "ms_a_minute": min(cost_ms(scorer) for _ in range(5)),
        "fit_cpu_s": round(float(np.median([record["fit_cpu_s"] for record in records]))),
        **over_seeds(records, split),
    }


def row_of(record: Mapping[str, Any]) -> list[Any]:
    """The cells of a record, in the order of `COLUMNS`; None for a figure that is not known."""
    cells = [record[name] for name in ("body", "parameters", "ms_a_minute", "fit_cpu_s")]
    cells.append(record["n_runs"])
    for figure in ("accuracy", "f1_macro"):
        one = record.get(figure, {})
        cells += [one.get("mean"), one.get("deviation")]
    return cells
