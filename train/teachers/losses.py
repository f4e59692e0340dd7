"""How far a student is from its teachers."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from train.teachers.lessons import Part

LEAST = 1e-4
"""So far from 0 and 1 scores are kept before they are softened: half precision ends there."""


def lessons_loss(
    predicted: Tensor, lessons: Tensor, parts: Sequence[Part]
) -> dict[str, Tensor]:
    """The weighted loss of each teacher's scores and embedding.

    Args:
        predicted: logits of scores and standardised embeddings, shape (batch, n_columns).
        lessons: scores in 0..1 and standardised embeddings, the same shape; NaN unknown.
        parts: what the columns are.

    Returns:
        'TEACHER scores' and 'TEACHER embedding' -> loss times weight; 0 where all is unknown.
        Parts without weight are left out.
    """
    losses = {}
    for part in parts:
        if part.weight > 0:
            columns = slice(part.start, part.stop)
            of = scores_loss if part.kind == "scores" else embedding_loss
            options = {"temperature": part.temperature} if part.kind == "scores" else {}
            loss = of(predicted[:, columns], lessons[:, columns], **options)
            losses[f"{part.teacher} {part.kind}"] = part.weight * loss
    return losses


def scores_loss(logits: Tensor, scores: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Mean binary cross-entropy against soft targets; 0 when none is known.

    With a temperature both sides are softened by it, and the loss grows by its square, so that
    its gradient keeps its size (G. Hinton, O. Vinyals and J. Dean, 2015).

    Args:
        logits: of the student, shape (batch, n_labels).
        scores: of the teacher in 0..1, the same shape; NaN unknown.
        temperature: above 0; 1 leaves everything as it is.
    """
    known = ~torch.isnan(scores)
    soft = torch.nan_to_num(scores).clamp(0, 1)
    if temperature != 1:
        soft = torch.sigmoid(torch.logit(soft, eps=LEAST) / temperature)
    each = F.binary_cross_entropy_with_logits(logits / temperature, soft, reduction="none")
    return temperature**2 * (each * known).sum() / known.sum().clamp(min=1)


def embedding_loss(predicted: Tensor, embedding: Tensor) -> Tensor:
    """Mean smooth L1 distance; 0 when nothing is known.

    Args:
        predicted: shape (batch, n_dims).
        embedding: of the teacher, standardised, the same shape; NaN unknown.
    """
    known = ~torch.isnan(embedding)
    each = F.smooth_l1_loss(predicted, torch.nan_to_num(embedding), reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)
