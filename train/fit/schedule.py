"""The optimiser and how its learning rate changes."""

from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import lr_scheduler

from train.config.in_fit import FitOptions

VALID_LOSS = "valid/loss"


def optimisation(
    parameters: Iterable[Parameter], options: FitOptions, *, n_steps: int
) -> dict[str, Any]:
    """AdamW and its schedule, in the form that Lightning asks for.

    Args:
        parameters: what is learned.
        options: of the fit.
        n_steps: optimiser steps of the whole fit.
    """
    optimiser = torch.optim.AdamW(
        parameters, lr=options.learning_rate, weight_decay=options.weight_decay
    )
    chosen: dict[str, Any] = {"optimizer": optimiser}
    if options.schedule == "plateau":
        schedule: Any = lr_scheduler.ReduceLROnPlateau(
            optimiser, factor=0.5, patience=options.plateau_epochs
        )
        chosen["lr_scheduler"] = {"scheduler": schedule, "monitor": VALID_LOSS}
    elif options.schedule == "cosine":
        schedule = lr_scheduler.CosineAnnealingLR(optimiser, T_max=n_steps)
        chosen["lr_scheduler"] = {"scheduler": schedule, "interval": "step"}
    elif options.schedule == "one-cycle":
        schedule = lr_scheduler.OneCycleLR(
            optimiser, max_lr=options.learning_rate, total_steps=n_steps, pct_start=0.2
        )
        chosen["lr_scheduler"] = {"scheduler": schedule, "interval": "step"}
    return chosen


def keep_length(states: list[dict[str, Any]]) -> None:
    """Take the length of the fit out of stored schedules, so that a longer one can go on."""
    for state in states:
        for name in ("total_steps", "_schedule_phases", "T_max"):
            state.pop(name, None)
