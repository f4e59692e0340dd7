"""Recordings as codecs leave them: where they are kept, and when they are heard."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagger.errors import InputError
from tests.processes import kill_once_ready
from tests.tones import under_hiss, write_tone
from tests.train import trees
from train.augment.codecs import Codec, draw_codec
from train.calibration import measured_run
from train.config.checks import check_choices
from train.config.config import from_tree
from train.data import coded as coded_module
from train.data.batches import Crops, is_chosen, window_of
from train.data.coded import coded_folder, coded_samples, with_coded
from train.data.load_clips import load_clips, load_to_learn
from train.data.loaders import training_loader
from train.data.prepare import as_features, prepare
from train.data.store import CLIPS, SAMPLES, Recipe
from train.data.store import RECIPE as RECIPE_FILE
from train.datasets.audio import Where
from train.datasets.base import join, with_coded_ones
from train.datasets.folder import load

RECIPE = Recipe(sample_rate=8000)
NO_SUCH = Codec(encoder="no_such", container="mp3", kbit_s=(8,), share=1.0)


def dies(*_):
    """In place of what encodes."""
    os._exit(1)


@pytest.fixture
def prepared(tmp_path):
    """Twenty-four short tones of two genres, as clips."""
    clips = load(Where(root=trees.genres(tmp_path / "music", seconds=0.5)))
    prepare(clips, tmp_path / "s", RECIPE, n_jobs=2)
    return replace(as_features(clips, tmp_path / "s", RECIPE), splits=np.full(24, "train"))


def coded_in(folder, clips, *, recipe=RECIPE, said=None):
    """The clips with coded versions by one process; each line of it is put into `said`."""
    return with_coded(
        clips, folder, recipe, n_jobs=1, say=[].append if said is None else said.append
    )


def test_a_store_of_coded_recordings_is_made_once(prepared, tmp_path, monkeypatch):
    """A second run encodes nothing; what measures is left as it is."""
    splits = prepared.splits.copy()
    splits[:3] = "test"
    clips = replace(prepared, splits=splits)
    first = coded_in(tmp_path, clips)
    for i in range(len(clips)):
        assert first.coded[i].shape == clips.features[i].shape
        assert np.array_equal(first.coded[i], clips.features[i]) == (i < 3)
    monkeypatch.setattr(coded_module, "coded_samples", dies)
    said = []
    again = coded_in(tmp_path, clips, said=said)
    assert not said
    for one, other in zip(first.coded, again.coded, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_clip_that_was_damaged_is_coded_again(prepared, tmp_path):
    """The CRC of the store tells."""
    first = [samples.copy() for samples in coded_in(tmp_path, prepared).coded]
    path = coded_folder(tmp_path, RECIPE) / SAMPLES
    content = bytearray(path.read_bytes())
    content[100] ^= 255
    path.write_bytes(content)
    said = []
    again = coded_in(tmp_path, prepared, said=said)
    assert said == [f"coding {prepared.name}: 24 of 24"]
    for one, other in zip(first, again.coded, strict=True):
        np.testing.assert_array_equal(one, other)


def test_clips_that_are_decoded_otherwise_are_coded_again(tmp_path):
    """Shorter pieces, or the same file in other steps, beside what was coded before."""
    found = load(Where(root=trees.genres(tmp_path / "music", seconds=2.0)))
    for longest_s in (120.0, 1.0):
        recipe = Recipe(sample_rate=8000, longest_s=longest_s)
        prepare(found, tmp_path / f"s{longest_s}", recipe, n_jobs=2)
        clips = as_features(found, tmp_path / f"s{longest_s}", recipe)
        clips = replace(clips, splits=np.full(24, "train"))
        coded = coded_in(tmp_path, clips, recipe=recipe)
        lengths = [samples.shape for samples in coded.coded]
        assert lengths == [samples.shape for samples in clips.features]
    louder = replace(clips, db_of_step=2 * clips.db_of_step)
    said = []
    coded_in(tmp_path, louder, recipe=recipe, said=said)
    assert said[-1].endswith("24 of 24")


def test_other_pieces_of_a_file_are_coded_though_as_long_as_those_before(tmp_path):
    """The key tells them apart: one piece of a second, or two of half a second."""
    found = load(Where(root=trees.genres(tmp_path / "music", seconds=2.0)))
    heard = []
    for n_pieces in (1, 2):
        recipe = Recipe(sample_rate=8000, longest_s=1.0, n_pieces=n_pieces)
        prepare(found, tmp_path / f"s{n_pieces}", recipe, n_jobs=2)
        clips = as_features(found, tmp_path / f"s{n_pieces}", recipe)
        clips = replace(clips, splits=np.full(24, "train"))
        heard.append(coded_in(tmp_path, clips, recipe=recipe))
    one, two = heard
    assert [len(samples[0]) for samples in one.features] == [8000] * 24
    for i in range(24):
        assert one.coded[i].shape == two.coded[i].shape
        made = coded_samples("x", two.features[i][0], float(two.db_of_step[i]), 8000)
        np.testing.assert_array_equal(two.coded[i][0], np.frombuffer(made.content, "<i2"))
    assert any((a != b).any() for a, b in zip(one.coded, two.coded, strict=True))


def test_a_store_of_another_format_is_coded_again(prepared, tmp_path):
    """All of it, as recordings that were prepared in it are prepared again."""
    first = [samples.copy() for samples in coded_in(tmp_path, prepared).coded]
    path = coded_folder(tmp_path, RECIPE) / RECIPE_FILE
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {"format": stored["format"] - 1}))
    said = []
    again = coded_in(tmp_path, prepared, said=said)
    assert said[0] == f"coding {prepared.name}: 2 of 24"
    for one, other in zip(first, again.coded, strict=True):
        np.testing.assert_array_equal(one, other)
    assert json.loads(path.read_text()) == stored
    assert len((path.parent / CLIPS).read_text().splitlines()) == 24


def test_a_file_that_stands_twice_is_coded_once(prepared, tmp_path):
    """And both clips have it."""
    twice = prepared.take(np.array([0, 1, 0]))
    coded = coded_in(tmp_path, twice)
    assert len((coded_folder(tmp_path, RECIPE) / CLIPS).read_text().splitlines()) == 2
    np.testing.assert_array_equal(coded.coded[0], coded.coded[2])


@pytest.mark.parametrize(
    "without", [{"splits": np.array(["test"] * 24)}, {"paths": None}, {"is_waveform": False}]
)
def test_where_nothing_can_be_learned_nothing_is_coded(prepared, tmp_path, without):
    """A collection that only measures, and features."""
    assert coded_in(tmp_path, replace(prepared, **without)).coded is None
    assert not coded_folder(tmp_path, RECIPE).exists()


def test_loudness_stays_in_any_steps():
    """A recording louder than full scale is kept in larger steps; so is what is left of it."""
    samples = (under_hiss() * 30_000).astype(np.int16)
    for step in (1 / 32_767, 3 / 32_767):
        made = coded_samples("x", samples, step, 16_000)
        left = np.frombuffer(made.content, "<i2").astype(float)
        assert made.scale == step
        assert (
            0.8
            < np.sqrt(np.square(left).mean() / np.square(samples.astype(float)).mean())
            < 1.1
        )


def test_the_codec_hangs_on_the_sound_alone(monkeypatch):
    """So a copy elsewhere, or of another day, is coded alike, and other sounds otherwise."""
    drawn = []

    def spied(rng):
        drawn.append(draw_codec(rng))
        return drawn[-1]

    monkeypatch.setattr(coded_module, "draw_codec", spied)
    sounds = [(under_hiss(seconds=0.5) * 20_000 / n).astype(np.int16) for n in range(1, 13)]
    made = [coded_samples("a", sound, 1 / 32_767, 16_000) for sound in sounds]
    again = [coded_samples("b", sound.copy(), 1 / 32_767, 16_000) for sound in sounds]
    assert made == again
    assert drawn[:12] == drawn[12:]
    assert len({codec.encoder for codec, _ in drawn}) > 1


def test_an_encoder_that_ffmpeg_lacks_is_named(monkeypatch):
    """With the file, and what to do about it."""
    monkeypatch.setattr(coded_module, "draw_codec", lambda _: (NO_SUCH, 8))
    cause = r"augment\.codec: /music/x\.mp3: .*no_such at 8 kb/s and 8000 Hz.*augment\.codec=0"
    with pytest.raises(InputError, match=cause):
        coded_samples("/music/x.mp3|1|2", np.ones(4000, np.int16), 1 / 32_767, 8000)


def test_a_process_that_dies_is_told(prepared, tmp_path, monkeypatch):
    """The store goes on where it stopped."""
    monkeypatch.setattr(coded_module, "coded_samples", dies)
    with pytest.raises(InputError, match=r"augment\.codec: .*ended.*goes on where it stopped"):
        coded_in(tmp_path, prepared)


def test_processes_end_with_the_run(tmp_path):
    """However it ends."""
    code = (
        "import time\nfrom train.data.processes import by_processes\n"
        "if __name__ == '__main__':\n"
        "    slow = by_processes(time.sleep, [(0,), (600,)], n_jobs=2, what='x')\n"
        "    next(slow)\n    print('now', flush=True)\n    next(slow)\n"
    )
    (tmp_path / "kill.py").write_text(code)
    kill_once_ready(tmp_path / "kill.py", limit_s=60)


def test_crops_come_from_coded_recordings_as_often_as_asked(prepared):
    """At the same places, and in a share of the draws alone."""
    clips = replace(prepared, coded=[-samples for samples in prepared.features])
    rng = np.random.default_rng(1)
    crops = Crops(clips, n_frames=1000, coded_share=0.3)
    n_coded = 0
    for _ in range(400):
        draw = crops.draw(0, rng)
        crop, clean = (
            crops[draw].features.numpy(),
            window_of(clips, 0, start=draw.start, n_frames=1000),
        )
        is_coded = not np.array_equal(crop, clean)
        np.testing.assert_array_equal(crop, -clean if is_coded else clean)
        n_coded += is_coded
    assert 90 < n_coded < 150
    assert not any(is_chosen(seed, 0.0) for seed in range(1000))
    assert all(is_chosen(seed, 1.0) for seed in range(1000))


def test_where_crops_begin_does_not_hang_on_codecs(prepared):
    """The same seeds cut at the same places with and without."""
    same = {"n_frames": 1000, "change": lambda wave, _: wave}
    drawn = []
    for share in (0.0, 1.0):
        rng, crops = np.random.default_rng(3), Crops(prepared, coded_share=share, **same)
        drawn.append([crops.draw(i, rng) for i in range(20)])
    assert drawn[0] == drawn[1]


def test_joined_and_taken_clips_keep_their_coded_ones(prepared, tmp_path):
    """A set without any keeps its recordings as they are."""
    coded = coded_in(tmp_path, prepared)
    both = join([prepared, coded])
    assert len(both.coded) == 48
    np.testing.assert_array_equal(both.coded[5], prepared.features[5])
    np.testing.assert_array_equal(both.coded[24 + 5], coded.coded[5])
    np.testing.assert_array_equal(both.take(np.array([24 + 5])).coded[0], coded.coded[5])
    assert join([prepared, prepared]).coded is None


def test_a_configuration_asks_for_codecs(tmp_path):
    """Its batches are cut from coded recordings; who only listens encodes nothing."""
    root = trees.genres(tmp_path / "music", seconds=0.5)
    tree = {
        "datasets": ["folder"],
        "features_options": {"sample_rate": 8000, "n_fft": 256, "hop_len": 128, "n_frames": 16},
        "augment": {"codec": 1.0, "noise": 0.0},
    }
    config, said = from_tree(tree), []
    assert load_clips(config, root, prepared=tmp_path / "p", say=said.append).coded is None
    assert not list((tmp_path / "p").glob("coded*"))
    clips = load_to_learn(config, root, prepared=tmp_path / "p", say=said.append)
    assert any(line.startswith("coding folder: ") for line in said)
    silent = replace(clips, coded=[np.zeros_like(samples) for samples in clips.features])
    batch = next(iter(training_loader(config, silent.split("train"))))
    assert not batch.features.any()
    plain = from_tree(tree | {"augment": {"noise": 0.0}})
    assert next(iter(training_loader(plain, silent.split("train")))).features.any()
    assert load_to_learn(plain, root, prepared=tmp_path / "p", say=said.append).coded is None


def test_what_calibrates_is_heard_at_low_bit_rates_too(prepared, tmp_path, monkeypatch):
    """Both versions of a recording stand in one fold; without coded ones there is one."""
    clips = coded_in(tmp_path, prepared)
    both = with_coded_ones(clips)
    assert len(both) == 48
    assert (both.groups[:24] == both.groups[24:]).all()
    np.testing.assert_array_equal(both.features[24], clips.coded[0])
    np.testing.assert_array_equal(both.targets[:24], both.targets[24:])
    assert with_coded_ones(prepared) is prepared
    asked = []
    monkeypatch.setattr(
        measured_run, "net_logits", lambda _, heard, __: asked.append(len(heard))
    )
    for coded in (False, True):
        config = from_tree({"calibration": {"source": "valid", "coded": coded}})
        measured_run.calibrate(None, config, None, clips)
    assert asked == [24, 48]


def test_calibrating_on_coded_clips_needs_some():
    """They are made where some are learned from."""
    config = from_tree({"datasets": ["folder"], "calibration": {"coded": True}})
    with pytest.raises(InputError, match=r"calibration\.coded: .*set augment\.codec"):
        check_choices(config)
    check_choices(replace(config, augment=replace(config.augment, codec=0.5)))


def test_stored_features_are_learned_as_they_are(tmp_path, monkeypatch, prepared):
    """Which is said."""
    monkeypatch.setattr(
        "train.data.load_clips.load_clips",
        lambda *_, **__: replace(prepared, is_waveform=False),
    )
    said = []
    config = from_tree({"datasets": ["folder"], "augment": {"codec": 0.5}})
    assert load_to_learn(config, tmp_path, prepared=tmp_path, say=said.append).coded is None
    assert said == ["augment.codec: takes recordings; stored features are learned as they are"]


def test_a_changed_recording_is_coded_again(prepared, tmp_path):
    """It is known by its time and size."""
    coded_in(tmp_path, prepared)
    write_tone(Path(prepared.paths[0]), 333, seconds=0.7)
    said = []
    coded_in(tmp_path, prepared, said=said)
    assert said == [f"coding {prepared.name}: 24 of 24"]
