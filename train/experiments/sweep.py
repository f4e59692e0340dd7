"""The same question put to several variants and seeds; a finished run is not run again."""

import json
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tagger.errors import InputError
from train.config.config import load_config, to_tree
from train.config.saved import from_saved
from train.data.turns import turn
from train.evaluation.evaluate import evaluate_model
from train.fit.distributed import is_first
from train.fit.initial_weights import CONFIG, Places, write_text
from train.fit.run import run_training

Say = Callable[[str], None]

RECORD, SCORES = "sweep.json", "scores-{}.npz"
FIGURES = ("accuracy", "f1_macro", "roc_auc", "pr_auc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What all runs of a sweep share.

    Attributes:
        config_path: a YAML file, or None for the defaults.
        overrides: dotted fields over it, the same in every run.
        data: the folder that holds the datasets.
        prepared: where decoded recordings are kept.
        out: the runs' folder; each has its own in it.
        splits: what is measured: valid, or valid and test.
        say: told how far it is.
    """

    config_path: Path | None
    overrides: Mapping[str, Any]
    data: Path
    prepared: Path
    out: Path
    splits: Sequence[str] = ("valid",)
    say: Say


def run_one(sweep: Sweep, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fit and measure one run, or read what it found before.

    Args:
        sweep: what all runs share.
        name: of the run and its folder.
        changes: dotted fields in which this run differs.

    Returns:
        name, folder, seconds of processor time that the fit took, and the figures of each
        split. The scores of each clip lie in the folder, for paired comparisons.

    Raises:
        InputError: the folder holds a run of another configuration.
    """
    overrides = {**sweep.overrides, **changes}
    asked = to_tree(load_config(sweep.config_path, overrides))
    # Further processes of one fit go the same way as the first, which has the turn.
    folder, what = sweep.out / name, "of a study is fitting"
    waits = turn([folder], say=sweep.say, what=what, option="--out")
    with waits if is_first() else nullcontext():
        return _run_one(sweep, folder, overrides, asked)


def _run_one(
    sweep: Sweep, folder: Path, overrides: dict[str, Any], asked: dict[str, Any]
) -> dict[str, Any]:
    name = folder.name
    begun = _begun(folder, asked)
    record = None if begun is None else begun["record"]
    if record is not None and set(sweep.splits) <= set(record["figures"]):
        return dict(record)
    # An earlier version kept no record of a run that has not ended: config.yaml speaks for it.
    has_begun = begun is not None or (folder / CONFIG).is_file()
    if not has_begun and is_first():
        folder.mkdir(parents=True, exist_ok=True)
        _keep(folder, asked, None)
    started = _cpu_s()
    sweep.say(f"{name}: fitting")
    run_training(
        sweep.config_path,
        overrides,
        Places(data=sweep.data, out=folder, prepared=sweep.prepared),
        say=lambda line: sweep.say(f"{name}: {line}"),
        resume=has_begun,
    )
    seconds = round(_cpu_s() - started, 1)
    figures = {split: _measured(sweep, folder, split) for split in sweep.splits}
    record = {"name": name, "folder": str(folder), "fit_cpu_s": seconds, "figures": figures}
    _keep(folder, asked, record)
    return record


def _cpu_s() -> float:
    """Seconds of processor time of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def over_seeds(records: Sequence[Mapping[str, Any]], split: str) -> dict[str, Any]:
    """Mean and deviation (of a sample, None for one seed) of each figure of one split."""
    summary: dict[str, Any] = {"n_runs": len(records)}
    for figure in FIGURES:
        values = [record["figures"][split].get(figure) for record in records]
        known = [value for value in values if value is not None]
        if known:
            deviation = statistics.stdev(known) if len(known) > 1 else None
            summary[figure] = {
                "mean": round(statistics.fmean(known), 4),
                "deviation": None if deviation is None else round(deviation, 4),
                "runs": known,
            }
    return summary


def pooled_scores(records: Sequence[Mapping[str, Any]], split: str) -> dict[str, Any]:
    """Whether each clip was right, over the runs: ids and shares of runs, both (n_clips,)."""
    right: dict[str, list[bool]] = {}
    for record in records:
        with np.load(Path(record["folder"]) / SCORES.format(split), allow_pickle=False) as kept:
            hit = kept["scores"].argmax(axis=1) == kept["targets"].argmax(axis=1)
            for clip, is_right in zip(kept["ids"].tolist(), hit.tolist(), strict=True):
                right.setdefault(clip, []).append(is_right)
    ids = sorted(right)
    return {"ids": ids, "right": np.array([np.mean(right[clip]) for clip in ids])}


def _keep(folder: Path, asked: dict[str, Any], record: dict[str, Any] | None) -> None:
    """What is asked of a run, from its beginning on, and what it found."""
    write_text(folder / RECORD, json.dumps({"asked": asked, "record": record}, indent=1))


def _begun(folder: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """What the folder holds of a run of this configuration; its record is None until it ends.

    Raises:
        InputError: it holds one of another configuration.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["record"] is None and not (folder / CONFIG).is_file():
        return None  # refused before it began: nothing was learned
    before = to_tree(from_saved(kept["asked"]))  # what is new since is off, or has its default
    if before != asked:
        changed = sorted(key for key in asked if asked[key] != before[key])
        raise InputError(
            f"{folder}: holds a run that differs in {', '.join(changed)}; name another folder"
            " with --out, or remove this one."
        )
    return dict(kept)


def _measured(sweep: Sweep, folder: Path, split: str) -> dict[str, Any]:
    evaluation = evaluate_model(
        folder / "best.pt",
        {},
        data=sweep.data,
        split=split,
        prepared=sweep.prepared,
        say=lambda _: None,
    )
    shared = [label for label in evaluation.scorer.labels if label in evaluation.clips.labels]
    columns = [evaluation.clips.labels.index(label) for label in shared]
    np.savez(
        folder / SCORES.format(split),
        ids=evaluation.clips.ids,
        scores=evaluation.scores,
        targets=evaluation.clips.targets[:, columns],
    )
    figures = {name: evaluation.record.get(name) for name in FIGURES}
    per_label = {label: value["f1"] for label, value in evaluation.record["per_label"].items()}
    return {**figures, "n_clips": evaluation.record["n_clips"], "f1": per_label}
