"""Waveform -> waveform without what nobody hears: a constant offset and slow drift.

Cheap sound cards add both. Without this the lowest bands of a front end that begins at 0 Hz
hold them, and an offset that no listener notices decides what a network answers.
"""

import torch
from torch import Tensor

HIGH_PASS_HZ = 20.0
"""For new models. At this setting 8 Hz loses 3 dB, and 20 Hz and above nothing."""

MIN_BLOCKS = 3
"""Fewer have no two inner knots, which a line at either end is drawn through."""


def without_drift(waveform: Tensor, *, sample_rate: int, high_pass_hz: float) -> Tensor:
    """Subtract a curve of straight pieces that follows what is slower than `high_pass_hz`.

    The window is cut into blocks of about 1 / `high_pass_hz`. A knot between two blocks is
    their mean, weighted by a triangle around it; lines lead from knot to knot and on to the
    ends. A constant and a straight drift leave nothing. It is made of two small matrix
    products, which every ONNX runtime is fast at: a recursive filter would need a loop.

    Args:
        waveform: shape (batch, n_samples), n_samples >= 3.
        sample_rate: in Hz.
        high_pass_hz: where the cut begins, in Hz; 0 returns the waveform as it is.

    Returns:
        Shape (batch, n_samples).
    """
    if high_pass_hz == 0:
        return waveform
    # What follows does not depend on a constant. Taking the first sample away leaves exact
    # zeros of one, where sums would leave rounding errors for a logarithm to amplify.
    waveform = waveform - waveform[:, :1]
    n_samples = waveform.shape[1]
    n_blocks = max(MIN_BLOCKS, int(n_samples * high_pass_hz / sample_rate))
    block_len = n_samples // n_blocks
    ramp = (torch.arange(block_len, device=waveform.device) + 0.5).to(waveform) / block_len
    ends = torch.stack([1 - ramp, ramp])  # (2, block_len): weights of a block's two knots
    blocks = waveform[:, : n_blocks * block_len].unflatten(1, (n_blocks, block_len))
    sums = torch.matmul(blocks, ends.T / block_len)  # (batch, n_blocks, 2)
    inner = (sums[:, :-1, 1:] + sums[:, 1:, :1]).flatten(1)  # slices: an index is a Gather
    first = 2 * inner[:, :1] - inner[:, 1:2]
    last = 2 * inner[:, -1:] - inner[:, -2:-1]
    knots = torch.cat([first, inner, last], dim=1)  # (batch, n_blocks + 1)
    pairs = torch.stack([knots[:, :-1], knots[:, 1:]], dim=2)
    drift = torch.matmul(pairs, ends).flatten(1)
    n_left = n_samples - n_blocks * block_len
    if n_left:  # the last line goes on over the samples that fill no block
        steps = (torch.arange(n_left, device=waveform.device) + 0.5).to(waveform) / block_len
        drift = torch.cat([drift, last + (last - inner[:, -1:]) * steps], dim=1)
    return waveform - drift
