"""Recordings labelled by artist, and recordings of which nothing is known."""

import numpy as np
import pytest

from tagger.errors import InputError
from tests.tones import write_tone
from tests.train.sound import of
from train.config.config import from_tree
from train.data.load_clips import load_clips
from train.data.prepare import as_features, prepare
from train.data.sampling import balanced_sampler
from train.data.store import Recipe
from train.datasets.audio import Where
from train.datasets.base import join
from train.datasets.recordings import fold_of, load
from train.datasets.unlabelled import load as load_unlabelled

ROWS = """path,label,group,split,artist
audio/a1.opus,rock,a,,One
audio/a2.wav,pop,a,,One
audio/b1.wav,unknown,b,train,
audio/c1.wav,speech,c,,
audio/d1.wav,noise,d,,
audio/e1.wav,rock,e,valid,Two
audio/e2.wav,unknown,e,,Two
audio/f1.wav,pop,f,test,
"""


def write(root, text=ROWS):
    """recordings/index.csv and short tones for its rows."""
    folder = root / "recordings"
    for line in text.splitlines()[1:]:
        name = line.split(",")[0]
        if name:
            write_tone(folder / name.replace(".opus", ".wav"), 300, seconds=0.3)
    for path in folder.rglob("a1.wav"):
        path.rename(path.with_suffix(".opus"))
    (folder / "index.csv").write_text(text)
    return root


def test_what_is_known_of_each_recording(tmp_path):
    """A label, music without one, no music at all; the labels are those of the music."""
    clips = load(Where(root=write(tmp_path)))
    assert clips.labels == ("pop", "rock")
    rows = dict(zip(clips.ids.tolist(), clips.targets.tolist(), strict=True))
    assert rows["audio/a1.opus"] == [0, 1]
    assert np.isnan(rows["audio/b1.wav"]).all()
    assert rows["audio/c1.wav"] == rows["audio/d1.wav"] == [0, 0]
    assert clips.music.tolist() == [1, 1, 1, 0, 0, 1, 1, 1]
    assert (clips.kind, load(Where(root=tmp_path / "recordings")).labels) == (
        "single",
        clips.labels,
    )


def test_no_group_stands_on_two_sides(tmp_path):
    """Whatever the fold; what stands in a published split stays on its side, with its group."""
    where = write(tmp_path)
    seen = set()
    for fold in range(5):
        clips = load(Where(root=where, variant=str(fold)))
        sides = {}
        for group, split in zip(clips.groups.tolist(), clips.splits.tolist(), strict=True):
            assert sides.setdefault(group, split) == split
        assert of(clips, "test") == ["audio/f1.wav"]
        assert set(of(clips, "valid")) >= {"audio/e1.wav", "audio/e2.wav"}
        assert sides["b"] == "train"
        seen |= {item for item in "abcd" if sides[item] == "valid"}
        assert sides["a"] == ("valid" if fold_of("a") == fold else "train")
    assert seen == set("acd")
    every = load(Where(root=where, variant="all"))
    assert set(every.splits.tolist()) == {"train"}


def test_whole_recordings_take_the_places_of_excerpts(tmp_path):
    """By name, whatever their suffix; the others stay excerpts."""
    root = write(tmp_path)
    whole = root / "recordings" / "whole"
    write_tone(whole / "a2.wav", 300, seconds=2.0)
    (whole / "a2.wav").rename(whole / "a2.audio")
    clips = load(Where(root=root))
    places = dict(zip(clips.ids.tolist(), clips.paths, strict=True))
    assert places["audio/a2.wav"] == whole / "a2.audio"
    assert places["audio/b1.wav"] == root / "recordings" / "audio" / "b1.wav"
    assert clips.notices == ("1 of 8 recordings are whole.",)
    recipe = Recipe(sample_rate=8000)
    wavs = clips.take(np.array([1, 2]))
    prepare(wavs, tmp_path / "s", recipe)
    found = as_features(wavs, tmp_path / "s", recipe)
    assert [found.n_frames(i) for i in range(2)] == [16_000, 2_400]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label\na,rock", "has no column group"),
        ("path,label,group\na,,g", "line 2 has no label"),
        ("path,label,group\na,rock,", "line 2 has no group"),
        ("path,label,group\na,unknown,g", "no recording has a label"),
        ("path,label,group\nnone.wav,rock,g", "1 of 1 recordings are not there"),
    ],
)
def test_an_index_that_cannot_be_used_is_refused(tmp_path, text, said):
    """The message names the file and what is missing."""
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "index.csv").write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        load(Where(root=tmp_path))
    assert "index.csv" in str(caught.value)
    with pytest.raises(InputError, match="the variants are 0, 1"):
        load(Where(root=tmp_path, variant="7"))
    with pytest.raises(InputError, match="not found"):
        load(Where(root=tmp_path / "recordings" / "none"))


def test_of_unlabelled_recordings_nothing_is_known(tmp_path):
    """No label, not even that it is music; all are there to learn from."""
    for name in ("a.wav", "sub/b.flac", "sub/deep/c.wav"):
        write_tone(tmp_path / "unlabelled" / name, 300, seconds=0.3)
    clips = load_unlabelled(Where(root=tmp_path))
    assert clips.ids.tolist() == ["a.wav", "sub/b.flac", "sub/deep/c.wav"]
    assert clips.labels == ()
    assert np.isnan(clips.music).all()
    assert set(clips.splits.tolist()) == {"train"}
    (tmp_path / "unlabelled").rename(tmp_path / "radio")
    assert len(load_unlabelled(Where(root=tmp_path, variant="radio"))) == 3
    with pytest.raises(InputError, match=r"unlabelled: no recordings found"):
        load_unlabelled(Where(root=tmp_path))


def test_both_join_and_what_is_unknown_stays_unknown(tmp_path):
    """Speech has no label of any set; an unlabelled clip has none that is known."""
    root = write(tmp_path)
    (root / "recordings" / "audio" / "a1.opus").unlink()
    text = ROWS.replace("audio/a1.opus,rock,a,,One\n", "")
    (root / "recordings" / "index.csv").write_text(text)
    write_tone(root / "unlabelled" / "x.wav", 300, seconds=3)
    made = {"datasets": ["recordings", "unlabelled"], "features_options": {"sample_rate": 8000}}
    made["features_options"]["f_max_hz"] = 4000.0
    clips = load_clips(from_tree(made), root, prepared=tmp_path / "p", say=lambda _: None)
    assert np.isnan(clips.targets[-1]).all()
    assert np.isnan(clips.music[-1])
    assert (clips.targets[2:4] == 0).all()
    assert clips.paths[-1].endswith("unlabelled/x.wav")
    sampler = balanced_sampler(
        clips, share_not_genre=0.3, n_samples=10, seed=0, window_len=8000
    )
    weights = sampler.weights.numpy()
    assert (weights > 0).all()
    assert weights[-1] == pytest.approx(3 * weights[1])  # three windows of sound
    assert weights[2] == pytest.approx(1.5 * weights[1])  # known to be no music
    assert np.isfinite(join([clips, clips]).music[:-1]).any()
