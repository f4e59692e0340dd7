"""The layer by which a student answers as its teachers do: never part of the model."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tagger.errors import InputError
from train.models.checkpoint import write_whole
from train.teachers.lessons import Part

PUPIL = "pupil.pt"


def keep_pupil(
    run_dir: Path, pupil: nn.Linear, parts: Sequence[Part], *, n_before: int
) -> None:
    """Write the layer of a finished fit; `n_before` outputs in front are none of teachers."""
    content = {
        "weight": pupil.weight.detach().cpu()[n_before:].clone(),
        "bias": pupil.bias.detach().cpu()[n_before:].clone(),
        "parts": [asdict(part) | {"labels": list(part.labels)} for part in parts],
    }
    write_whole(content, run_dir / PUPIL)


def read_pupil(run_dir: Path) -> tuple[nn.Linear, tuple[Part, ...]] | None:
    """The layer and what its outputs are; None if the run had no teachers.

    Raises:
        InputError: the file is damaged.
    """
    path = run_dir / PUPIL
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever a damaged zip leads to
        # What torch says is left out: it advises to read the file without its safety.
        raise InputError(
            f"{path}: cannot be read: it is damaged, or of another program; begin the run anew."
        ) from error
    weight = content["weight"]
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight, "bias": content["bias"]})
    parts = (Part(**{**part, "labels": tuple(part["labels"])}) for part in content["parts"])
    return layer.eval(), tuple(parts)
