"""What a front end computes while a network learns is what the exported graph computes."""

import pytest
import torch

from train.features import FRONT_ENDS
from train.features.dft import FactoredPowerSpectrum


@pytest.mark.parametrize("n_fft", [4, 12, 30, 256, 512, 1024, 2048])
@pytest.mark.parametrize("n_bins", [None, 1, 2, 40])
def test_the_spectrum_is_the_same_while_it_learns(n_fft, n_bins):
    """Of noise and of a quiet tone beside a loud one, in the same order of bins."""
    torch.manual_seed(0)
    spectrum = FactoredPowerSpectrum(n_fft, n_bins=n_bins)
    frames = torch.rand(2, 3, n_fft) - 0.5
    learning, heard = spectrum.train()(frames), spectrum.eval()(frames)
    assert learning.shape == heard.shape
    torch.testing.assert_close(learning, heard, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [end for end in FRONT_ENDS if end != "raw"])
def test_features_are_the_same_while_a_network_learns(name):
    """Every front end with a spectrum, of music from loud to nearly silent."""
    torch.manual_seed(0)
    options_of, front_end_of = FRONT_ENDS[name]
    options = options_of(n_frames=8)
    front_end = front_end_of(options)
    wave = torch.cumsum(torch.rand(4, options.window_len) - 0.5, dim=1).sin()
    wave = wave * torch.tensor([1.0, 0.1, 1e-3, 0.0])[:, None]
    learning, heard = front_end.train()(wave), front_end.eval()(wave)
    torch.testing.assert_close(learning, heard, rtol=1e-3, atol=2e-2)
