"""The spectrum of frames that are never cut out: the same numbers as of those that are."""

import numpy as np
import pytest
import torch

from train.features import MelFrontEnd, MelOptions
from train.features.dft import FactoredPowerSpectrum
from train.features.frames import slice_frames
from train.features.strided_dft import StridedPowerSpectrum, columns_for

SHAPES = [(512, 320, 16), (512, 400, 16), (512, 160, 32), (2048, 512, 32), (96, 36, 12)]


def noise(n):
    return torch.from_numpy(np.random.default_rng(n).standard_normal(n).astype(np.float32))


@pytest.mark.parametrize(("n_fft", "hop_len", "n_columns"), SHAPES)
@pytest.mark.parametrize("n_bins", [None, 5])
@pytest.mark.parametrize("is_learning", [False, True])
def test_each_bin_is_that_of_the_cut_frames(n_fft, hop_len, n_columns, n_bins, is_learning):
    """Of a waveform with samples left over, in each order of computing it."""
    n_bins = n_bins or n_fft // 2 + 1
    strided = StridedPowerSpectrum(n_fft, hop_len, n_columns=n_columns, n_bins=n_bins)
    waveform = noise(2 * (n_fft + 6 * hop_len + 3)).view(2, -1)
    found = strided.train(is_learning)(waveform)
    frames = slice_frames(waveform, n_fft=n_fft, hop_len=hop_len)
    window = torch.hann_window(n_fft, dtype=torch.float64)
    expected = torch.fft.rfft(frames.double() * window).abs().square()
    assert found.shape == (2, len(strided.bins), frames.shape[1])
    for k in range(n_bins):
        row = (strided.bins == k).nonzero().item()
        torch.testing.assert_close(
            found[:, row].double(), expected[:, :, k], rtol=1e-3, atol=1e-4 * n_fft
        )


def test_it_is_taken_where_it_multiplies_less():
    """A hop that shares columns with the frame; others are cut, as those with gaps are."""
    assert columns_for(512, 320) == columns_for(512, 400) == 16
    assert columns_for(2048, 1710) is None
    assert columns_for(512, 700) is None
    assert columns_for(512, 512) == 16


@pytest.mark.parametrize(("compression", "tolerance"), [("db", 1e-3), ("log", 1e-4)])
def test_mel_is_the_same_by_both(compression, tolerance, monkeypatch):
    """The bands of a strided front end are those of one that cuts its frames."""
    options = MelOptions(
        sample_rate=16_000, n_fft=512, hop_len=320, n_mels=40, f_max_hz=7600.0,
        n_frames=50, compression=compression,
    )  # fmt: skip
    strided = MelFrontEnd(options).eval()
    monkeypatch.setattr("train.features.mel.columns_for", lambda *_: None)
    cut = MelFrontEnd(options).eval()
    assert isinstance(strided.spectrum, StridedPowerSpectrum)
    assert isinstance(cut.spectrum, FactoredPowerSpectrum)
    waveform = 0.1 * noise(options.window_len)[None]
    torch.testing.assert_close(strided(waveform), cut(waveform), rtol=0, atol=tolerance)
