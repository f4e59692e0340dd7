"""FeatureSet -> batches: random crops for training, covering windows for evaluation."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, WeightedRandomSampler

from train.datasets.base import NOT_MUSIC, FeatureSet

Batch = tuple[Tensor, Tensor, Tensor]


class Crops(Dataset[Any]):
    """A random crop of each clip; shorter clips are repeated to the length of a window.

    Items are (features (n_mels, n_frames), targets (n_labels,), music ()), float32.
    """

    def __init__(self, clips: FeatureSet, *, n_frames: int, seed: int) -> None:
        self.clips, self.n_frames = clips, n_frames
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int) -> Batch:
        features = self.clips.features[i]
        spare = features.shape[1] - self.n_frames
        if spare > 0:
            start = int(self.rng.integers(spare + 1))
            features = features[:, start : start + self.n_frames]
        crop = repeat_to(features, self.n_frames).astype(np.float32) * self.clips.db_of_step
        target = torch.from_numpy(self.clips.targets[i])
        return torch.from_numpy(crop.astype(np.float32)), target, torch.tensor(self.clips.music[i])


def repeat_to(features: NDArray[np.generic], n_frames: int) -> NDArray[np.generic]:
    """Repeat a clip's frames until they fill a window, as the scan repeats its samples."""
    if features.shape[1] >= n_frames:
        return features[:, :n_frames]
    times = -(-n_frames // features.shape[1])
    return np.tile(features, (1, times))[:, :n_frames]


def cover(features: NDArray[np.generic], *, n_frames: int, n_windows: int) -> NDArray[np.generic]:
    """Evenly spread windows of a clip, shape (n_windows or 1, n_mels, n_frames)."""
    spare = features.shape[1] - n_frames
    if spare <= 0:
        return repeat_to(features, n_frames)[None]
    starts = np.unique(np.linspace(0, spare, n_windows).round().astype(int))
    return np.stack([features[:, s : s + n_frames] for s in starts])


def balanced_sampler(
    clips: FeatureSet, *, share_not_genre: float, n_samples: int, seed: int
) -> WeightedRandomSampler:
    """Draw labels equally often, and a fixed share of clips that carry no label at all.

    Args:
        clips: the training clips.
        share_not_genre: share of the batch without a known genre (0..1), half of it music.
        n_samples: clips an epoch.
        seed: of the sampler's own generator.
    """
    has_label = np.nan_to_num(clips.targets).sum(axis=1) > 0
    counts = np.nansum(clips.targets, axis=0)
    rarity = np.nan_to_num(clips.targets) / np.maximum(counts, 1)
    weights = rarity.sum(axis=1)
    weights *= (1 - share_not_genre) / max(weights.sum(), 1e-9)
    for side in (clips.music == NOT_MUSIC, (clips.music != NOT_MUSIC) & ~has_label):
        if side.any():
            weights[side] = share_not_genre / 2 / side.sum()
    generator = torch.Generator().manual_seed(seed)
    return WeightedRandomSampler(weights.tolist(), n_samples, generator=generator)
