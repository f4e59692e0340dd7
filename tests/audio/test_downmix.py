"""Stereo whose channels cancel each other is heard; all other channels are averaged."""

import numpy as np
import pytest
import soundfile

from tagger.audio import open_track
from tagger.audio.downmix import STRETCH_LEN, Downmix
from tagger.audio.requested_windows import RequestedWindows, listen
from tests.audio import make
from tests.audio.test_track import FFMPEG, LIBSNDFILE, RATE, WINDOW, correlation, written
from train.data.decode import decode_clip, decode_whole
from train.data.store import Recipe

NATIVE = 44_100


def music(seconds, *, rate=NATIVE):
    """Noise whose power falls with the frequency, as that of music does, shape (n_samples,)."""
    n_samples = int(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(n_samples))
    hz = np.fft.rfftfreq(n_samples, 1 / rate)
    shaped = np.fft.irfft(spectrum / np.maximum(hz, 50), n_samples)
    return (0.2 * shaped / shaped.std()).astype(np.float32)


def parts(signal, hz, *, rate=NATIVE):
    """What is below a frequency, and what is above it."""
    spectrum = np.fft.rfft(signal)
    is_low = np.fft.rfftfreq(len(signal), 1 / rate) < hz
    low = np.fft.irfft(spectrum * is_low, len(signal)).astype(np.float32)
    return low, signal - low


def windows(path, n_windows):
    """The windows of a scan, none for silent ones."""
    wanted = RequestedWindows(
        sample_rate=RATE, window_len=WINDOW, n_windows=n_windows, silence_dbfs=-60
    )
    return list(listen(path, wanted))


def level_db(one, other):
    """How much louder one is than the other."""
    return 10 * np.log10(np.mean(np.square(one)) / np.mean(np.square(other)))


@pytest.mark.parametrize("codec", [*LIBSNDFILE, *FFMPEG])
def test_opposite_phase_is_heard_in_every_container(tmp_path, codec):
    """Two channels in opposite phase are no silence: one of them is heard, at its level."""
    rate = 48_000
    (tmp_path / "both").mkdir()
    sweep = make.sweep(9 * rate, rate=rate, n_channels=2)
    alike = windows(written(tmp_path / "both", codec, sweep, rate), 3)
    opposite = windows(written(tmp_path, codec, sweep * np.float32([1, -1]), rate), 3)
    for first, other in zip(opposite, alike, strict=True):
        assert first is not None
        assert abs(correlation(first, other)) > 0.95
        assert abs(level_db(first, other)) < 0.5


def mixtures():
    """Channels that cancel each other; each of the first two holds all of the music."""
    x = music(20)
    noise = np.random.default_rng(2).standard_normal(len(x)).astype(np.float32) * x.std()
    bass, above = parts(x, 250)
    low, treble = parts(x, 2000)
    late = np.concatenate([np.zeros(5, np.float32), x[:-5]])
    silence = 0 * x
    return {
        "opposite": [x, -x],
        "one quieter": [x, -0.7 * x],
        "with noise": [x, 0.2 * noise - x],
        "offset": [x + 0.1, 0.1 - x],
        "a little late": [x, -late],
        "bass in phase": [bass + above, bass - above],
        "only bass opposite": [bass + above, above - bass],
        "only treble opposite": [low + treble, low - treble],
        "three": [0.5 * x, 0.5 * x, -x],
        "four": [x, -x, x, -x],
        "surround": [x, -x, silence, 0.5 * bass, 0.2 * x, -0.2 * x],
    }


@pytest.mark.parametrize("name", mixtures())
@pytest.mark.parametrize("n_windows", [3, None])
def test_channels_that_cancel_each_other_are_heard(tmp_path, name, n_windows):
    """Where the mean lacks what the channels hold, a channel is heard, more than two too."""
    channels = mixtures()[name]
    path = tmp_path / "a.wav"
    make.write(path, np.stack(channels, axis=1), rate=NATIVE, subtype="FLOAT")
    one = make.write(tmp_path / "b.wav", channels[0], rate=NATIVE, subtype="FLOAT")
    for heard, expected in zip(windows(path, n_windows), windows(one, n_windows), strict=True):
        assert heard is not None
        assert correlation(heard, expected) > 0.97
        assert abs(level_db(heard, expected)) < 3


@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_every_way_hears_the_same_of_a_track_that_changes(tmp_path, suffix):
    """Windows by seeking, all of the track, and training hear one waveform, without clicks."""
    x = make.sweep(30 * NATIVE, rate=NATIVE)[:, 0]
    phase = np.where(np.arange(len(x)) // (4 * NATIVE) % 2 == 0, 1, -1)  # turns every 4 s
    channels = np.stack([x, phase * x], axis=1).astype(np.float32)
    path = tmp_path / f"a.{suffix}"
    if suffix == "wav":
        make.write(path, channels, rate=NATIVE)
    else:
        make.write_av(path, channels, rate=NATIVE, codec="alac", sample_format="s16p")
    with open_track(path, sample_rate=RATE) as track:
        whole = np.concatenate(list(track.blocks()))
        few = list(track.windows(window_len=WINDOW, n_windows=5))
    expected = make.sweep(30 * RATE, rate=RATE)[:, 0]
    # Stretches in which the phase turns are judged by the greater part of them.
    is_right = np.abs(whole[: len(expected)] - expected) < 0.05
    assert is_right.mean() > 0.85
    assert np.abs(np.diff(whole)).max() < 1.5 * np.abs(np.diff(expected)).max()
    for index, window in enumerate(few):
        start = index * WINDOW + (2 * index + 1) * (len(whole) - 5 * WINDOW) // 10
        same = np.abs(window - whole[start : start + WINDOW]) < 0.01
        assert same.mean() > 0.8  # but for stretches of which the window has the lesser part
    trained, _ = decode_clip(path, Recipe(sample_rate=RATE))
    assert np.array_equal(trained, whole)


def test_training_hears_short_clips_in_opposite_phase(tmp_path):
    """The clips that are read at once for training are mixed as those of a scan."""
    x = music(3)
    path = make.write(tmp_path / "a.wav", np.stack([x, -x], axis=1), rate=NATIVE)
    assert correlation(decode_whole(path, sample_rate=NATIVE), x) > 0.99


@pytest.mark.parametrize("kind", ["alike", "unlike", "hard left", "wide", "silent", "quad"])
def test_other_channels_are_averaged_as_ever(kind):
    """What does not cancel is the mean of the channels, to the sample."""
    x, y = music(6), music(7)[NATIVE:]
    channels = {
        "alike": [x, x],
        "unlike": [x, y],
        "hard left": [x, 0 * x],
        "wide": [x + 0.8 * y, x - 0.8 * y],
        "silent": [0 * x, 0 * x],
        "quad": [x, y, 0.5 * x, 0.3 * y],
    }[kind]
    block = np.stack(channels, axis=1)
    assert np.allclose(Downmix(0).mix(block), block.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("position", [0, 1, STRETCH_LEN - 1, STRETCH_LEN, 100_000])
def test_blocks_are_mixed_as_the_whole_is(position):
    """Blocks that end where stretches do give what one block gives, wherever they begin."""
    x = music(8)
    turns = np.where(np.arange(len(x)) < 3 * NATIVE, 1, -1)
    channels = np.stack([x, turns * x], axis=1).astype(np.float32)
    whole = Downmix(position).mix(channels)
    downmix, pieces, start = Downmix(position), [], 0
    while start < len(channels):
        end = start + 2 * STRETCH_LEN - (position + start) % STRETCH_LEN
        pieces.append(downmix.mix(channels[start:end]))
        start = end
    # A remainder at the end of a track is judged with what is before it, if that is at hand.
    assert np.allclose(np.concatenate(pieces), whole, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_channels_that_are_no_numbers_are_finite(bad):
    """What is no number stays silence beside channels that cancel each other."""
    x = music(3)
    channels = np.stack([x, -x], axis=1)
    channels[5::1000] = bad
    mixed = Downmix(0).mix(channels)
    assert np.isfinite(mixed).all()
    good = np.ones(len(x), bool)
    good[5::1000] = False
    assert correlation(mixed[good], x[good]) > 0.99


@pytest.mark.parametrize("n_samples", [1, 511, 512, 513])
def test_a_recording_of_some_samples_is_mixed(tmp_path, n_samples):
    """What is too short to be looked at is averaged, and raises nothing."""
    samples = np.full((n_samples, 2), 0.25, np.float32)
    path = tmp_path / "short.wav"
    soundfile.write(path, samples, RATE, "FLOAT")
    with open_track(path, sample_rate=RATE) as track:
        heard = np.concatenate(list(track.blocks()))
    np.testing.assert_allclose(heard, np.full(n_samples, 0.25), atol=1e-6)
