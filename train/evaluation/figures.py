"""Scores and what is true -> the figures of the field; a label that never occurs has none."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_average_precision,
    binary_calibration_error,
    binary_f1_score,
    binary_precision,
    binary_recall,
    multiclass_confusion_matrix,
)
from torchmetrics.functional.retrieval import retrieval_precision, retrieval_recall

from train.evaluation.metrics import among_known, brier, calibration_error, first_right

Array = NDArray[np.float32]
AT = (1, 3, 5)


def figures_of(
    scores: Array,
    targets: Array,
    *,
    labels: Sequence[str],
    kind: str,
    thresholds: Mapping[str, float],
) -> dict[str, Any]:
    """Every figure that applies.

    Args:
        scores: in [0, 1], shape (n_clips, n_labels).
        targets: 1 has it, 0 has it not, NaN unknown, the same shape.
        labels: names of the columns.
        kind: 'single' or 'multi'.
        thresholds: label to the score from which it is believed; only for `multi`, since with
            one label a clip the highest score decides.

    Returns:
        Plain values for JSON. `absent_labels` occur in no clip and take part in no mean.
    """
    figures: dict[str, Any] = {"n_clips": len(scores)}
    if kind == "single":
        candidates, _ = among_known(scores, targets)
        believed = _first_only(candidates)
    else:
        believed = _over(scores, labels, thresholds)
    per_label = {
        label: _of_label(scores[:, i], believed[:, i], targets[:, i])
        for i, label in enumerate(labels)
    }
    present = {name: value for name, value in per_label.items() if value["n_clips"]}
    figures |= _single(scores, targets, labels) if kind == "single" else _multi(scores, targets)
    figures |= _means(present)
    figures["absent_labels"] = [name for name in per_label if name not in present]
    figures["per_label"] = per_label
    return figures


def _means(present: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Macro and weighted means over the labels that occur."""
    means: dict[str, Any] = {}
    for name in ("precision", "recall", "f1", "roc_auc", "pr_auc"):
        values = [figures[name] for figures in present.values() if figures[name] is not None]
        mean = round(float(np.mean(values)), 4) if values else None
        means[name if "auc" in name else f"{name}_macro"] = mean
    means["map"] = means["pr_auc"]  # each label's area is its average precision
    weights = np.array([figures["n_clips"] for figures in present.values()], dtype=float)
    for name in ("precision", "recall", "f1"):
        values = [figures[name] for figures in present.values()]
        weighted = float(np.average(values, weights=weights)) if values else None
        means[f"{name}_weighted"] = None if weighted is None else round(weighted, 4)
    return means


def _first_only(scores: Array) -> Array:
    first = np.zeros_like(scores)
    first[np.arange(len(scores)), scores.argmax(axis=1)] = 1
    return first


def _over(scores: Array, labels: Sequence[str], thresholds: Mapping[str, float]) -> Array:
    limits = np.array([thresholds.get(label, 0.5) for label in labels], dtype=np.float32)
    return (scores >= limits).astype(np.float32)


def _of_label(scores: Array, believed: Array, targets: Array) -> dict[str, Any]:
    """Figures of one label against all others; areas need clips with and without it."""
    known = ~np.isnan(targets)
    truth = torch.from_numpy(targets[known]).long()
    predicted, chosen = (
        torch.from_numpy(scores[known]),
        torch.from_numpy(believed[known]).long(),
    )
    n = int(truth.sum())
    both = 0 < n < len(truth)
    return {
        "n_clips": n,
        "precision": _number(binary_precision, chosen, truth) if n else None,
        "recall": _number(binary_recall, chosen, truth) if n else None,
        "f1": _number(binary_f1_score, chosen, truth) if n else None,
        "roc_auc": _number(binary_auroc, predicted, truth) if both else None,
        "pr_auc": _number(binary_average_precision, predicted, truth) if both else None,
    }


def _number(
    measure: Callable[[Tensor, Tensor], Tensor], predicted: Tensor, truth: Tensor
) -> float:
    return round(float(measure(predicted, truth)), 4)


def _single(scores: Array, targets: Array, labels: Sequence[str]) -> dict[str, Any]:
    """What needs exactly one label a clip."""
    scores, targets = among_known(scores, targets)
    truth, predicted = targets.argmax(axis=1), scores.argmax(axis=1)
    confusion = multiclass_confusion_matrix(
        torch.from_numpy(predicted), torch.from_numpy(truth), num_classes=len(labels)
    )
    n_bins = min(5, len(scores))
    return {
        "accuracy": round(float(first_right(scores, targets).mean()), 4),
        "calibration_error": round(calibration_error(scores, targets, n_bins=n_bins), 4),
        "brier": round(brier(scores, targets), 4),
        "confusion": {"labels": list(labels), "rows_true_columns_heard": confusion.tolist()},
    }


def _multi(scores: Array, targets: Array) -> dict[str, Any]:
    """What any number of labels a clip allows: the first k of each clip, and calibration."""
    figures: dict[str, Any] = {}
    known = ~np.isnan(targets)
    pairs = torch.from_numpy(scores[known]), torch.from_numpy(targets[known]).long()
    figures["calibration_error"] = round(float(binary_calibration_error(*pairs, n_bins=15)), 4)
    labelled = np.flatnonzero(np.nansum(targets, axis=1) > 0)
    candidates, has = among_known(scores, targets)
    predicted, truth = torch.from_numpy(candidates), torch.from_numpy(has > 0)
    for k in (k for k in AT if k <= scores.shape[1]):
        for name, measure in (("precision", retrieval_precision), ("recall", retrieval_recall)):
            each = [float(measure(predicted[i], truth[i], top_k=k)) for i in labelled]
            figures[f"{name}_at_{k}"] = round(float(np.mean(each)), 4) if each else None
    return figures


def most_wrong(
    scores: Array, targets: Array, ids: Sequence[str], labels: Sequence[str], *, n: int = 20
) -> list[dict[str, Any]]:
    """The clips whose best wrong label lies farthest above their best right one."""
    is_right = np.nan_to_num(targets) > 0
    right = np.where(is_right, scores, -1.0).max(axis=1)
    wrong = np.where(is_right | np.isnan(targets), -1.0, scores)
    gap = wrong.max(axis=1) - right
    order = [i for i in np.argsort(-gap)[:n] if gap[i] > 0 and is_right[i].any()]
    return [
        {
            "id": str(ids[i]),
            "true": [labels[j] for j in np.flatnonzero(is_right[i]).tolist()],
            "heard": labels[int(wrong[i].argmax())],
            "score": round(float(wrong[i].max()), 4),
            "score_of_true": round(float(right[i]), 4),
        }
        for i in order
    ]
