"""Checkpoints: everything that is needed to build a network again, in one file.

They load with `weights_only=True`: a checkpoint from a stranger runs no code.
"""

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tagger.errors import InputError
from train.config import TrainConfig, from_tree, to_tree
from train.models.network import TaggerNet

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network with what was known when it was saved.

    Attributes:
        net: the network, in evaluation mode on CPU.
        config: the run's configuration.
        labels: names of the scores.
        facts: plain values: thresholds, figures, data, versions.
    """

    net: TaggerNet
    config: TrainConfig
    labels: tuple[str, ...]
    facts: Mapping[str, Any]


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint beside its place, then move it there: it is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "format": FORMAT,
        "config": to_tree(checkpoint.config),
        "labels": list(checkpoint.labels),
        "weights": checkpoint.net.state_dict(),
        "facts": dict(checkpoint.facts),
    }
    temporary = path.with_name(f".{path.name}.tmp")
    torch.save(content, temporary)
    os.replace(temporary, path)  # noqa: PTH105 - says better what it does


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        InputError: the file is missing, damaged or not a checkpoint of this program.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such checkpoint; check the path.") from error
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
        raise InputError(f"{path}: not a checkpoint that can be read ({error}).") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: not a checkpoint of this version of `tagger train`.")
    config = from_tree(content["config"])
    labels = tuple(content["labels"])
    net = TaggerNet(config.network(), n_labels=len(labels))
    net.load_state_dict(content["weights"])
    return Checkpoint(net.eval(), config, labels, content["facts"])
