"""Pictures of a fit for TensorBoard, as matplotlib figures that no global state holds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torchmetrics.functional.classification import (
    binary_precision_recall_curve,
    multiclass_confusion_matrix,
)

Array = NDArray[np.float32]
MOST_CURVES = 10
"""More curves in one picture cannot be told apart."""


def spectrograms_plot(shown: Mapping[str, Array]) -> Any:
    """Features of some windows by their titles, each (n_mels, n_frames), lowest band below."""
    figure = Figure(figsize=(6, 2 * len(shown)), layout="constrained")
    every = figure.subplots(len(shown), squeeze=False)[:, 0]
    for axes, (title, features) in zip(every, shown.items(), strict=True):
        axes.imshow(features, origin="lower", aspect="auto", cmap="magma")
        axes.set(title=title, ylabel="band")
    every[-1].set(xlabel="frame")
    return figure


def confusion_plot(scores: Array, targets: Array, labels: Sequence[str]) -> Any:
    """How many clips of each label (rows) were heard as which (columns)."""
    counts = multiclass_confusion_matrix(
        torch.from_numpy(scores.argmax(axis=1)),
        torch.from_numpy(np.nan_to_num(targets).argmax(axis=1)),
        num_classes=len(labels),
    ).numpy()
    side = 2 + 0.4 * len(labels)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues")
    places = range(len(labels))
    axes.set_xticks(places, labels, rotation=90)
    axes.set_yticks(places, labels)
    axes.set(xlabel="heard", ylabel="true")
    for row in places:
        for column in places:
            axes.text(column, row, str(counts[row, column]), ha="center", va="center")
    return figure


def curves_plot(scores: Array, targets: Array, labels: Sequence[str]) -> Any:
    """Precision against recall of the labels with the most clips."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    counts = np.nansum(targets, axis=0)
    for i in np.argsort(-counts, kind="stable")[:MOST_CURVES].tolist():
        known = ~np.isnan(targets[:, i])
        if counts[i] == 0 or counts[i] == known.sum():
            continue
        truth = torch.from_numpy(targets[known, i]).long()
        precision, recall, _ = binary_precision_recall_curve(
            torch.from_numpy(scores[known, i]), truth
        )
        axes.plot(recall.numpy(), precision.numpy(), label=f"{labels[i]} ({int(counts[i])})")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    if axes.lines:
        axes.legend(fontsize="small")
    return figure
