"""Whole files as waveforms for training, mixed down as the scan does."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tagger.audio import open_track
from tagger.audio.downmix import Downmix
from tagger.audio.windows import Waveform, spread_starts
from train.data.store import Recipe


def decode_whole(path: Path, *, sample_rate: int) -> NDArray[np.float32]:
    """Decode a short clip to mono float32 at `sample_rate`, shape (n_samples,)."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = Downmix(0).mix(audio)
    resampled: NDArray[np.float32] = soxr.resample(mono, rate, sample_rate)
    return resampled


def decode_clip(path: Path, recipe: Recipe) -> tuple[Waveform, int]:
    """What is kept of a recording: all of it, or its pieces if it is longer than that.

    Returns:
        The waveform, shape (n_samples,), and of how many equally long pieces it consists.

    Raises:
        DecodeError: nothing of it can be decoded.
    """
    piece_len, n_pieces = recipe.piece_len, recipe.n_pieces
    with open_track(path, sample_rate=recipe.sample_rate) as track:
        if track.duration_s > recipe.longest_s:
            pieces = list(track.windows(window_len=piece_len, n_windows=n_pieces))
            return np.concatenate(pieces), len(pieces)
        whole: Waveform = np.concatenate(list(track.blocks()))
    if len(whole) <= n_pieces * piece_len:
        return whole, 1
    # A header that claimed too little.
    starts = spread_starts(len(whole), window_len=piece_len, n_windows=n_pieces)
    return np.concatenate([whole[s : s + piece_len] for s in starts]), len(starts)
