"""FeatureSet -> batches: random crops for training, covering windows for evaluation."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, WeightedRandomSampler

from tagger.audio.windows import is_silent, spread_starts
from train.data.unknown import counted
from train.datasets.base import NOT_MUSIC, FeatureSet

Change = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
SILENCE_DBFS = -60.0
"""Quieter windows are fade-outs, gaps and the hiss of a tape: music in them cannot be heard."""

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Crops(Dataset[Any]):
    """A random crop of each clip; shorter clips are repeated to the length of a window.

    Items are (features (n_mels, n_frames), targets (n_labels,), music (), embedding
    (n_dims,), counts (n_labels,)), float32; n_dims is 0 where the set has no embeddings and
    no teachers, whose answers stand behind them.
    `counts` is how much each label counts in the loss.
    """

    def __init__(
        self,
        clips: FeatureSet,
        *,
        n_frames: int,
        seed: int,
        change: Change | None = None,
        spare: float = 1.0,
        absent: NDArray[np.float32] | None = None,
    ) -> None:
        """Prepare to draw.

        Args:
            clips: what to draw from.
            n_frames: length of a window, in what the clips count.
            seed: of the places, and of the changes.
            change: what is done to each excerpt of a recording.
            spare: how much longer an excerpt is than the window before it is changed.
            absent: how much each unknown label counts as absent, shape (n_clips, n_labels);
                None for not at all (`train.data.unknown`).
        """
        self.clips, self.n_frames = clips, n_frames
        self.taught, self.lessons, self.pieces = clips.embeddings, clips.lessons, clips.pieces()
        targets = clips.targets if clips.soft_targets is None else clips.soft_targets
        self.targets, self.counts = counted(targets, absent)
        self.change, self.n_drawn = change, int(spare * n_frames)
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int) -> Batch:
        start = self._start(i)
        crop = window_of(self.clips, i, start=start, n_frames=self.n_drawn)
        if self.change is not None:
            changed = self.change(crop[0], int(self.rng.integers(2**32)))
            crop = np.resize(changed, (1, self.n_frames))  # repeated if it became too short
        target = torch.from_numpy(self.targets[i])
        embedding = self._taught(i, start)
        music, counts = torch.tensor(self.clips.music[i]), torch.from_numpy(self.counts[i])
        return torch.from_numpy(crop), target, music, torch.from_numpy(embedding), counts

    def _taught(self, i: int, start: int) -> NDArray[np.float32]:
        """The embedding that the set brings, and what teachers say of a crop."""
        own = np.empty(0, np.float32) if self.taught is None else self.taught[i]
        if self.lessons is None:
            return own
        n_frames = self.clips.n_frames(i)
        lesson = self.lessons.of_stretch(i, start / n_frames, (start + self.n_drawn) / n_frames)
        return np.concatenate([own, lesson])

    def _start(self, i: int) -> int:
        """Where a crop begins: within a target of the teachers, or a piece, if it is long."""
        n_frames = self.clips.n_frames(i)
        pieces = int(self.pieces[i])
        cells = [pieces] if self.lessons is None else [len(self.lessons.of_clip[i]), pieces]
        n_pieces = next((n for n in cells if n_frames // n >= self.n_drawn), 1)
        piece_len = n_frames // n_pieces
        n_places = max(piece_len - self.n_drawn, 0) + 1
        if n_pieces * n_places == 1:
            return 0
        piece, place = divmod(int(self.rng.integers(n_pieces * n_places)), n_places)
        return piece * piece_len + place


class Centres(Dataset[Any]):
    """The middle window of each clip, the same each time; items as those of `Crops`.

    What is unknown stays unknown: a loss that is watched counts what is known.
    """

    def __init__(self, clips: FeatureSet, *, n_frames: int) -> None:
        self.clips, self.n_frames = clips, n_frames

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int) -> Batch:
        start = max(self.clips.n_frames(i) - self.n_frames, 0) // 2
        crop = window_of(self.clips, i, start=start, n_frames=self.n_frames)
        target = torch.from_numpy(self.clips.targets[i])
        music = torch.tensor(self.clips.music[i])
        return torch.from_numpy(crop), target, music, torch.empty(0), torch.ones_like(target)


def frames_a_window(clips: FeatureSet, options: Any) -> int:
    """Length of the network's window in what these clips count: frames, or samples.

    Args:
        clips: the clips.
        options: of the front end.
    """
    return int(options.window_len if clips.is_waveform else options.n_frames)


def window_of(clips: FeatureSet, i: int, *, start: int, n_frames: int) -> NDArray[np.float32]:
    """One window of a clip, (n_mels, n_frames); a shorter clip is repeated, as in a scan."""
    available = clips.n_frames(i)
    if available >= n_frames:
        return np.ascontiguousarray(clips.frames(i, start, start + n_frames))
    whole = clips.frames(i, 0, available)
    return np.tile(whole, (1, -(-n_frames // available)))[:, :n_frames]


def cover(
    clips: FeatureSet,
    i: int,
    *,
    options: Any,
    n_windows: int,
    silence_dbfs: float = SILENCE_DBFS,
) -> NDArray[np.float32]:
    """The windows of a clip that a scan of it hears, those that have no vote left out.

    Args:
        clips: the clips.
        i: which of them.
        options: of the front end, or a model's spec: lengths of its window and hop.
        n_windows: wanted of a clip that is longer than all of them; a shorter one is covered.
        silence_dbfs: windows of a recording below this level have no vote; how loud stored
            features were, nobody knows.

    Returns:
        Shape (n_windows, n_mels, n_frames), at least one window: of a clip that is silent
        throughout (a scan says so and gives it no score) all are kept.
    """
    n_frames = frames_a_window(clips, options)
    starts = starts_of(clips, i, options=options, n_windows=n_windows)
    windows = np.stack([window_of(clips, i, start=s, n_frames=n_frames) for s in starts])
    if not clips.is_waveform:
        return windows
    voiced = [not is_silent(one[0], silence_dbfs=silence_dbfs) for one in windows]
    return windows[voiced] if any(voiced) else windows


def starts_of(clips: FeatureSet, i: int, *, options: Any, n_windows: int) -> list[int]:
    """Where the windows of a clip begin, as in a scan, in what the clips count.

    Frames begin a hop apart: a window of stored features begins at the frame that is nearest
    to where the scan's begins.
    """
    spare = clips.n_frames(i) - frames_a_window(clips, options)
    if spare <= 0:
        return [0]
    step = 1 if clips.is_waveform else int(options.hop_len)
    window_len = int(options.window_len)
    starts = spread_starts(
        window_len + spare * step, window_len=window_len, n_windows=n_windows
    )
    return list(dict.fromkeys(round(start / step) for start in starts))


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
