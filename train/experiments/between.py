"""What a network and a regression from teachers say together of each stretch of a recording.

Where they err on different recordings, their geometric mean (a product of experts: G. Hinton,
Neural Computation 14, 2002) can be right more often than either; train/LOG.md, 2026-11-27, has
figures. Of the network the mean over windows of the recording counts, since a song's genre is
also that of its quiet bridge.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from tagger.errors import InputError
from train.datasets.base import FeatureSet
from train.fit.embeddings import window_embeddings
from train.models.network import TaggerNet
from train.teachers.lessons import Part
from train.teachers.losses import LEAST
from train.teachers.peer import mean_of_shares
from train.teachers.probe import KIND

N_WINDOWS = 2
"""Evenly spread in a recording that is longer than these; a shorter one is covered."""

Array = NDArray[np.float32]


def probe_part(clips: FeatureSet) -> Part:
    """Where in the lessons the probe's shares stand.

    Raises:
        InputError: there are none.
    """
    parts = () if clips.lessons is None else clips.lessons.parts
    found = next((part for part in parts if part.kind == KIND), None)
    if found is None:
        raise InputError("probe_share: there is no probe; give `teachers` and probe.weight.")
    return found


def between(clips: FeatureSet, net: TaggerNet, *, share: float) -> FeatureSet:
    """The clips with the probe's shares of the labels brought towards what a network says.

    Args:
        clips: with a probe, recordings or features.
        net: calibrated, of the same labels in the same order.
        share: of the probe in the mean of logarithms; the rest is the network's.

    Raises:
        InputError: there is no probe.
    """
    part, lessons = probe_part(clips), clips.lessons
    if lessons is None:
        raise TypeError("a part of no lessons")
    rows = [row.copy() for row in lessons.of_clip]
    for own, row in zip(of_recordings(clips, net), rows, strict=True):
        columns = slice(part.start, part.stop)
        row[:, columns] = mean_of_shares(own, row[:, columns].astype(np.float32), share=share)
    return replace(clips, lessons=replace(lessons, of_clip=rows))


@torch.no_grad()
def of_recordings(clips: FeatureSet, net: TaggerNet) -> Array:
    """Logarithms of the label scores, the mean over windows, shape (n_clips, n_labels)."""
    embeddings, owner = window_embeddings(net, clips, n_windows=N_WINDOWS)
    said = label_scores(net, embeddings)
    sums = torch.zeros(len(clips), said.shape[1]).index_add(0, owner, said)
    means: Array = (sums / torch.bincount(owner, minlength=len(clips))[:, None]).numpy()
    return means


def label_scores(net: TaggerNet, embedding: Tensor) -> Tensor:
    """Logarithms of the calibrated softmax over the labels that exclude one another."""
    n_among = len(net.family)
    scaled = net.head.labels(embedding) * net.label_scale + net.label_bias
    return F.log_softmax(scaled[:, :n_among], dim=1)


def logits_of(net: TaggerNet, shares: Tensor) -> Tensor:
    """What the head would have to give for such shares, before calibration; up to a constant.

    Args:
        net: calibrated.
        shares: of the labels that exclude one another, shape (batch, n_labels).
    """
    n_among = len(net.family)
    wanted = shares.clamp(min=LEAST).log() - net.label_bias[:n_among]
    return wanted / net.label_scale[:n_among]
