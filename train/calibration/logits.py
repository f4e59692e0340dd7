"""What a network says of whole clips, before calibration.

The windows go to the network's device; only what is to be kept, small arrays, comes back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.data.batches import cover
from train.datasets.base import FeatureSet
from train.models.network import TaggerNet

CLIPS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipLogits:
    """Logits of each clip's windows, and what is true of the clip.

    Attributes:
        label_logits: of each clip, shape (n_windows, n_labels).
        music_logits: of each clip, shape (n_windows,).
        clips: these clips.
        device: of the network, on which a calibration is fitted too.
    """

    label_logits: list[NDArray[np.float32]]
    music_logits: list[NDArray[np.float32]]
    clips: FeatureSet
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def take(self, index: NDArray[np.intp]) -> "ClipLogits":
        """The logits of the clips at `index`."""
        return ClipLogits(
            label_logits=[self.label_logits[i] for i in index],
            music_logits=[self.music_logits[i] for i in index],
            clips=self.clips.take(index),
            device=self.device,
        )


def on_host(values: Tensor) -> NDArray[np.float32]:
    """An array of what a device has computed: the one place where it leaves it."""
    array: NDArray[np.float32] = values.detach().cpu().numpy()
    return array


@torch.no_grad()
def window_features(
    net: TaggerNet, clips: FeatureSet, *, n_windows: int
) -> Iterator[tuple[Tensor, list[int]]]:
    """Features of evenly spread windows of some clips at a time, and how many each clip has."""
    options = net.options.features_options
    for start in range(0, len(clips), CLIPS_AT_ONCE):
        rows = range(start, min(start + CLIPS_AT_ONCE, len(clips)))
        windows = [cover(clips, i, options=options, n_windows=n_windows) for i in rows]
        batch = torch.from_numpy(np.concatenate(windows)).to(net.device)
        features = net.front_end(batch[:, 0]) if clips.is_waveform else batch
        yield features, [len(window) for window in windows]


@torch.no_grad()
def predict(net: TaggerNet, clips: FeatureSet, *, n_windows: int) -> ClipLogits:
    """Logits of evenly spread windows of every clip, uncalibrated."""
    labels, music = [], []
    for features, counts in window_features(net, clips, n_windows=n_windows):
        logits = net.logits(features)
        ends = np.cumsum(counts)[:-1]
        labels += np.split(on_host(logits.labels), ends)
        music += np.split(on_host(logits.music)[:, 0], ends)
    return ClipLogits(label_logits=labels, music_logits=music, clips=clips, device=net.device)


def mean_scores(logits: ClipLogits, *, kind: str) -> NDArray[np.float32]:
    """Uncalibrated scores of clips, the mean over their windows, shape (n_clips, n_labels)."""
    rows = []
    for logit in logits.label_logits:
        scores = torch.from_numpy(logit)
        scores = scores.softmax(dim=1) if kind == "single" else scores.sigmoid()
        rows.append(scores.mean(dim=0).numpy())
    return np.stack(rows)
