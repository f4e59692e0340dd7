"""Checkpoints: everything that is needed to build a network again, in one file.

They load with `weights_only=True`: a checkpoint from a stranger runs no code.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tagger.errors import InputError
from train.config.config import TrainConfig, to_tree
from train.config.moved import with_earlier
from train.config.saved import from_saved
from train.models.network import TaggerNet

FORMAT = 1
BEST = "best.pt"
NET = "net."
TAKEN = "best.pt or last.pt of a run is taken"
OR_MODEL = "best.pt of a run is taken, or an exported .onnx"
TRAINING = ("epoch", "best", "optimizer_states", "lr_schedulers")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network with what was known when it was saved.

    Attributes:
        net: the network, in evaluation mode; on the CPU when it was read.
        config: the run's configuration.
        labels: names of the scores.
        facts: plain values: thresholds, figures, data, versions.
    """

    net: TaggerNet
    config: TrainConfig
    labels: tuple[str, ...]
    facts: Mapping[str, Any]


def save(
    checkpoint: Checkpoint, path: Path, *, training: Mapping[str, Any] | None = None
) -> None:
    """Write a checkpoint beside its place, then move it there: it is whole or absent.

    Args:
        checkpoint: the network and what is known of it.
        path: where.
        training: epoch, best figure, state of optimiser and schedule, if they are known.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "format": FORMAT,
        "config": to_tree(checkpoint.config),
        "labels": list(checkpoint.labels),
        "weights": {name: value.cpu() for name, value in checkpoint.net.state_dict().items()},
        "facts": dict(checkpoint.facts),
        **(training or {}),
    }
    write_whole(content, path)


def write_whole(content: Mapping[str, Any], path: Path) -> None:
    """Write plain data and tensors beside a place, then move them there."""
    temporary = path.with_name(f".{path.name}.tmp")
    torch.save(content, temporary)
    os.replace(temporary, path)  # noqa: PTH105 - says better what it does


def load(path: Path, *, taken: str = TAKEN) -> Checkpoint:
    """Read a checkpoint: best.pt, or last.pt of a run that is not done.

    Args:
        path: the file.
        taken: what to name instead of a file that is none, as the end of a sentence.

    Raises:
        InputError: the file is missing, damaged or not a checkpoint of this program.
    """
    content = read(path, taken=taken)
    if content.get("format") == FORMAT:
        weights, facts = content["weights"], with_earlier(content["facts"], content["config"])
        config, labels = from_saved(content["config"]), tuple(content["labels"])
    elif "tagger" in content:  # Lightning's own, after some epoch
        config = from_saved(content["tagger"]["config"])
        labels = tuple(content["tagger"]["labels"])
        weights = {
            name.removeprefix(NET): value
            for name, value in content["state_dict"].items()
            if name.startswith(NET)
        }
        facts = {"thresholds": dict.fromkeys(labels, 0.5), "epoch": content["epoch"] + 1}
    else:
        raise InputError(f"{path}: not a checkpoint of this version of `tagger train`.")
    net = TaggerNet(
        config.network(),
        n_labels=len(labels),
        beside=config.parents_beside(labels),
        among=config.parents_among(labels),
    )
    net.load_state_dict(weights)
    return Checkpoint(net.eval(), config, labels, facts)


def read(path: Path, *, taken: str = TAKEN) -> dict[str, Any]:
    """The plain content of a checkpoint; `taken` as for `load`.

    Raises:
        InputError: the file is missing, damaged or something else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such checkpoint; check the path.") from error
    except IsADirectoryError as error:
        raise InputError(_of_folder(path, taken)) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except Exception as error:  # torch.load raises whatever a damaged zip leads to
        # What torch says is left out: it advises to read the file without its safety.
        raise InputError(_no_checkpoint(path, taken)) from error
    if not isinstance(content, dict):
        raise InputError(_no_checkpoint(path, taken))
    return content


def _no_checkpoint(path: Path, taken: str) -> str:
    return f"{path}: cannot be read as a checkpoint: it is none, or damaged; {taken}."


def _of_folder(path: Path, taken: str) -> str:
    if (path / BEST).is_file():
        return f"{path}: is a folder; name {path / BEST}, which is in it."
    return f"{path}: is a folder, and no {BEST} is in it; {taken}."


def training_of(path: Path) -> dict[str, Any]:
    """Epoch, best figure, optimiser and schedule of a checkpoint, if it is there."""
    if not path.is_file():
        return {}  # a fit of 0 epochs
    content = read(path)
    if "tagger" in content:
        content |= {"epoch": content["epoch"] + 1, "best": content["tagger"]["best"]}
    return {name: content[name] for name in TRAINING if name in content}
