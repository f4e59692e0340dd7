"""The statistics of a window are those that their names say."""

import numpy as np
import pytest
import scipy.fft
import torch

from train.models.statistics import MODULATION_EDGES, WindowStatistics, modulation_matrices


@pytest.fixture
def window():
    """One window of normalised features, 32 bands and 43 frames."""
    return torch.rand(1, 32, 43, generator=torch.Generator().manual_seed(0)) * 2 - 1


def parts_of(window):
    """The statistics in their order, by name, as arrays."""
    statistics = WindowStatistics(32, n_cepstrum=12, n_covariance=5)
    found = statistics(window)[0].numpy()
    assert len(found) == statistics.n_out
    sizes = {"mean": 12, "deviation": 12, "covariance": 15, "change": 16}
    sizes |= {"modulation": 32 * len(MODULATION_EDGES), "loud": 16, "soft": 16}
    ends = np.cumsum(list(sizes.values()))
    assert ends[-1] == len(found)
    return dict(zip(sizes, np.split(found, ends[:-1]), strict=True))


def test_cepstral_moments_are_those_of_scipys_cosine_transform(window):
    """Mean, deviation and covariance over time."""
    found = parts_of(window)
    cepstrum = scipy.fft.dct(30 * window[0].numpy(), axis=0, norm="ortho")[:12]
    np.testing.assert_allclose(found["mean"], cepstrum.mean(axis=1), atol=1e-4)
    deviation = np.sqrt(cepstrum.var(axis=1) + 1e-3)
    np.testing.assert_allclose(found["deviation"], deviation, rtol=1e-4)
    covariance = np.cov(cepstrum[:5], bias=True)[np.triu_indices(5)] / 30
    np.testing.assert_allclose(found["covariance"], covariance, atol=1e-3)


def test_percentiles_and_change_are_those_of_every_second_band(window):
    """The fifth frame from above and from below, and the mean step."""
    found, x = parts_of(window), 30 * window[0].numpy()[::2]
    ranked = np.sort(x, axis=1)
    np.testing.assert_allclose(found["loud"], ranked[:, 38], rtol=1e-5)
    np.testing.assert_allclose(found["soft"], ranked[:, 4], rtol=1e-5)
    np.testing.assert_allclose(found["change"], np.abs(np.diff(x)).mean(axis=1), rtol=1e-4)


@pytest.mark.parametrize(("cycles", "band"), [(1, 0), (4, 2), (7, 3), (20, 6)])
def test_a_swelling_shows_in_the_band_of_its_speed(cycles, band):
    """So many cycles a window, in all bands alike."""
    t = torch.arange(43) / 43
    window = (0.5 * torch.sin(2 * torch.pi * cycles * t)).expand(1, 32, 43)
    modulation = parts_of(window)["modulation"].reshape(32, -1)
    assert (modulation.argmax(axis=1) == band).all()


def test_modulation_is_the_magnitude_of_numpys_transform(window):
    """Without its mean, averaged within each band."""
    cosine, sine, bands = modulation_matrices(43)
    x = 30 * window[0].numpy()
    spectrum = np.abs(np.fft.rfft(x - x.mean(axis=1, keepdims=True), axis=1))
    expected = np.log(spectrum @ bands.numpy() + 0.1).ravel()
    np.testing.assert_allclose(parts_of(window)["modulation"], expected, atol=1e-3)
    assert cosine.shape == sine.shape == (43, 22)


def test_few_rows_and_few_frames_have_statistics_too():
    """Twelve rows of chroma, four frames; half precision around it changes nothing."""
    statistics = WindowStatistics(12)
    x = torch.rand(2, 12, 4)
    found = statistics(x)
    assert found.shape == (2, statistics.n_out)
    assert torch.isfinite(found).all()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(statistics(x), found, rtol=0, atol=0)
