"""Waveform <-> windows, and window scores -> track scores.

A waveform is mono float32 at the model's rate; lengths and starts are in samples of it.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Waveform = NDArray[np.float32]
"""Mono audio, full scale at +-1, shape (n_samples,)."""

Windows = NDArray[np.float32]
"""Equally long pieces of one track, shape (n_windows, window_len)."""

Padding = Literal["repeat", "zeros"]
"""What fills up a track that is shorter than one window."""


def slice_windows(
    waveform: Waveform, *, window_len: int, hop_len: int, padding: Padding = "repeat"
) -> Windows:
    """Cut one track into equally long windows that cover all of it.

    The last window is moved back to end with the track, so something is padded in only
    when the whole track is shorter than one window.

    Args:
        waveform: mono audio in [-1, 1], shape (n_samples,).
        window_len: window length in samples.
        hop_len: distance between window starts in samples, 1..window_len.
        padding: what fills up a track shorter than one window.

    Returns:
        Windows in track order, shape (n_windows, window_len), n_windows >= 1.

    Raises:
        ValueError: `waveform` is empty or not mono, or `hop_len` would skip samples.
    """
    _check_lengths(window_len=window_len, hop_len=hop_len)
    _check_waveform(waveform)
    if len(waveform) <= window_len:
        return pad_window(waveform, window_len=window_len, padding=padding)[np.newaxis]
    starts = list(range(0, len(waveform) - window_len + 1, hop_len))
    if starts[-1] + window_len < len(waveform):
        starts.append(len(waveform) - window_len)
    return np.stack([waveform[start : start + window_len] for start in starts])


def stream_windows(
    blocks: Iterable[Waveform], *, window_len: int, hop_len: int, padding: Padding = "repeat"
) -> Iterator[tuple[int, Waveform]]:
    """Yield the windows of `slice_windows` while the track is still being read.

    Never holds more than about one window and one block, however long the track is.

    Args:
        blocks: consecutive pieces of one track, of any lengths, each (n_samples,).
        window_len: window length in samples.
        hop_len: distance between window starts in samples, 1..window_len.
        padding: what fills up a track shorter than one window.

    Yields:
        (start in samples, window of shape (window_len,)) in track order; nothing at all
        when the blocks hold no sample.

    Raises:
        ValueError: a block is not mono, or `hop_len` would skip samples.
    """
    _check_lengths(window_len=window_len, hop_len=hop_len)
    held = np.zeros(0, dtype=np.float32)
    held_start = next_start = 0
    for block in blocks:
        if block.ndim != 1:
            raise ValueError(f"a mono block has one axis, not the shape {block.shape}")
        held = np.concatenate((held, block))
        end = held_start + len(held)
        while next_start + window_len <= end:
            offset = next_start - held_start
            yield next_start, held[offset : offset + window_len].copy()
            next_start += hop_len
        # The last window may have to be moved back: it needs the newest window_len samples.
        kept_start = max(held_start, min(next_start, end - window_len))
        held, held_start = held[kept_start - held_start :], kept_start
    end = held_start + len(held)
    if 0 < end < window_len:
        yield 0, pad_window(held, window_len=window_len, padding=padding)
    elif end > 0 and next_start - hop_len + window_len < end:
        yield end - window_len, held[-window_len:].copy()


SHORT_WINDOWS = 6
"""A track is short that so few windows cover: it gets up to twice as many, which overlap."""

_LEAST_SHARE = 4  # windows of a short track are at least a quarter of a window apart


def is_covered(n_samples: int, *, window_len: int, n_windows: int) -> bool:
    """Whether so many windows leave nothing of a track unheard."""
    return -(-n_samples // window_len) <= n_windows


def spread_starts(n_samples: int, *, window_len: int, n_windows: int) -> list[int]:
    """Choose where to listen: window starts that are spread evenly over a track.

    While the track is longer than all windows together, each window lies in the middle of
    an equal share of it, so that neither a quiet intro nor a fade-out is given more weight
    than it has. A shorter track is covered, as `even_hop` says.

    Args:
        n_samples: length of the track in samples, at least 1.
        window_len: window length in samples.
        n_windows: the windows wanted of a track that is longer than all of them together.

    Returns:
        Ascending starts in samples, at most `n_windows` or those that cover the track; every
        window ends within the track unless it is shorter than one window, which gives [0].

    Raises:
        ValueError: a length or the count is not positive.
    """
    if min(n_samples, window_len, n_windows) < 1:
        raise ValueError(
            f"lengths and counts must be positive: {n_samples=}, {window_len=}, {n_windows=}"
        )
    slack = n_samples - window_len
    if slack <= 0:
        return [0]
    if is_covered(n_samples, window_len=window_len, n_windows=n_windows):
        return [*range(0, slack, even_hop(n_samples, window_len=window_len)), slack]
    # What no window covers is shared out evenly between them, half of a share at each end.
    gap = n_samples - n_windows * window_len
    return [
        index * window_len + (2 * index + 1) * gap // (2 * n_windows)
        for index in range(n_windows)
    ]


def even_hop(n_samples: int, *, window_len: int) -> int:
    """Distance between the windows that cover a track.

    A short track gets more of them than would do: what is scored of half a minute then depends
    less on where it begins. A longer one gets the fewest, so that none overlaps more.

    Args:
        n_samples: length of the track in samples, at least 1.
        window_len: window length in samples.

    Returns:
        Samples, 1..window_len: `stream_windows` with this hop cuts the same windows as
        `spread_starts` where those cover the track.
    """
    slack = n_samples - window_len
    if slack <= 0:
        return window_len
    n_windows = -(-n_samples // window_len)  # rounded up
    if n_windows <= SHORT_WINDOWS:
        n_apart = 1 + slack // max(1, window_len // _LEAST_SHARE)
        n_windows = max(n_windows, min(2 * SHORT_WINDOWS, n_apart))
    return -(-slack // (n_windows - 1))


def pad_window(waveform: Waveform, *, window_len: int, padding: Padding = "repeat") -> Waveform:
    """Fill up a short track to one window.

    Args:
        waveform: mono audio, shape (n_samples,), 1 <= n_samples <= window_len.
        window_len: window length in samples.
        padding: `repeat` plays the track again and again, `zeros` appends silence.

    Returns:
        The window, shape (window_len,), beginning with `waveform`.

    Raises:
        ValueError: `waveform` is empty, not mono or longer than the window.
    """
    _check_waveform(waveform)
    if len(waveform) > window_len:
        raise ValueError(f"{len(waveform)} samples do not fit a window of {window_len}")
    if padding == "repeat":
        return np.resize(waveform, window_len)
    return np.pad(waveform, (0, window_len - len(waveform)))


def is_silent(window: Waveform, *, silence_dbfs: float) -> bool:
    """Tell whether a window is too quiet to be music.

    The level is the root mean square around the window's own mean (a constant offset is no
    sound), relative to 1.0: a full-scale square wave has 0 dBFS, a full-scale sine -3.01.

    Args:
        window: mono audio, finite, shape (window_len,).
        silence_dbfs: the level below which a window is silent, in dBFS.

    Returns:
        True below the level; digital silence is below every level.
    """
    # A dot product is ten times as fast as a mean of squares.
    mean_square = float(np.dot(window, window)) / len(window)
    mean = float(window.sum()) / len(window)
    floor = 10 ** (silence_dbfs / 10)
    # Nearly every window is far above: their difference, exact to 1e-4 of the power, decides.
    if mean_square - mean**2 > 2 * floor + 1e-3 * mean_square:
        return False
    deviation = window - window.mean(dtype=np.float64).astype(np.float32)
    power = float(np.mean(np.square(deviation), dtype=np.float64))
    return power == 0 or power < floor


def _check_lengths(*, window_len: int, hop_len: int) -> None:
    if not 1 <= hop_len <= window_len:
        raise ValueError(f"{hop_len=} must lie in 1..{window_len=}, or samples are skipped")


def _check_waveform(waveform: Waveform) -> None:
    if waveform.ndim != 1 or len(waveform) == 0:
        raise ValueError(f"a waveform is mono and not empty: its shape is {waveform.shape}")
