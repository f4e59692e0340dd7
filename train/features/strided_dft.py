"""The power spectrum of overlapping frames that are never cut out of the waveform."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.features.dft import factors_of, mirrored_bins, without_copies
from train.features.frames import n_frames_of


def columns_for(n_fft: int, hop_len: int) -> int | None:
    """The number of columns that costs least, or None where cutting frames costs less.

    Only what divides both the frame and the hop will do, with an even number of rows.
    """
    common = math.gcd(n_fft, hop_len)
    fit = [c for c in range(1, common + 1) if common % c == 0 and n_fft // c % 2 == 0]
    best = min(fit, key=lambda c: _n_products(n_fft, c), default=None)
    if best is None or hop_len > n_fft:
        return None
    _, n_columns = factors_of(n_fft)
    return best if _n_products(n_fft, best) <= _n_products(n_fft, n_columns) else None


def _n_products(n_fft: int, n_columns: int) -> int:
    n_rows = n_fft // n_columns
    return (n_rows // 2 + 1) * (2 * n_fft + 4 * n_columns**2)


class StridedPowerSpectrum(nn.Module):
    """Windowed |DFT|^2 of the frames of a waveform, by one Cooley-Tukey step.

    The step is that of `FactoredPowerSpectrum`, with N = R * C, n = C*a + b, k = k1 + R*k2:

        X[k] = sum_b W_N^(b*k1) W_C^(b*k2)  sum_a W_R^(a*k1) w[C*a + b] x[C*a + b]

    Where C divides the hop, the inner sum is a strided convolution over the waveform in rows
    of C samples, each column by itself, with the window merged into its weights. So no frame
    is ever copied, and frames lie side by side in all that follows.

    `bins` is as in `FactoredPowerSpectrum`, over the second axis of the result.
    """

    inner: Tensor
    outer: Tensor
    bins: Tensor
    order: Tensor
    window: Tensor

    def __init__(self, n_fft: int, hop_len: int, *, n_columns: int, n_bins: int) -> None:
        """Compute the bases.

        Args:
            n_fft: frame length in samples.
            hop_len: distance between frame starts in samples.
            n_columns: C, as `columns_for` has it.
            n_bins: how many of the lowest bins are wanted.
        """
        super().__init__()
        self.n_fft, self.hop_len, self.n_columns = n_fft, hop_len, n_columns
        self.n_rows = n_fft // n_columns
        self.n_k1 = self.n_rows // 2 + 1
        k2 = torch.arange(n_columns)
        every = mirrored_bins(k2, n_fft=n_fft, n_rows=self.n_rows)
        self.k2 = k2[(every < n_bins).any(dim=0)]
        window = torch.hann_window(n_fft, periodic=True, dtype=torch.float64)
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("inner", self._inner_weights(window).float(), persistent=False)
        self.register_buffer("outer", self._outer_basis().float(), persistent=False)
        order = mirrored_bins(self.k2, n_fft=n_fft, n_rows=self.n_rows).flatten()
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("bins", without_copies(order), persistent=False)

    def _inner_weights(self, window: Tensor) -> Tensor:
        """Of each column its real and imaginary sums, shape (C * 2 * n_k1, 1, R)."""
        a, k1 = (torch.arange(n, dtype=torch.float64) for n in (self.n_rows, self.n_k1))
        angle = 2 * math.pi * torch.outer(k1, a) / self.n_rows
        basis = torch.stack([angle.cos(), -angle.sin()]).flatten(0, 1)  # (2 * n_k1, R)
        by_column = window.view(self.n_rows, self.n_columns).T  # (C, R)
        return (by_column[:, None] * basis).flatten(0, 1).unsqueeze(1)

    def _outer_basis(self) -> Tensor:
        """Twiddles and column DFT, (n_k1, 2 * len(k2), 2 * C): (re, im) out of (re, im)."""
        b, k1 = (torch.arange(n, dtype=torch.float64) for n in (self.n_columns, self.n_k1))
        k = k1.view(-1, 1, 1) + self.n_rows * self.k2.double().view(1, -1, 1)
        angle = 2 * math.pi * k * b / self.n_fft
        cos, sin = angle.cos(), angle.sin()
        real, imaginary = torch.cat([cos, sin], dim=2), torch.cat([-sin, cos], dim=2)
        return torch.cat([real, imaginary], dim=1)

    def forward(self, waveform: Tensor) -> Tensor:
        """Power of each bin.

        Args:
            waveform: shape (batch, n_samples).

        Returns:
            Shape (batch, n_k1 * len(k2), n_frames); `bins` tells which bin stands where.
        """
        if self.training:
            return self._by_fft(waveform)
        n_frames = n_frames_of(waveform.shape[1], n_fft=self.n_fft, hop_len=self.hop_len)
        n_used = (n_frames - 1) * self.hop_len + self.n_fft
        columns = waveform[:, :n_used].unflatten(1, (-1, self.n_columns)).transpose(1, 2)
        sums = F.conv1d(
            columns,
            self.inner,
            stride=self.hop_len // self.n_columns,
            groups=self.n_columns,
        )
        by_k1 = sums.unflatten(1, (self.n_columns, 2, self.n_k1)).permute(0, 3, 2, 1, 4)
        squares = torch.matmul(self.outer, by_k1.flatten(2, 3)).square()
        n_kept = squares.shape[2] // 2
        return (squares[:, :, :n_kept] + squares[:, :, n_kept:]).flatten(1, 2)

    def _by_fft(self, waveform: Tensor) -> Tensor:
        """The same as `forward`, in a fraction of the time, for a network that learns."""
        frames = waveform.unfold(1, self.n_fft, self.hop_len) * self.window
        spectrum = torch.fft.rfft(frames)
        power = spectrum.real.square() + spectrum.imag.square()
        chosen: Tensor = power.index_select(2, self.order).transpose(1, 2)
        return chosen
