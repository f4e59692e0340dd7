"""Configurations that earlier versions saved: a field that is new since is off in them.

A network answers as it did when it was fitted, whatever newer ones do by default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tagger.errors import InputError
from train.config.config import TrainConfig, from_tree
from train.config.moved import dropped

NEW_AND_OFF: Mapping[str, Any] = {"high_pass_hz": 0.0}
"""Fields of every front end that it did not always have, with what changes nothing."""


def from_saved(tree: Mapping[str, Any]) -> TrainConfig:
    """The configuration in a checkpoint or a run's record, of this or an earlier version.

    What only experiments do now is left out, on or off: the weights are what they are.

    Raises:
        InputError: a field is unknown or of the wrong type.
    """
    options = {**NEW_AND_OFF, **(tree.get("features_options") or {})}
    return from_tree({**dropped(tree), "features_options": options})


def off_in(path: Path) -> dict[str, Any]:
    """Overrides that switch off what the configuration of a run in `path` does not name.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML: {error}") from error
    named = tree.get("features_options") or {}
    return {
        f"features_options.{name}": value
        for name, value in NEW_AND_OFF.items()
        if name not in named
    }
