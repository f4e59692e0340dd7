"""Labels of one softmax that stand in a tree: what is punk is rock as well."""

from collections.abc import Sequence

import torch
from torch import Tensor


def family_matrix(parents: Sequence[int | None]) -> Tensor:
    """Which labels a label counts for, itself and all above it, as 0 and 1.

    The labels of a softmax exclude one another, so the probability of a label is its own and
    that of every label below it: `probabilities @ family_matrix(parents)`.

    Args:
        parents: of each label the column of its parent, None for one without.

    Returns:
        Shape (n_labels, n_labels).
    """
    matrix = torch.eye(len(parents))
    for column in range(len(parents)):
        above = parents[column]
        while above is not None and not matrix[column, above]:
            matrix[column, above] = 1.0
            above = parents[above]
    return matrix
