"""Waveform -> overlapping frames, with reshapes and slices only."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def n_frames_of(window_len: int, *, n_fft: int, hop_len: int) -> int:
    """Number of whole frames in a window (no centre padding: every frame is real audio)."""
    if window_len < n_fft:
        raise ValueError(f"a window of {window_len} samples is shorter than n_fft = {n_fft}")
    return (window_len - n_fft) // hop_len + 1


def window_len_of(n_frames: int, *, n_fft: int, hop_len: int) -> int:
    """Length in samples of the window that holds exactly `n_frames` frames."""
    return (n_frames - 1) * hop_len + n_fft


def slice_frames(waveform: Tensor, *, n_fft: int, hop_len: int) -> Tensor:
    """Cut windows into frames without a gather.

    The waveform is laid out in blocks of one hop; frame t is block t, block t + 1, ... and
    the head of a last one. ONNX Runtime and TensorRT run this as memory copies, where an
    index-based gather costs a load an element.

    Args:
        waveform: shape (batch, window_len).
        n_fft: frame length in samples.
        hop_len: distance between frame starts in samples.

    Returns:
        Shape (batch, n_frames, n_fft).
    """
    n_frames = n_frames_of(waveform.shape[1], n_fft=n_fft, hop_len=hop_len)
    if hop_len >= n_fft:
        return _apart(waveform, n_frames, n_fft=n_fft, hop_len=hop_len)
    n_whole, rest = divmod(n_fft, hop_len)
    n_blocks = n_frames + math.ceil(n_fft / hop_len) - 1
    used = waveform[:, : window_len_of(n_frames, n_fft=n_fft, hop_len=hop_len)]
    padded = F.pad(used, (0, n_blocks * hop_len - used.shape[1]))
    blocks = padded.unflatten(1, (n_blocks, hop_len))
    parts = [blocks[:, i : i + n_frames] for i in range(n_whole)]
    if rest:
        parts.append(blocks[:, n_whole : n_whole + n_frames, :rest])
    return torch.cat(parts, dim=2)


def _apart(waveform: Tensor, n_frames: int, *, n_fft: int, hop_len: int) -> Tensor:
    """Frames that do not overlap: the heads of the blocks, and the last one by itself."""
    last_start = (n_frames - 1) * hop_len
    last = waveform[:, last_start : last_start + n_fft].unsqueeze(1)
    if n_frames == 1:
        return last
    blocks = waveform[:, :last_start].unflatten(1, (n_frames - 1, hop_len))
    return torch.cat([blocks[:, :, :n_fft], last], dim=1)
