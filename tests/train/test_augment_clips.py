import random

import numpy as np
import pytest

from tests.train import small, trees
from train.augment.clips import clip_changes, spare_share
from train.augment.features import AugmentOptions
from train.config.config import from_tree
from train.data.load_clips import load_clips
from train.data.loaders import training_loader

RATE = 8000
PLAIN = {"noise": 0.0, "gain_db": 0.0}


def tone(hz=500.0, *, seconds=2.0):
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def loudest_hz(x):
    """Of the middle half, where no edge disturbs."""
    middle = x[len(x) // 4 : -len(x) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return spectrum.argmax() * RATE / len(middle)


def change(x, seed=0, **options):
    return clip_changes(AugmentOptions(**(PLAIN | options)), sample_rate=RATE)(x, seed)


def test_gain_stays_within_its_bounds_and_keeps_the_wave():
    """At most 12 dB softer or 6 dB louder, now and then upside down, nothing else."""
    x = tone()
    factors = [change(x, seed, gain_db=12.0)[100] / x[100] for seed in range(40)]
    levels = 20 * np.log10(np.abs(factors))
    assert -12.01 <= levels.min() < -8
    assert 3 < levels.max() <= 6.01
    assert len({float(np.sign(factor)) for factor in factors}) == 2
    np.testing.assert_allclose(change(x, 3, gain_db=12.0), factors[3] * x, atol=1e-6)


def test_noise_lies_20_to_60_db_below():
    """In about as many clips as the probability says."""
    x = tone()
    noises = [np.abs(change(x, seed, noise=0.5)) - np.abs(x) for seed in range(60)]
    rms = np.array([np.sqrt((noise**2).mean()) for noise in noises])
    noisy = rms > 1e-6
    assert 15 <= noisy.sum() <= 45
    below = 20 * np.log10(rms[noisy] / np.sqrt((x**2).mean()))
    assert below.min() > -61
    assert below.max() < -19


def test_stretching_changes_the_tempo_and_not_the_pitch():
    """The length follows the rate; the tone stays where it is."""
    x = tone()
    changed = [change(x, seed, wave_stretch=1.0, stretch=0.3) for seed in range(8)]
    lengths = np.array([len(item) / len(x) for item in changed])
    assert np.exp(-0.3) - 0.02 <= lengths.min() < 0.95
    assert 1.05 < lengths.max() <= np.exp(0.3) + 0.02
    assert all(abs(loudest_hz(item) - 500) < 8 for item in changed)
    assert spare_share(AugmentOptions(wave_stretch=0.5, stretch=0.3)) == np.exp(0.3)
    assert spare_share(AugmentOptions()) == 1.0


def test_shifting_changes_the_pitch_and_not_the_length():
    """By at most so many semitones."""
    x = tone()
    changed = [change(x, seed, wave_pitch=1.0, pitch_semitones=3.0) for seed in range(8)]
    assert {len(item) for item in changed} == {len(x)}
    semitones = [12 * np.log2(loudest_hz(item) / 500) for item in changed]
    assert -3.2 <= min(semitones) < -0.5
    assert 0.5 < max(semitones) <= 3.2


def test_a_seed_gives_the_same_change_and_disturbs_nobody_else():
    """The global generators are as they were."""
    every = {"noise": 1.0, "wave_stretch": 1.0, "wave_pitch": 1.0, "gain_db": 6.0}
    random.seed(5)
    expected = random.random()
    random.seed(5)
    legacy = np.random.get_state()[1].copy()  # noqa: NPY002 - the global one is what it is about
    first = change(tone(), 7, **every)
    assert random.random() == expected
    assert (np.random.get_state()[1] == legacy).all()  # noqa: NPY002
    np.testing.assert_array_equal(first, change(tone(), 7, **every))
    assert first.dtype == np.float32
    assert not np.array_equal(first, change(tone(), 8, **every))


@pytest.mark.parametrize("stretch", [0.0, 1.0])
def test_batches_of_recordings_are_changed_and_keep_their_length(tmp_path, stretch):
    """Two loaders of one seed give the same batches."""
    root = trees.genres(tmp_path / "music", seconds=1.2)
    options = small.FEATURES["mel"] | {"sample_rate": RATE, "n_fft": 512, "hop_len": 400}
    config = from_tree(
        {
            "datasets": ["folder"],
            "features_options": options | {"f_max_hz": 4000.0},
            "fit": {"batch_size": 8, "clips_an_epoch": 16},
            "augment": {"wave_stretch": stretch, "wave_pitch": stretch},
        }
    )
    clips = load_clips(config, root, prepared=tmp_path / "p", say=lambda line: None)
    batches = [[item.features for item in training_loader(config, clips)] for _ in range(2)]
    assert batches[0][0].shape == (8, 1, config.features_options.window_len)
    for first, other in zip(*batches, strict=True):
        np.testing.assert_array_equal(first, other)
    assert bool((batches[0][0].abs().amax(dim=2) > 1e-3).all())
