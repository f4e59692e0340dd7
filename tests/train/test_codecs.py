"""Recordings as codecs leave them: what they are, where they are kept, when they are heard."""

import os
import zlib
from dataclasses import replace

import numpy as np
import pytest

from tagger.errors import InputError
from tests.train import trees
from train.augment.codecs import CODECS, Codec, draw_codec, through
from train.config.config import from_tree
from train.data import coded as coded_module
from train.data.batches import Crops, Draw, is_chosen, window_of
from train.data.coded import coded_folder, coded_samples, with_coded
from train.data.load_clips import load_clips
from train.data.loaders import training_loader
from train.data.prepare import as_features, prepare
from train.data.store import CLIPS, Recipe
from train.datasets.audio import Where
from train.datasets.base import join
from train.datasets.folder import load

RECIPE = Recipe(sample_rate=8000)


def music(*, rate=16_000, seconds=3.0, seed=0):
    """Tones that come and go under hiss, of float32."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(rate * seconds)) / rate
    tones = sum(
        np.sin(2 * np.pi * hz * t) * (np.sin(2 * t * k) > 0)
        for k, hz in enumerate((220, 330, 990), 1)
    )
    return (0.1 * tones + 0.02 * rng.standard_normal(len(t))).astype(np.float32)


def dies(*_):
    """In place of what encodes."""
    os.abort()


@pytest.fixture
def prepared(tmp_path):
    """Twenty-four short tones of two genres, prepared, and their store's folder."""
    clips = load(Where(root=trees.genres(tmp_path / "music", seconds=0.5)))
    prepare(clips, tmp_path / "s", RECIPE, n_jobs=2)
    return as_features(clips, tmp_path / "s", RECIPE), tmp_path / "s"


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.encoder)
def test_a_coded_recording_is_as_long_and_in_step(codec, rate):
    """At every rate that a front end may have and at each bit rate of the table."""
    wave = music(rate=rate)
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


def test_fewer_bits_leave_less(monkeypatch):
    """Of hiss above all, which is what a codec drops first."""
    wave = music()
    lost = [
        np.square(through(wave, CODECS[0], kbit_s, sample_rate=16_000) - wave).mean()
        for kbit_s in (16, 32, 56)
    ]
    assert lost[0] > lost[1] > lost[2]


def test_every_codec_and_rate_is_drawn():
    """Half of the recordings go through mp3, which is what most libraries hold."""
    rng = np.random.default_rng(0)
    drawn = [draw_codec(rng) for _ in range(2000)]
    assert {(c.encoder, k) for c, k in drawn} == {
        (c.encoder, k) for c in CODECS for k in c.kbit_s
    }
    assert 0.45 < np.mean([c.encoder == "libmp3lame" for c, _ in drawn]) < 0.55


def test_a_store_of_coded_recordings_is_made_once(prepared, tmp_path, monkeypatch):
    """A second run encodes nothing, and only what is learned from is coded."""
    clips, folder = prepared
    first = with_coded(clips, folder, RECIPE, n_jobs=1, say=print)
    assert coded_folder(folder).name.startswith("s-coded-")
    learned = np.flatnonzero(clips.splits == "train")
    for i in range(len(clips)):
        same = np.array_equal(first.coded[i], clips.features[i])
        assert first.coded[i].shape == clips.features[i].shape
        assert same == (i not in learned)
    told = []
    monkeypatch.setattr(coded_module, "ProcessPoolExecutor", None)  # nothing is to be made
    again = with_coded(clips, folder, RECIPE, say=told.append)
    assert not told
    np.testing.assert_array_equal(again.coded[learned[0]], first.coded[learned[0]])
    expected = coded_samples(
        clips.features[learned[0]][0], float(clips.db_of_step[learned[0]]), 8000
    )
    assert first.coded[learned[0]].tobytes() == expected.content


def test_a_clip_that_was_damaged_is_coded_again(prepared):
    """The CRC of the store tells."""
    clips, folder = prepared
    with_coded(clips, folder, RECIPE, n_jobs=1, say=print)
    samples = coded_folder(folder) / "samples.i16"
    content = bytearray(samples.read_bytes())
    content[100] ^= 255
    samples.write_bytes(content)
    n_lines = len((coded_folder(folder) / CLIPS).read_text().splitlines())
    told = []
    with_coded(clips, folder, RECIPE, n_jobs=1, say=told.append)
    assert len(told) == 1
    assert len((coded_folder(folder) / CLIPS).read_text().splitlines()) == n_lines + 1


def test_an_encoder_that_ffmpeg_lacks_is_named(monkeypatch):
    """With what to do about it."""
    monkeypatch.setattr(
        coded_module, "draw_codec", lambda _: (Codec("no_such", "mp3", (8,)), 8)
    )
    with pytest.raises(
        InputError, match=r"augment\.codec: .*no_such at 8 kb/s and 8000 Hz.*augment\.codec=0"
    ):
        coded_samples(np.ones(4000, np.int16), 1 / 32767, 8000)


def test_a_process_that_dies_is_told(prepared, monkeypatch):
    """The store goes on where it stopped."""
    monkeypatch.setattr(coded_module, "coded_samples", dies)
    clips, folder = prepared
    with pytest.raises(InputError, match="goes on where it stopped"):
        with_coded(clips, folder, RECIPE, n_jobs=1, say=print)


def test_crops_come_from_coded_recordings_as_often_as_asked(prepared):
    """At the same places, and of a share of the draws alone."""
    clips, _ = prepared
    silent = replace(clips, coded=[np.zeros_like(samples) for samples in clips.features])
    rng = np.random.default_rng(1)
    crops = Crops(silent, n_frames=1000, coded_share=0.3, change=lambda wave, seed: wave)
    n_coded = 0
    for _ in range(400):
        draw = crops.draw(0, rng)
        crop = crops[draw].features.numpy()
        if crop.any():
            np.testing.assert_array_equal(
                crop, window_of(clips, 0, start=draw.start, n_frames=1000)
            )
        n_coded += not crop.any()
    assert 90 < n_coded < 150
    assert not any(is_chosen(seed, 0.0) for seed in range(1000))
    assert all(is_chosen(seed, 1.0) for seed in range(1000))


def test_what_is_drawn_does_not_hang_on_codecs(prepared):
    """The same seeds cut the same crops with and without."""
    clips, _ = prepared
    with_, without = Crops(clips, n_frames=1000, coded_share=1.0), Crops(clips, n_frames=1000)
    draws = [
        [crops.draw(i, rng) for i in range(20)]
        for crops, rng in (
            (with_, np.random.default_rng(3)),
            (without, np.random.default_rng(3)),
        )
    ]
    assert draws[0] == draws[1]
    assert isinstance(draws[0][0], Draw)


def test_joined_and_taken_clips_keep_their_coded_ones(prepared):
    """A set without any keeps its recordings as they are."""
    clips, folder = prepared
    coded = with_coded(clips, folder, RECIPE, n_jobs=1, say=print)
    both = join([clips, coded])
    assert len(both.coded) == 48
    i = int(np.flatnonzero(clips.splits == "train")[0])
    np.testing.assert_array_equal(both.coded[i], clips.features[i])
    np.testing.assert_array_equal(both.coded[24 + i], coded.coded[i])
    np.testing.assert_array_equal(both.take(np.array([24 + i])).coded[0], coded.coded[i])
    assert join([clips, clips]).coded is None


def test_a_configuration_asks_for_codecs(tmp_path):
    """Through to the batches; without, nothing is made."""
    root = trees.genres(tmp_path / "music", seconds=0.5)
    tree = {
        "datasets": ["folder"],
        "features_options": {"sample_rate": 8000, "n_fft": 256, "hop_len": 128, "n_frames": 16},
        "augment": {"codec": 1.0, "noise": 0.0, "gain_db": 0.0},
    }
    config = from_tree(tree)
    said = []
    clips = load_clips(config, root, prepared=tmp_path / "p", say=said.append)
    assert clips.coded is not None
    assert any(line.startswith("coding folder: ") for line in said)
    batch = next(iter(training_loader(config, clips.split("train"))))
    assert batch.features.isfinite().all()
    plain = from_tree(tree | {"augment": {}})
    assert load_clips(plain, root, prepared=tmp_path / "q", say=said.append).coded is None
    assert not list((tmp_path / "q").glob("*coded*"))


def test_the_codec_hangs_on_the_sound_alone():
    """So a copy elsewhere, or of another day, is coded alike."""
    samples = (music(seconds=1.0) * 20_000).astype(np.int16)
    one, other = (coded_samples(samples.copy(), 1 / 32767, 16_000) for _ in range(2))
    assert one == other
    assert one.crc32 == zlib.crc32(one.content)
