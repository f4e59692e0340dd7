"""What the body of a network says of windows of clips."""

from collections.abc import Callable

import torch
from torch import Tensor

from train.calibration.logits import window_features
from train.datasets.base import FeatureSet
from train.models.network import TaggerNet


@torch.no_grad()
def window_embeddings(
    net: TaggerNet,
    clips: FeatureSet,
    *,
    n_windows: int,
    change: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Embeddings of evenly spread windows, (n, n_out), and the clip of each, (n,).

    The embeddings stay on the network's device. `change` is applied to batches of features
    before they are embedded.
    """
    embeddings, counts = [], []
    for features, n_each in window_features(net, clips, n_windows=n_windows):
        embeddings.append(net.embed(features if change is None else change(features)))
        counts += n_each
    return torch.cat(embeddings), torch.arange(len(clips)).repeat_interleave(
        torch.tensor(counts)
    )
