"""What lossy codecs leave of a recording."""

import numpy as np
import pytest

from tests.tones import under_hiss
from train.augment.codecs import CODECS, draw_codec, rate_for, through


@pytest.mark.parametrize("rate", [8000, 10_000, 16_000, 22_050, 44_100, 96_000])
@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.encoder)
def test_a_coded_recording_is_as_long_and_in_step(codec, rate):
    """At rates that the encoder takes and at others, and at each bit rate of the table."""
    wave = under_hiss(rate=rate)
    for kbit_s in sorted(set(codec.kbit_s)):
        coded = through(wave, codec, kbit_s, sample_rate=rate)
        assert coded.shape == wave.shape
        assert coded.dtype == np.float32
        assert np.abs(coded - wave).max() > 1e-3
        n = 2 * len(wave)
        match = np.fft.irfft(np.fft.rfft(coded, n) * np.fft.rfft(wave, n).conj())
        lag = (int(match.argmax()) + len(wave)) % n - len(wave)
        assert abs(lag) <= 0.05 * rate
        assert np.corrcoef(np.roll(coded, -lag), wave)[0, 1] > 0.6


@pytest.mark.parametrize("n_samples", [1, 8, 60, 700])
@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.encoder)
def test_a_blink_of_sound_can_be_coded(codec, n_samples):
    """Encoders make nothing of so little; silence behind it helps them."""
    assert through(under_hiss()[:n_samples], codec, 24, sample_rate=16_000).shape == (
        n_samples,
    )


def test_fewer_bits_leave_less():
    """Of hiss above all, which is what a codec drops first."""
    wave = under_hiss()
    lost = [
        np.square(through(wave, CODECS[0], kbit_s, sample_rate=16_000) - wave).mean()
        for kbit_s in (16, 32, 56)
    ]
    assert lost[0] > lost[1] > lost[2]


def test_every_codec_and_rate_is_drawn():
    """Half of the recordings go through mp3, which is what most libraries hold."""
    rng = np.random.default_rng(0)
    drawn = [draw_codec(rng) for _ in range(2000)]
    every = {(codec.encoder, kbit_s) for codec in CODECS for kbit_s in codec.kbit_s}
    assert {(codec.encoder, kbit_s) for codec, kbit_s in drawn} == every
    assert 0.45 < np.mean([codec.encoder == "libmp3lame" for codec, _ in drawn]) < 0.55
    assert sum(codec.share for codec in CODECS) == 1


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(16_000, 16_000), (10_000, 11_025), (20_000, 22_050), (96_000, 48_000)],
)
def test_a_rate_that_mp3_does_not_know_is_coded_at_the_next(rate, expected):
    """The next higher one, and the highest above all of them."""
    assert rate_for(CODECS[0], rate) == expected
