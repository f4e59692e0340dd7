"""Waveform -> mel-frequency cepstral coefficients, as `librosa.feature.mfcc` has them."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from train.features.drift import HIGH_PASS_HZ
from train.features.frames import window_len_of
from train.features.mel import MelFrontEnd, MelOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class MfccOptions:
    """The recipe: a log-mel spectrogram of `n_bands` and `n_mfcc` coefficients of it."""

    sample_rate: int = 22_050
    n_fft: int = 2048
    hop_len: int = 1710
    n_bands: int = 128
    n_mfcc: int = 40
    f_min_hz: float = 0.0
    f_max_hz: float = 11_025.0
    n_frames: int = 128
    high_pass_hz: float = HIGH_PASS_HZ

    def __post_init__(self) -> None:
        if not 1 <= self.n_mfcc <= self.n_bands:
            raise ValueError("mfcc: n_mfcc must lie in 1..n_bands")

    @property
    def n_mels(self) -> int:
        """Rows of the features, as the bodies ask for them."""
        return self.n_mfcc

    @property
    def window_len(self) -> int:
        """Length of the model's window in samples."""
        return window_len_of(self.n_frames, n_fft=self.n_fft, hop_len=self.hop_len)

    def mel(self) -> MelOptions:
        """The spectrogram beneath."""
        return MelOptions(
            sample_rate=self.sample_rate,
            n_fft=self.n_fft,
            hop_len=self.hop_len,
            n_mels=self.n_bands,
            f_min_hz=self.f_min_hz,
            f_max_hz=self.f_max_hz,
            n_frames=self.n_frames,
            high_pass_hz=self.high_pass_hz,
        )


def cosine_basis(n_out: int, n_in: int) -> Tensor:
    """The orthonormal DCT-II (Ahmed et al., 1974), shape (n_out, n_in), float64."""
    k = torch.arange(n_out, dtype=torch.float64).unsqueeze(1)
    n = torch.arange(n_in, dtype=torch.float64)
    basis = torch.cos(math.pi / n_in * (n + 0.5) * k) * math.sqrt(2 / n_in)
    basis[0] /= math.sqrt(2)
    return basis


class MfccFrontEnd(nn.Module):
    """Waveform (batch, window_len) -> coefficients (batch, n_mfcc, n_frames).

    A louder recording adds a constant to coefficient 0 and changes no other.
    """

    scale: ClassVar[str] = "cepstrum"
    basis: Tensor

    def __init__(self, options: MfccOptions) -> None:
        super().__init__()
        self.options = options
        self.mel = MelFrontEnd(options.mel())
        basis = cosine_basis(options.n_mfcc, options.n_bands).float()
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the features; shapes as in the class docstring."""
        return torch.matmul(self.basis, self.mel(waveform))
