"""FeatureSet -> batches: random crops for training, covering windows for evaluation."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from tagger.audio.windows import is_silent, spread_starts
from train.datasets.base import FeatureSet

Change = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
SILENCE_DBFS = -60.0
"""Quieter windows are fade-outs, gaps and the hiss of a tape: music in them cannot be heard."""


class Batch(NamedTuple):
    """What is learned from, or watched: one clip, or a batch of them with a first axis more.

    Attributes:
        features: shape (n_mels, n_frames); of recordings (1, n_samples).
        targets: shape (n_labels,): 1 has it, 0 has it not, NaN unknown.
        music: shape (): 1 music, 0 not music, NaN unknown.
        taught: shape (n_dims,), NaN unknown: the embedding that the set brings, and behind it
            what teachers say; n_dims is 0 where there is neither.
        counts: shape (n_labels,): how much each label counts in the loss.
    """

    features: Tensor
    targets: Tensor
    music: Tensor
    taught: Tensor
    counts: Tensor


class Draw(NamedTuple):
    """What chance has decided of a crop before it is read.

    Attributes:
        clip: its number.
        start: where the crop begins, in what the clip counts.
        seed: of how the excerpt is changed; 0 where it is not.
    """

    clip: int
    start: int
    seed: int


class Crops(Dataset[Batch]):
    """A random crop of each clip; shorter clips are repeated to the length of a window.

    Reading one draws nothing: whoever asks, the loader's own process or one of many, gets the
    same item for the same `Draw`.
    """

    def __init__(
        self,
        clips: FeatureSet,
        *,
        n_frames: int,
        change: Change | None = None,
        spare: float = 1.0,
        coded_share: float = 0.0,
    ) -> None:
        """Prepare to draw.

        Args:
            clips: what to draw from.
            n_frames: length of a window, in what the clips count.
            change: what is done to each excerpt of a recording.
            spare: how much longer an excerpt is than the window before it is changed.
            coded_share: how often it is cut from what a lossy codec left of the recording.
        """
        self.clips, self.n_frames = clips, n_frames
        self.coded = clips if clips.coded is None else replace(clips, features=clips.coded)
        self.coded_share = coded_share
        self.taught, self.lessons, self.pieces = clips.embeddings, clips.lessons, clips.pieces()
        targets = clips.targets if clips.soft_targets is None else clips.soft_targets
        self.targets = targets
        known = ~np.isnan(targets)
        self.counts = known.astype(np.float32) if clips.counts is None else clips.counts
        self.change, self.n_drawn = change, int(spare * n_frames)

    def __len__(self) -> int:
        return len(self.clips)

    def draw(self, clip: int, rng: np.random.Generator) -> Draw:
        """Where to cut this clip, and how to change the excerpt."""
        start = self._start(clip, rng)
        is_seeded = self.change is not None or self.coded_share > 0
        return Draw(clip, start, int(rng.integers(2**32)) if is_seeded else 0)

    def __getitem__(self, draw: Draw) -> Batch:
        i, start, seed = draw
        source = self.coded if is_chosen(seed, self.coded_share) else self.clips
        crop = window_of(source, i, start=start, n_frames=self.n_drawn)
        if self.change is not None:
            changed = self.change(crop[0], seed)
            crop = np.resize(changed, (1, self.n_frames))  # repeated if it became too short
        return Batch(
            features=torch.from_numpy(crop),
            targets=torch.from_numpy(self.targets[i]),
            music=torch.tensor(self.clips.music[i]),
            taught=torch.from_numpy(self._taught(i, start)),
            counts=torch.from_numpy(self.counts[i]),
        )

    def _taught(self, i: int, start: int) -> NDArray[np.float32]:
        """The embedding that the set brings, and what teachers say of a crop."""
        own = np.empty(0, np.float32) if self.taught is None else self.taught[i]
        if self.lessons is None:
            return own
        n_frames = self.clips.n_frames(i)
        lesson = self.lessons.of_stretch(i, start / n_frames, (start + self.n_drawn) / n_frames)
        return np.concatenate([own, lesson])

    def _start(self, i: int, rng: np.random.Generator) -> int:
        """Where a crop begins: within a target of the teachers, or a piece, if it is long."""
        n_frames = self.clips.n_frames(i)
        pieces = int(self.pieces[i])
        cells = [pieces] if self.lessons is None else [len(self.lessons.of_clip[i]), pieces]
        n_pieces = next((n for n in cells if n_frames // n >= self.n_drawn), 1)
        piece_len = n_frames // n_pieces
        n_places = max(piece_len - self.n_drawn, 0) + 1
        if n_pieces * n_places == 1:
            return 0
        piece, place = divmod(int(rng.integers(n_pieces * n_places)), n_places)
        return piece * piece_len + place


def is_chosen(seed: int, share: float) -> bool:
    """Whether the draw of this seed is one of a share of all."""
    return zlib.crc32(seed.to_bytes(4, "little")) < share * 2**32


class Centres(Dataset[Batch]):
    """The middle window of each clip, the same each time.

    What is unknown stays unknown: a loss that is watched counts what is known.
    """

    def __init__(self, clips: FeatureSet, *, n_frames: int) -> None:
        self.clips, self.n_frames = clips, n_frames

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int) -> Batch:
        start = max(self.clips.n_frames(i) - self.n_frames, 0) // 2
        crop = window_of(self.clips, i, start=start, n_frames=self.n_frames)
        targets = torch.from_numpy(self.clips.targets[i])
        return Batch(
            features=torch.from_numpy(crop),
            targets=targets,
            music=torch.tensor(self.clips.music[i]),
            taught=torch.empty(0),
            counts=torch.ones_like(targets),
        )


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
    voiced = [not is_silent(window[0], silence_dbfs=silence_dbfs) for window in windows]
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
