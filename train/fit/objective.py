"""The loss: labels that are known, and whether it is music at all."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def label_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    kind: str,
    smoothing: float,
    weights: Tensor | None = None,
    focal_gamma: float = 0.0,
    counts: Tensor | None = None,
) -> Tensor:
    """Loss over the labels that are known; 0 when none is.

    Args:
        logits: shape (batch, n_labels).
        targets: shares in 0..1, shape (batch, n_labels); NaN unknown. For `single` a row
            that is all unknown or empty (not music) has no vote, and the softmax of a row
            runs over the labels that are known there.
        kind: 'single' (softmax cross-entropy) or 'multi' (binary cross-entropy).
        smoothing: share of the target spread evenly over the labels.
        weights: for `multi`, how much a clip that has the label counts, shape (n_labels,).
        focal_gamma: for `multi`, how much less what is already right counts (T.-Y. Lin et
            al., ICCV 2017); 0 is plain cross-entropy.
        counts: for `multi`, how much each label of each clip counts, shape (batch, n_labels).
    """
    known = ~torch.isnan(targets)
    clean = torch.nan_to_num(targets)
    if kind == "multi":
        soft = clean * (1 - smoothing) + smoothing / 2
        each = F.binary_cross_entropy_with_logits(
            logits, soft, reduction="none", pos_weight=weights
        )
        if focal_gamma > 0:
            wrong = (torch.sigmoid(logits) - clean).abs()
            each = each * wrong**focal_gamma
        share = known if counts is None else known * counts
        return (each * share).sum() / share.sum().clamp(min=1)
    # A label that is unknown takes no part: the clip chooses among those its dataset knows.
    votes = known.any(dim=1)
    # (A row without a vote is not masked: a softmax over nothing has no gradient but NaN.)
    among = logits.masked_fill(~known & votes[:, None], -math.inf)
    mass = clean.sum(dim=1)  # 1 for a genre, 0 for speech, between for their blend
    n_known = known.sum(dim=1, keepdim=True).clamp(min=1)
    soft = clean * (1 - smoothing) + known * mass[:, None] * smoothing / n_known
    log_p = torch.where(known, F.log_softmax(among, dim=1), torch.zeros_like(logits))
    each = -(soft * log_p).sum(dim=1)
    return each[votes].sum() / mass[votes].sum().clamp(min=1)


def teacher_loss(predicted: Tensor, embeddings: Tensor) -> Tensor:
    """Mean squared error over the clips whose embedding is known; 0 when none is.

    Args:
        predicted: shape (batch, n_dims).
        embeddings: standardised, shape (batch, n_dims); NaN unknown.
    """
    known = ~torch.isnan(embeddings)
    squares = (predicted - torch.nan_to_num(embeddings)).square() * known
    return squares.sum() / known.sum().clamp(min=1)


def music_loss(logit: Tensor, music: Tensor, *, smoothing: float) -> Tensor:
    """Binary cross-entropy of the music logit, shapes (batch, 1) and (batch,); NaN unknown."""
    known = ~torch.isnan(music)
    soft = torch.nan_to_num(music) * (1 - smoothing) + smoothing / 2
    each = F.binary_cross_entropy_with_logits(logit[:, 0], soft, reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


def rarity_weights(targets: Tensor, *, most: float = 10.0) -> Tensor:
    """How much rarer each label is than its absence, 1..`most`, shape (n_labels,)."""
    known = ~torch.isnan(targets)
    has = torch.nan_to_num(targets).sum(dim=0)
    return ((known.sum(dim=0) - has) / has.clamp(min=1)).clamp(1.0, most)
