"""Which of several training processes this one is.

With `fit.devices` over 1 Lightning starts the same command once more for each further device,
with its number in the environment; each goes the same way, and only the first one speaks and
writes.
"""

import os

import torch


def rank() -> int:
    """The number of this process, 0 for the first one."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def is_first() -> bool:
    """Whether this process speaks and writes."""
    return rank() == 0


def seed_here(seed: int) -> int:
    """A seed of this process's own, so that no two of them draw alike; the first keeps it."""
    return seed + 1_000_003 * rank()


def device_here() -> torch.device:
    """Where this process fits: Lightning's `auto` takes the GPU where there is one."""
    return torch.device(f"cuda:{rank()}" if torch.cuda.is_available() else "cpu")
