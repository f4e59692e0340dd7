"""Which crops of which clips a fit learns from: everything in them that is left to chance."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler, WeightedRandomSampler

from train.data.batches import Crops, Draw
from train.datasets.base import NOT_MUSIC, FeatureSet


class CropSampler(Sampler[Draw]):
    """Draws clips, and of each where it is cut and how it is changed.

    All of it is drawn here, in the process that learns: with any number of loading processes
    the crops are the same, and the states of the two generators are all that a resumed fit
    needs.
    """

    def __init__(
        self,
        crops: Crops,
        clips: WeightedRandomSampler,
        *,
        seed: int,
        n_used: int | None = None,
    ) -> None:
        """Prepare to draw.

        Args:
            crops: what the draws are for.
            clips: gives the number of each clip.
            seed: of the places, and of the changes.
            n_used: of so many clips of an epoch crops are drawn; None for all.
        """
        self.crops, self.clips, self.n_used = crops, clips, n_used
        self.rng = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[Draw]:
        for n, clip in enumerate(self.clips):
            if n == self.n_used:
                return
            yield self.crops.draw(clip, self.rng)

    def __len__(self) -> int:
        return len(self.clips) if self.n_used is None else self.n_used


def balanced_sampler(
    clips: FeatureSet,
    *,
    share_not_genre: float,
    n_samples: int,
    seed: int,
    shares: Mapping[str, float] | None = None,
    window_len: int | None = None,
) -> WeightedRandomSampler:
    """Draw labels equally often, and a fixed share of clips that carry no label at all.

    Args:
        clips: the training clips.
        share_not_genre: share of the batch without a known genre (0..1), half of it music.
        n_samples: clips an epoch.
        seed: of the sampler's own generator.
        shares: dataset to its share of the batch; then labels are drawn equally often within
            each dataset, and `share_not_genre` says nothing.
        window_len: draw each window of sound alike, in what the clips count; then
            `share_not_genre` says nothing either. None to draw labels equally often.
    """
    generator = torch.Generator().manual_seed(seed)
    if not shares:
        weights = (
            _even_weights(clips, share_not_genre=share_not_genre)
            if window_len is None
            else _window_weights(clips, window_len)
        )
        return WeightedRandomSampler(weights.tolist(), n_samples, generator=generator)
    weights = np.zeros(len(clips))
    for name, share in shares.items():
        rows = np.flatnonzero(clips.from_datasets([name]))
        if len(rows):
            part = clips.take(rows)
            has_label = np.nansum(part.targets, axis=1).any()
            weights[rows] = share * (
                _even_weights(part, share_not_genre=float(not has_label))
                if window_len is None
                else _window_weights(part, window_len)
            )
    return WeightedRandomSampler(weights.tolist(), n_samples, generator=generator)


KNOWN_COUNTS = 1.5
"""How much more often a clip is drawn whose label is known, or that is known to be no music."""


def _window_weights(clips: FeatureSet, window_len: int) -> NDArray[np.float64]:
    """How often each clip is to be drawn, shape (n_clips,), sum 1: by its length.

    A label that is n times as rare is drawn the root of n as often.
    """
    lengths = np.array([clips.n_frames(i) for i in range(len(clips))], dtype=np.float64)
    weights = np.maximum(1, lengths / window_len)
    has = np.nan_to_num(clips.targets)
    labelled = has.sum(axis=1) > 0
    if labelled.any():
        rarity = (has / np.sqrt(np.maximum(has.sum(axis=0), 1))).max(axis=1, initial=0)
        weights[labelled] *= KNOWN_COUNTS * rarity[labelled] / rarity[labelled].mean()
    weights[clips.music == NOT_MUSIC] *= KNOWN_COUNTS
    even: NDArray[np.float64] = weights / weights.sum()
    return even


def _even_weights(clips: FeatureSet, *, share_not_genre: float) -> NDArray[np.float64]:
    """How often each clip is to be drawn, shape (n_clips,), sum 1."""
    has_label = np.nan_to_num(clips.targets).sum(axis=1) > 0
    counts = np.nansum(clips.targets, axis=0)
    rarity = np.nan_to_num(clips.targets) / np.maximum(counts, 1)
    weights = rarity.sum(axis=1).astype(np.float64)
    weights *= (1 - share_not_genre) / max(weights.sum(), 1e-9)
    sides = ((clips.music == NOT_MUSIC), (clips.music != NOT_MUSIC) & ~has_label)
    for side in sides:
        if side.any():
            weights[side] = share_not_genre / 2 / side.sum()
    even: NDArray[np.float64] = weights / max(weights.sum(), 1e-9)
    return even
