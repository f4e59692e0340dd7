"""What a network says of whole clips, before calibration."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from train.data.batches import cover
from train.datasets.base import FeatureSet
from train.models.network import TaggerNet

CLIPS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipLogits:
    """Logits of each clip's windows, and what is true of the clip."""

    label_logits: list[NDArray[np.float32]]
    music_logits: list[NDArray[np.float32]]
    clips: FeatureSet

    def take(self, index: NDArray[np.intp]) -> "ClipLogits":
        """The logits of the clips at `index`."""
        return ClipLogits(
            label_logits=[self.label_logits[i] for i in index],
            music_logits=[self.music_logits[i] for i in index],
            clips=self.clips.take(index),
        )


@torch.no_grad()
def predict(net: TaggerNet, clips: FeatureSet, *, n_windows: int) -> ClipLogits:
    """Logits of evenly spread windows of every clip, uncalibrated."""
    options = net.options.features_options
    labels, music = [], []
    for start in range(0, len(clips), CLIPS_AT_ONCE):
        rows = range(start, min(start + CLIPS_AT_ONCE, len(clips)))
        windows = [cover(clips, i, options=options, n_windows=n_windows) for i in rows]
        batch = torch.from_numpy(np.concatenate(windows))
        features = net.front_end(batch[:, 0]) if clips.is_waveform else batch
        label_logits, music_logit = net.logits(features)
        sizes = [len(one) for one in windows]
        labels += [part.numpy() for part in label_logits.split(sizes)]
        music += [part[:, 0].numpy() for part in music_logit.split(sizes)]
    return ClipLogits(label_logits=labels, music_logits=music, clips=clips)
