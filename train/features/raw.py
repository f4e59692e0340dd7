"""Waveform -> energies of filters that are learned with the rest of the network.

A convolution over the waveform whose kernels begin as the mel scale's Gabor filters and are
free from then on (after N. Zeghidour et al., LEAF, ICLR 2021).
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from train.features.drift import HIGH_PASS_HZ, without_drift
from train.features.frames import slice_frames
from train.features.mel import hz_to_mel, mel_to_hz
from train.features.power import to_db


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOptions:
    """Sizes of the learned filters; lengths in samples, frequencies in Hz.

    A kernel is applied every `stride` samples and the energies of `pool` places become one
    frame. `f_min_hz` and `f_max_hz` bound where the kernels begin, not where they end up.
    """

    sample_rate: int = 22_050
    kernel_len: int = 512
    stride: int = 342
    pool: int = 5
    n_filters: int = 96
    f_min_hz: float = 40.0
    f_max_hz: float = 10_000.0
    n_frames: int = 128
    high_pass_hz: float = HIGH_PASS_HZ

    def __post_init__(self) -> None:
        if min(self.kernel_len, self.stride, self.pool, self.n_filters, self.n_frames) < 1:
            raise ValueError("raw: every length and count must be at least 1")

    @property
    def n_fft(self) -> int:
        """Samples that one frame hears."""
        return self.kernel_len + (self.pool - 1) * self.stride

    @property
    def hop_len(self) -> int:
        """Distance between frames in samples."""
        return self.stride * self.pool

    @property
    def n_mels(self) -> int:
        """Rows of the features, as the bodies ask for them."""
        return self.n_filters

    @property
    def window_len(self) -> int:
        """Length of the model's window in samples."""
        return (self.n_frames - 1) * self.hop_len + self.n_fft


def gabor_kernels(options: RawOptions) -> Tensor:
    """Where learning begins: cosines, then sines, shape (kernel_len, 2 * n_filters).

    Centres are even on the mel scale; each is as narrow as its distance to the next one, as
    far as the kernel's length allows. Each kernel has the norm 1.
    """
    limits = torch.tensor([options.f_min_hz, options.f_max_hz], dtype=torch.float64)
    low, high = hz_to_mel(limits).tolist()
    hz = mel_to_hz(torch.linspace(low, high, options.n_filters + 1, dtype=torch.float64))
    width_hz = hz.diff()
    spread_s = 1 / (2 * math.pi * width_hz)
    longest_s = options.kernel_len / options.sample_rate / 5
    middle = (options.kernel_len - 1) / 2
    t = (torch.arange(options.kernel_len, dtype=torch.float64) - middle) / options.sample_rate
    envelope = torch.exp(-0.5 * (t.unsqueeze(1) / spread_s.clamp(max=longest_s)) ** 2)
    angle = 2 * math.pi * t.unsqueeze(1) * hz[:-1]
    waves = torch.stack([envelope * angle.cos(), envelope * angle.sin()])
    energy = waves.square().sum(dim=(0, 1))
    return (waves / energy.sqrt()).permute(1, 0, 2).flatten(1).float()


class RawFrontEnd(nn.Module):
    """Waveform (batch, window_len) -> filter energies in dB (batch, n_filters, n_frames).

    A louder recording only adds a constant.
    """

    scale: ClassVar[str] = "db"

    def __init__(self, options: RawOptions) -> None:
        super().__init__()
        self.options = options
        self.kernels = nn.Parameter(gabor_kernels(options))

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the features; shapes as in the class docstring."""
        options = self.options
        waveform = without_drift(
            waveform, sample_rate=options.sample_rate, high_pass_hz=options.high_pass_hz
        )
        pieces = slice_frames(waveform, n_fft=options.kernel_len, hop_len=options.stride)
        both = torch.matmul(pieces, self.kernels).square()  # (batch, n_places, 2 * n_filters)
        energy = both[:, :, : options.n_filters] + both[:, :, options.n_filters :]
        pooled = energy.unflatten(1, (-1, options.pool)).mean(dim=2)
        return to_db(pooled).transpose(1, 2)
