"""What a network had learned from before a run: clips that the run must not call unseen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.config.config import TrainConfig
from train.datasets.registry import recordings_of
from train.models import checkpoint

OUT_OF_FOLD, VALID = "out_of_fold_train", "valid"

SeenSplits = Mapping[str, Sequence[str]]
"""For a split with figures, the datasets of which the start may have heard those clips."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A dataset that was learned from.

    Attributes:
        name: as in `gtzan:stratified`.
        split_seed: with which its splits were drawn; None if that is not known.
        with_valid: the valid clips were learned too.
    """

    name: str
    split_seed: int | None
    with_valid: bool


def seen_by_start(config: TrainConfig, start_from: Path | None) -> SeenSplits:
    """Datasets whose clips measure or calibrate and may have been heard by the start.

    A dataset that was learned from has given its train clips; its valid clips only if they were
    learned in a last fit, or if the splits may be others: another variant or seed.
    """
    earlier = _of_checkpoint(start_from)
    seen: dict[str, list[str]] = {OUT_OF_FOLD: [], VALID: []}
    for name in config.calibration.datasets or config.datasets:
        same = [
            learned for learned in earlier if recordings_of(learned.name) == recordings_of(name)
        ]
        if same:
            seen[OUT_OF_FOLD].append(name)
        if any(
            learned.with_valid
            or learned.name != name
            or learned.split_seed != config.split_seed
            for learned in same
        ):
            seen[VALID].append(name)
    return {split: names for split, names in seen.items() if names}


def _of_checkpoint(start_from: Path | None) -> list[Learned]:
    if start_from is None:
        return []
    start = checkpoint.load(start_from)
    data = start.facts.get("data", {})
    # Of what was learned still earlier only the names are known.
    before = [Learned(name, None, with_valid=True) for name in data.get("learned_before", ())]
    config, last_fit = start.config, data.get("last_fit", ())
    own = [
        Learned(dataset, config.split_seed, dataset in last_fit) for dataset in config.datasets
    ]
    return [*before, *own]


def marked(facts: dict[str, Any], seen: SeenSplits) -> dict[str, Any]:
    """The facts of a run, whose figures say what the start may have heard of their clips."""
    metrics = {
        name: figures | {"start_may_have_heard": list(seen[split])}
        if (split := name.partition(" of ")[0]) in seen
        else figures
        for name, figures in facts.get("metrics", {}).items()
    }
    calibration = facts.get("calibration", {})
    if calibration.get("on") in seen:
        names = ", ".join(seen[calibration["on"]])
        method = f"scale and bias of the logits; the start may have heard clips of {names}"
        calibration = calibration | {"method": method}
    return (
        facts
        | ({"metrics": metrics} if metrics else {})
        | ({"calibration": calibration} if calibration else {})
    )


def warning(seen: SeenSplits, config: TrainConfig) -> str | None:
    """What is to be said before a run whose start may have heard what will measure it."""
    used = VALID if config.calibration.source == "valid" else OUT_OF_FOLD
    if used not in seen:
        return None
    return (
        f"the start (--from) may have heard clips of {', '.join(seen[used])} that"
        " calibrate and measure this run: its thresholds and figures are not those of unseen"
        " clips, and say so. Name other sets in calibration.datasets, or take"
        " calibration.source=valid where the valid clips were left out."
    )
