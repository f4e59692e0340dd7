"""The weights that a fit ends with: a running mean of those behind its steps."""

from collections.abc import Callable

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

Mix = Callable[[Tensor, Tensor, Tensor], Tensor]


class Averaging(WeightAveraging):
    """An exponential mean over about the last tenth of the steps, or a shorter memory.

    A constant decay of 0.995 remembers 200 steps: after a short fit a good part of the random
    start is still in the mean, and its batch statistics fit no network at all. So the memory
    begins short and grows with the fit.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=growing(decay))


def growing(decay: float) -> Mix:
    """(mean, current, number of steps so far) -> new mean; `decay` is the largest one."""

    def mix(mean: Tensor, current: Tensor, n_steps: Tensor) -> Tensor:
        share = torch.clamp((1 + n_steps) / (10 + n_steps), max=decay)
        return mean * share + current * (1 - share)

    return mix
