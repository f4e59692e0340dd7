"""What is left of an earlier fit in a folder: gone on from, or forgotten."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tagger.errors import InputError
from train.config.config import TrainConfig, to_tree
from train.config.fields import flat
from train.config.saved import from_saved
from train.fit.callbacks import LAST, read_last
from train.fit.initial_weights import CONFIG
from train.models.checkpoint import BEST

FITS = ("fold-*", "branch-*", "member-*", "last-fit")
"""Folders of a run in which something else than the run's own network is fitted."""

MAY_CHANGE = (
    "name",
    "names",
    "kinds",
    "labels",
    "metadata",
    "beside",
    "calibration",
    "fit.epochs",
    "fit.stop_epoch",
    "fit.patience",
    "fit.n_workers",
    "fit.devices",
    "fit.gpu_memory_fraction",
    "fit.deterministic",
)
"""Choices that a fit can go on with another of: how long, on what, and what follows it."""

HELD_OUT = ("calibration.source", "calibration.folds", "calibration.datasets")
"""But for these: they say which clips a fold's network has not heard."""


def check_free(out: Path) -> None:
    """Make sure that a new run takes nobody's place.

    Raises:
        InputError: the folder holds a model.
    """
    if (out / BEST).is_file():
        raise InputError(
            f"{out}: holds a model that was trained before ({BEST}); give another folder with"
            f" --out, go on with it by --resume {out}, or take its place with --force."
        )


def forget_fits(out: Path) -> None:
    """Delete what an earlier run in a folder would be gone on from."""
    for folder in (out, *(found for kind in FITS for found in out.glob(kind))):
        (folder / LAST).unlink(missing_ok=True)


def last_of(run_dir: Path, config: TrainConfig) -> dict[str, Any] | None:
    """What the last.pt holds that a fit can go on from; None if there is none.

    Raises:
        InputError: it was learned with other choices, which it would be a blend of.
    """
    path = run_dir / LAST
    if not path.is_file():
        return None
    content = read_last(run_dir)
    _check_same(path, content["tagger"]["config"], config)
    return content


def check_continues(out: Path, config: TrainConfig) -> None:
    """Make sure that a run goes on as it was begun; its record is not yet another's then.

    Raises:
        InputError: something else is asked for that would have changed what is learned by now.
    """
    path = out / CONFIG
    if path.is_file():
        _check_same(path, yaml.safe_load(path.read_text(encoding="utf-8")) or {}, config)


def _check_same(path: Path, begun: Mapping[str, Any], config: TrainConfig) -> None:
    if changed := differing(to_tree(from_saved(begun)), to_tree(config)):
        raise InputError(
            f"{path}: was begun with another {' and '.join(changed)}, and what has been learned"
            " cannot be changed: go on without that choice, or begin a new run (--out)."
        )


def differing(begun: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Dotted names of the choices that differ, but for those that may."""
    ours, theirs = flat(asked), flat(begun)
    return [
        name
        for name in sorted(ours | theirs)
        if ours.get(name) != theirs.get(name) and (name in HELD_OUT or not _may_change(name))
    ]


def _may_change(name: str) -> bool:
    return any(name == free or name.startswith(f"{free}.") for free in MAY_CHANGE)
