"""What the body of a network says of windows of clips."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from train.data.batches import cover
from train.datasets.base import FeatureSet
from train.models.network import TaggerNet

CLIPS_AT_ONCE = 16


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
    options = net.options.features_options
    embeddings, owner = [], []
    for start in range(0, len(clips), CLIPS_AT_ONCE):
        rows = range(start, min(start + CLIPS_AT_ONCE, len(clips)))
        windows = [cover(clips, i, options=options, n_windows=n_windows) for i in rows]
        batch = torch.from_numpy(np.concatenate(windows)).to(net.device)
        if clips.is_waveform:
            batch = net.front_end(batch[:, 0])
        embeddings.append(net.embed(batch if change is None else change(batch)))
        owner += [i for i, cut in zip(rows, windows, strict=True) for _ in cut]
    return torch.cat(embeddings), torch.tensor(owner)
