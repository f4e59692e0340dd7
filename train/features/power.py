"""What the spectral front ends share: waveform -> power spectrum -> bands."""

import math

import torch
from torch import Tensor, nn

from train.features.dft import FactoredPowerSpectrum
from train.features.frames import slice_frames

# Power below this is no sound in any 24-bit file; it keeps the logarithm finite on zeros.
FLOOR_POWER = 1e-10


class Filterbank(nn.Module):
    """Waveform (batch, window_len) -> power in bands (batch, n_bands, n_frames)."""

    filters: Tensor

    def __init__(self, filters: Tensor, *, n_fft: int, hop_len: int) -> None:
        """Prepare the bases.

        Args:
            filters: weight of each bin in each band, shape (n_bands, n_fft // 2 + 1).
            n_fft: frame length in samples.
            hop_len: distance between frame starts in samples.
        """
        super().__init__()
        self.n_fft, self.hop_len = n_fft, hop_len
        self.spectrum = FactoredPowerSpectrum(n_fft)
        bins = self.spectrum.bins
        chosen = filters[:, bins.clamp(min=0)] * (bins >= 0)  # in the spectrum's own order
        self.register_buffer("filters", chosen.T.float().contiguous(), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Shapes as in the class docstring."""
        frames = slice_frames(waveform, n_fft=self.n_fft, hop_len=self.hop_len)
        power = self.spectrum(frames).transpose(0, 1).flatten(1)
        bands = torch.matmul(power, self.filters)  # (batch * n_frames, n_bands)
        by_window: Tensor = bands.unflatten(0, (-1, frames.shape[1])).transpose(1, 2)
        return by_window


def to_db(power: Tensor) -> Tensor:
    """10 log10 of power, which is never taken for less than `FLOOR_POWER`."""
    return torch.log(power.clamp(min=FLOOR_POWER)) * (10 / math.log(10))
