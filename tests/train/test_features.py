import librosa
import numpy as np
import pytest
import torch

from train.features import MelFrontEnd, MelOptions
from train.features.dft import FactoredPowerSpectrum, factors_of
from train.features.frames import n_frames_of, slice_frames, window_len_of

OPTIONS = MelOptions(n_frames=12, high_pass_hz=0.0)  # the recipe is compared with librosa


def noise(n, seed=0):
    return 0.3 * np.random.default_rng(seed).standard_normal(n).astype(np.float32)


@pytest.mark.parametrize("n_fft", [64, 256, 2048, 96, 1000])
def test_the_factored_spectrum_is_the_spectrum(n_fft):
    """Every bin of numpy's FFT stands in the factored result, to float32's precision."""
    spectrum = FactoredPowerSpectrum(n_fft).eval()
    frames = noise(3 * n_fft).reshape(1, 3, n_fft)
    found = spectrum(torch.from_numpy(frames)).transpose(0, 1).flatten(1).numpy()
    window = np.hanning(n_fft + 1)[:-1]
    expected = np.abs(np.fft.rfft(frames[0] * window, axis=1)) ** 2
    bins = spectrum.bins.numpy()
    assert sorted(bins[bins >= 0].tolist()) == list(range(n_fft // 2 + 1))
    np.testing.assert_allclose(
        found[:, bins >= 0], expected[:, bins[bins >= 0]], rtol=1e-3, atol=1e-3 * expected.max()
    )


@pytest.mark.parametrize(("n_fft", "n_bins"), [(2048, 400), (256, 1), (96, 20), (1000, 333)])
def test_low_bins_alone_are_the_same_and_fewer(n_fft, n_bins):
    """Every wanted bin stands in the result; most of the others are not computed."""
    some, every = (
        FactoredPowerSpectrum(n_fft, n_bins=n_bins).eval(),
        FactoredPowerSpectrum(n_fft).eval(),
    )
    frames = torch.from_numpy(noise(2 * n_fft).reshape(1, 2, n_fft))
    found = some(frames).transpose(0, 1).flatten(1)
    whole = every(frames).transpose(0, 1).flatten(1)
    for k in range(n_bins):
        ours, theirs = (some.bins == k).nonzero().item(), (every.bins == k).nonzero().item()
        torch.testing.assert_close(found[:, ours], whole[:, theirs])
    assert found.shape[1] < whole.shape[1]


def test_low_bands_alone_are_the_same_bands():
    """The first rows of mel, from fewer bins of the spectrum."""
    waveform = torch.from_numpy(noise(OPTIONS.window_len).reshape(1, -1))
    some, every = MelFrontEnd(OPTIONS, n_bands=40).eval(), MelFrontEnd(OPTIONS).eval()
    torch.testing.assert_close(some(waveform), every(waveform)[:, :40], rtol=0, atol=1e-3)
    assert some.filters.numel() < every.filters.numel() / 3


def test_a_length_that_cannot_be_factored_is_refused():
    """A prime has no two matrix products."""
    with pytest.raises(ValueError, match="n_fft = 127"):
        factors_of(127)


@pytest.mark.parametrize("hop_len", [100, 256, 300, 512, 700])
def test_frames_are_what_indexing_would_cut(hop_len):
    """Blocks and slices give the same frames as a loop, whether hops overlap or leave gaps."""
    n_fft, n_frames = 512, 7
    waveform = torch.from_numpy(
        noise(2 * window_len_of(n_frames, n_fft=n_fft, hop_len=hop_len)).reshape(2, -1)
    )
    frames = slice_frames(waveform, n_fft=n_fft, hop_len=hop_len)
    assert frames.shape == (2, n_frames, n_fft)
    for t in range(n_frames):
        torch.testing.assert_close(
            frames[:, t], waveform[:, t * hop_len : t * hop_len + n_fft], rtol=0, atol=0
        )


def test_window_len_and_n_frames_are_inverse():
    """A window of n frames holds n frames, one sample less holds one frame less."""
    length = window_len_of(9, n_fft=512, hop_len=300)
    assert n_frames_of(length, n_fft=512, hop_len=300) == 9
    assert n_frames_of(length - 1, n_fft=512, hop_len=300) == 8
    with pytest.raises(ValueError, match="shorter"):
        n_frames_of(511, n_fft=512, hop_len=300)


@pytest.mark.parametrize("kind", ["noise", "tone", "quiet"])
def test_the_features_are_those_of_librosa(kind):
    """Log-mel in dB within 0.01 dB of librosa wherever it is above the floor."""
    n = OPTIONS.window_len
    t = np.arange(n) / OPTIONS.sample_rate
    waveform = {
        "noise": noise(n),
        "tone": (0.5 * np.sin(2 * np.pi * 440 * t) + 0.001 * noise(n)).astype(np.float32),
        "quiet": 1e-3 * noise(n),
    }[kind]
    found = MelFrontEnd(OPTIONS).eval()(torch.from_numpy(waveform)[None])[0].numpy()
    mel = librosa.feature.melspectrogram(
        y=waveform, sr=OPTIONS.sample_rate, n_fft=OPTIONS.n_fft, hop_length=OPTIONS.hop_len,
        n_mels=OPTIONS.n_mels, center=False,
    )  # fmt: skip
    expected = 10 * np.log10(np.maximum(mel, 1e-10))
    assert found.shape == (OPTIONS.n_mels, OPTIONS.n_frames)
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("level", [0.0, 1e-30, 1.0])
def test_silence_and_dc_are_finite(level):
    """The floor of 1e-10 keeps the logarithm finite on zeros."""
    found = MelFrontEnd(OPTIONS).eval()(torch.full((1, OPTIONS.window_len), level))
    assert torch.isfinite(found).all()
    assert found.min() >= -100.001


def test_a_louder_recording_adds_a_constant():
    """Twenty dB more level is twenty dB in every band above the floor."""
    front_end = MelFrontEnd(OPTIONS).eval()
    waveform = torch.from_numpy(noise(OPTIONS.window_len))[None]
    torch.testing.assert_close(
        front_end(0.1 * waveform), front_end(waveform) - 20, rtol=0, atol=1e-3
    )
