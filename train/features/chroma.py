"""Waveform -> energy of the twelve pitch classes, as `librosa.feature.chroma_stft` has it."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from train.features.drift import HIGH_PASS_HZ, without_drift
from train.features.frames import window_len_of
from train.features.power import FLOOR_POWER, Filterbank

CENTRE_OCTAVE, OCTAVE_WIDTH = 5.0, 2.0
"""Which octaves count most: a Gaussian around 440 Hz * 2 ** (5 - 4.75) and its deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChromaOptions:
    """The recipe; `n_fft` is long, since neighbouring low notes are a few Hz apart."""

    sample_rate: int = 22_050
    n_fft: int = 4096
    hop_len: int = 1710
    n_chroma: int = 12
    n_frames: int = 128
    high_pass_hz: float = HIGH_PASS_HZ

    @property
    def n_mels(self) -> int:
        """Rows of the features, as the bodies ask for them."""
        return self.n_chroma

    @property
    def window_len(self) -> int:
        """Length of the model's window in samples."""
        return window_len_of(self.n_frames, n_fft=self.n_fft, hop_len=self.hop_len)


def chroma_filters(options: ChromaOptions) -> Tensor:
    """A bump around each pitch class, row 0 is C, shape (n_chroma, n_fft // 2 + 1), float64.

    After D. Ellis, Chroma feature analysis and synthesis (2007), with librosa's defaults.
    """
    n_fft, n_chroma = options.n_fft, options.n_chroma
    hz = torch.arange(1, n_fft, dtype=torch.float64) * options.sample_rate / n_fft
    steps = n_chroma * torch.log2(hz / (440.0 / 16))  # 0 at the A of 27.5 Hz
    steps = torch.cat([steps[:1] - 1.5 * n_chroma, steps])  # DC, 1.5 octaves under bin 1
    widths = torch.cat([steps.diff().clamp(min=1.0), torch.ones(1, dtype=torch.float64)])
    distance = steps - torch.arange(n_chroma, dtype=torch.float64).unsqueeze(1)
    half = round(n_chroma / 2)
    around = torch.remainder(distance + half + 10 * n_chroma, n_chroma) - half
    bumps = torch.exp(-0.5 * (2 * around / widths) ** 2)
    bumps = bumps / bumps.square().sum(dim=0, keepdim=True).sqrt()
    octaves = (steps / n_chroma - CENTRE_OCTAVE) / OCTAVE_WIDTH
    weighted = bumps * torch.exp(-0.5 * octaves**2)
    return weighted.roll(-3 * (n_chroma // 12), dims=0)[:, : n_fft // 2 + 1]


class ChromaFrontEnd(nn.Module):
    """Waveform (batch, window_len) -> pitch classes in 0..1 (batch, n_chroma, n_frames).

    Each frame is divided by its strongest class: loudness plays no part. Silence is 0.
    """

    scale: ClassVar[str] = "share"

    def __init__(self, options: ChromaOptions) -> None:
        super().__init__()
        self.options = options
        self.classes = Filterbank(
            chroma_filters(options), n_fft=options.n_fft, hop_len=options.hop_len
        )

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the features; shapes as in the class docstring."""
        options = self.options
        waveform = without_drift(
            waveform, sample_rate=options.sample_rate, high_pass_hz=options.high_pass_hz
        )
        power = self.classes(waveform)
        features: Tensor = power / power.amax(dim=1, keepdim=True).clamp(min=FLOOR_POWER)
        return features


def pitch_class_of(hz: float) -> int:
    """The row of a tone in twelve classes: 0 is C, 9 is A."""
    return round(69 + 12 * math.log2(hz / 440)) % 12
