"""Waveform -> spectrogram with one band a semitone, numbered as MIDI numbers pitches."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from train.features.drift import HIGH_PASS_HZ, without_drift
from train.features.frames import window_len_of
from train.features.power import Filterbank, to_db


@dataclass(frozen=True, slots=True, kw_only=True)
class MidiOptions:
    """The recipe: pitches `midi_min`..`midi_max` (69 is 440 Hz), both of them included.

    With 4096 samples a bin is 5.4 Hz wide: below about pitch 45 (110 Hz) neighbouring
    semitones share bins.
    """

    sample_rate: int = 22_050
    n_fft: int = 4096
    hop_len: int = 1710
    midi_min: int = 33
    midi_max: int = 116
    n_frames: int = 128
    high_pass_hz: float = HIGH_PASS_HZ

    def __post_init__(self) -> None:
        if not 0 <= self.midi_min < self.midi_max <= 127:
            raise ValueError("midi: 0 <= midi_min < midi_max <= 127 must hold")
        if pitch_hz(self.midi_max) >= self.sample_rate / 2:
            raise ValueError("midi: midi_max lies above half the sample rate")

    @property
    def n_mels(self) -> int:
        """Rows of the features, as the bodies ask for them."""
        return self.midi_max - self.midi_min + 1

    @property
    def window_len(self) -> int:
        """Length of the model's window in samples."""
        return window_len_of(self.n_frames, n_fft=self.n_fft, hop_len=self.hop_len)


def pitch_hz(pitch: int) -> float:
    """Frequency of a MIDI pitch in equal temperament, 69 being 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def pitch_filters(options: MidiOptions) -> Tensor:
    """A triangle around each pitch, shape (n_pitches, n_fft // 2 + 1), float64.

    It reaches to the neighbouring semitones, or one bin where that is farther, so that no
    band is empty; each has the sum 1.
    """
    bin_hz = options.sample_rate / options.n_fft
    hz = torch.arange(options.n_fft // 2 + 1, dtype=torch.float64) * bin_hz
    pitches = range(options.midi_min, options.midi_max + 1)
    centre = torch.tensor([pitch_hz(p) for p in pitches], dtype=torch.float64).unsqueeze(1)
    below = (centre * (1 - 2 ** (-1 / 12))).clamp(min=bin_hz)
    above = (centre * (2 ** (1 / 12) - 1)).clamp(min=bin_hz)
    distance = torch.where(hz < centre, (centre - hz) / below, (hz - centre) / above)
    triangles = (1 - distance).clamp(min=0)
    return triangles / triangles.sum(dim=1, keepdim=True)


class MidiFrontEnd(nn.Module):
    """Waveform (batch, window_len) -> pitches in dB (batch, n_pitches, n_frames).

    A louder recording only adds a constant.
    """

    scale: ClassVar[str] = "db"

    def __init__(self, options: MidiOptions) -> None:
        super().__init__()
        self.options = options
        self.pitches = Filterbank(
            pitch_filters(options), n_fft=options.n_fft, hop_len=options.hop_len
        )

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the features; shapes as in the class docstring."""
        options = self.options
        waveform = without_drift(
            waveform, sample_rate=options.sample_rate, high_pass_hz=options.high_pass_hz
        )
        return to_db(self.pitches(waveform))
