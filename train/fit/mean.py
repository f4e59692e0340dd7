"""The mean of the weights of fits that go on from one network."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from train.datasets.base import FeatureSet
from train.fit.embeddings import window_embeddings
from train.models.network import TaggerNet
from train.teachers.pupil import keep_pupil, read_pupil

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def mean_of(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each weight; what is counted is taken from the first."""
    first = states[0]
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0)
        if value.is_floating_point()
        else value
        for name, value in first.items()
    }


@torch.no_grad()
def measure_statistics(net: TaggerNet, clips: FeatureSet, *, n_clips: int) -> None:
    """Give each batch normalisation the mean and variance of what it is given now.

    One window, the middle one, of up to `n_clips` evenly spread clips is heard, clean. They
    are shuffled: neighbours in a table are often alike, and the mean of the variances of such
    batches would lack what lies between them.
    """
    spread = np.arange(0, len(clips), max(1, -(-len(clips) // n_clips)))
    chosen = np.random.default_rng(0).permutation(spread)
    with _listening(net):
        window_embeddings(net, clips.take(chosen), n_windows=1)


@contextmanager
def _listening(net: TaggerNet) -> Iterator[None]:
    """Batch normalisations keep the plain mean over all batches; all else is as when heard."""
    norms = [one for one in net.body.modules() if isinstance(one, NORMS)]
    before = [one.momentum for one in norms]
    for one in norms:
        one.reset_running_stats()
        one.momentum = None
        one.train()
    yield
    for one, momentum in zip(norms, before, strict=True):
        one.momentum = momentum
        one.eval()


def mean_pupil(out: Path, folders: Sequence[Path]) -> None:
    """Keep in `out` the mean of the layers by which fits answer for their teachers, if any."""
    pupils = [read_pupil(folder) for folder in folders]
    layers = [pupil[0].state_dict() for pupil in pupils if pupil is not None]
    if len(layers) == len(folders) and pupils[0] is not None:
        layer, parts = pupils[0]
        layer.load_state_dict(mean_of(layers))
        keep_pupil(out, layer, parts, n_before=0)
