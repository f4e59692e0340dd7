"""Waveform -> log-mel spectrogram in dB, as `librosa.feature.melspectrogram` has it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from train.features.dft import FactoredPowerSpectrum
from train.features.drift import HIGH_PASS_HZ, without_drift
from train.features.frames import slice_frames, window_len_of
from train.features.power import FLOOR_POWER
from train.features.strided_dft import StridedPowerSpectrum, columns_for

COMPRESSIONS = ("db", "log")
LOG_GAIN = 10_000.0
"""After J. Pons et al., End-to-end learning for music audio tagging at scale, ISMIR 2018."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MelOptions:
    """The recipe of the log-mel features; lengths in samples, frequencies in Hz.

    `compression` is db, or log: log(1 + 10,000 power), which shows quiet bands less.
    An offset and drift slower than `high_pass_hz` are taken away first; 0 leaves them.
    """

    sample_rate: int = 22_050
    n_fft: int = 2048
    hop_len: int = 1710
    n_mels: int = 128
    f_min_hz: float = 0.0
    f_max_hz: float = 11_025.0
    n_frames: int = 128
    compression: str = "db"
    high_pass_hz: float = HIGH_PASS_HZ

    def __post_init__(self) -> None:
        if self.compression not in COMPRESSIONS:
            raise ValueError(
                f"compression: {self.compression!r} is none of {', '.join(COMPRESSIONS)}"
            )

    @property
    def window_len(self) -> int:
        """Length of the model's window in samples."""
        return window_len_of(self.n_frames, n_fft=self.n_fft, hop_len=self.hop_len)


def hz_to_mel(hz: Tensor) -> Tensor:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    log_step = math.log(6.4) / 27
    return torch.where(
        hz < 1000, hz * 3 / 200, 15 + torch.log(hz.clamp(min=1e-9) / 1000) / log_step
    )


def mel_to_hz(mel: Tensor) -> Tensor:
    """The inverse of `hz_to_mel`."""
    log_step = math.log(6.4) / 27
    return torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp(log_step * (mel - 15)))


def mel_filters(options: MelOptions) -> Tensor:
    """Triangular filters of equal area, shape (n_mels, n_fft // 2 + 1), float64.

    Slaney's normalisation (2 / bandwidth), as librosa's default has it.
    """
    limits = torch.tensor([options.f_min_hz, options.f_max_hz], dtype=torch.float64)
    low, high = hz_to_mel(limits).tolist()
    edges = mel_to_hz(torch.linspace(low, high, options.n_mels + 2, dtype=torch.float64))
    bins = torch.arange(options.n_fft // 2 + 1, dtype=torch.float64)
    hz = bins * options.sample_rate / options.n_fft
    rising = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return triangles * (2 / (edges[2:] - edges[:-2]))[:, None]


class MelFrontEnd(nn.Module):
    """Waveform (batch, window_len) -> log-mel in dB (batch, n_mels, n_frames).

    Nothing is normalised here: the result is 10 log10(max(power, 1e-10)), so that a louder
    recording only adds a constant; with `compression: log` it is log(1 + 10,000 power).
    """

    scale: str
    filters: Tensor
    spectrum: FactoredPowerSpectrum | StridedPowerSpectrum

    def __init__(self, options: MelOptions, *, n_bands: int | None = None) -> None:
        """Compute the bases.

        Args:
            options: the recipe.
            n_bands: how many of the lowest bands are wanted; None for all of them. Frequencies
                above them are then not computed.
        """
        super().__init__()
        self.options, self.scale = options, options.compression
        filters = mel_filters(options)[:n_bands]
        used = torch.nonzero(filters.sum(dim=0)).flatten()
        n_bins = int(used[-1]) + 1 if len(used) else 1  # a narrow band may hold no bin
        n_columns = columns_for(options.n_fft, options.hop_len)
        self.is_strided = n_columns is not None
        self.spectrum = (
            FactoredPowerSpectrum(options.n_fft, n_bins=n_bins)
            if n_columns is None
            else StridedPowerSpectrum(
                options.n_fft, options.hop_len, n_columns=n_columns, n_bins=n_bins
            )
        )
        self.register_buffer("filters", self._permuted(filters), persistent=False)

    def _permuted(self, filters: Tensor) -> Tensor:
        """Filters in the spectrum's own bin order: its bins by bands, or turned."""
        bins = self.spectrum.bins
        chosen = (filters[:, bins.clamp(min=0)] * (bins >= 0)).float()
        return chosen.contiguous() if self.is_strided else chosen.T.contiguous()

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the features; shapes as in the class docstring."""
        options = self.options
        waveform = without_drift(
            waveform, sample_rate=options.sample_rate, high_pass_hz=options.high_pass_hz
        )
        if self.is_strided:
            mel = torch.matmul(self.filters, self.spectrum(waveform))
            return self._levels(mel)
        frames = slice_frames(waveform, n_fft=options.n_fft, hop_len=options.hop_len)
        power = self.spectrum(frames).transpose(0, 1).flatten(1)
        levels = self._levels(torch.matmul(power, self.filters))
        features: Tensor = levels.unflatten(0, (-1, frames.shape[1])).transpose(1, 2)
        return features

    def _levels(self, mel: Tensor) -> Tensor:
        if self.options.compression == "log":
            return torch.log(1 + LOG_GAIN * mel)
        return torch.log(mel.clamp(min=FLOOR_POWER)) * (10 / math.log(10))
