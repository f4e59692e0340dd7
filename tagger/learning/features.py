"""Embeddings -> what the head sees: the embedding, and what the base model makes of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tagger.genres.rules import spelling_key

Matrix = NDArray[np.float32]

LEAST_SCORE = 1e-3
"""Scores of the base model count as logits between this and one minus this."""

GAIN = 3.0
"""Factor of the base's standardised logits: the penalty leaves them nine times freer."""


def base_logits(scores: Matrix) -> Matrix:
    """Logits of the base model's scores, shape (n, n_base)."""
    # A score of exactly 0 or 1 would be an infinite logit.
    inside = np.clip(scores, LEAST_SCORE, 1 - LEAST_SCORE)
    return (np.log(inside) - np.log1p(-inside)).astype(np.float32)


def features_of(embeddings: Matrix, scores: Matrix | None) -> Matrix:
    """What the head is fitted on, shape (n, n_embedding + n_base).

    Args:
        embeddings: shape (n, n_embedding).
        scores: of the base model for the same tracks, (n, n_base); None to do without.
    """
    if scores is None:
        return embeddings.astype(np.float32)
    return np.hstack([embeddings, base_logits(scores)]).astype(np.float32)


def prior_of(labels: Sequence[str], base: Sequence[str], *, n_embedding: int) -> Matrix:
    """The weights to begin with: a label that the base model has is what the base says.

    Args:
        labels: those that are learned.
        base: those of the base model; empty to do without.
        n_embedding: width of the embedding.

    Returns:
        Shape (n_embedding + n_base, n_labels).
    """
    prior = np.zeros((n_embedding + len(base), len(labels)), np.float32)
    rows = {spelling_key(label): i for i, label in enumerate(base)}
    for column, label in enumerate(labels):
        if (row := rows.get(spelling_key(label))) is not None:
            prior[n_embedding + row, column] = 1
    return prior


def gains_of(n_embedding: int, n_base: int) -> NDArray[np.float32]:
    """How freely the weight of each feature may move, shape (n_embedding + n_base,)."""
    return np.repeat(np.array([1.0, GAIN], np.float32), [n_embedding, n_base])
