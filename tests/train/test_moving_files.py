"""A library lives on while it is prepared: its files go, and are tagged anew."""

import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagger.errors import InputError
from tests.train import trees
from tests.train.school import THREE, tree, write_data
from train.config.config import from_tree
from train.data import load_clips as load_module
from train.data.coded import with_coded
from train.data.load_clips import load_clips, recipe_for, resolved
from train.data.store import PreparedStore, Recipe, read_recipe
from train.teachers import taught
from train.teachers.store import Answers
from train.teachers.taught import lessons_for, teachers_of

CONFIG = from_tree({"datasets": ["folder"], "features_options": {"sample_rate": 8000}})


@pytest.fixture
def music(tmp_path):
    """Twenty-four short tones of two genres."""
    return trees.genres(tmp_path / "music", seconds=0.5)


def clips_of(music, *, say=lambda _: None):
    return load_clips(CONFIG, music, prepared=music.parent / "prepared", say=say)


def while_waiting(monkeypatch, happens):
    """Something happens after the recordings were listed and before it is the run's turn."""
    turn = load_module.turn

    @contextmanager
    def waited(folders, *, say):
        with turn(folders, say=say):
            happens()
            yield

    monkeypatch.setattr(load_module, "turn", waited)


def test_a_recording_that_went_since_it_was_listed_is_left_out(music, monkeypatch):
    """As one that cannot be decoded; once it is there again, it is prepared."""
    lost, said = sorted(music.rglob("*.wav"))[3], []
    away = music.parent / "away.wav"
    while_waiting(monkeypatch, lambda: lost.rename(away))
    clips = clips_of(music, say=said.append)
    assert len(clips) == 23
    assert clips.unreadable == (f"{lost}: No such file or directory",)
    assert f"left out, unreadable: {clips.unreadable[0]}" in said
    monkeypatch.undo()
    away.rename(lost)
    assert len(clips_of(music)) == 24


def test_a_set_that_went_is_refused(music, monkeypatch):
    """A disk that is no longer there is not a set without sound."""
    while_waiting(monkeypatch, lambda: shutil.rmtree(music))
    with pytest.raises(InputError, match="24 of 24 recordings cannot be decoded"):
        clips_of(music)


def test_a_recording_that_is_tagged_while_others_are_decoded_is_prepared(music, monkeypatch):
    """It is known by what it was when the decoding began."""
    prepare = load_module.prepare

    def tagged_then(clips, *args, **options):
        result = prepare(clips, *args, **options)
        os.utime(clips.paths[3], (1, 1))
        clips.paths[4].unlink()
        return result

    monkeypatch.setattr(load_module, "prepare", tagged_then)
    assert len(clips_of(music)) == 24


def test_what_is_gone_is_not_coded(music, tmp_path):
    """It is learned as it is, from what was prepared."""
    clips = clips_of(music)
    clips = replace(clips, splits=np.full(24, "train"))
    Path(clips.paths[3]).unlink()
    coded = with_coded(clips, tmp_path, recipe_for(CONFIG), say=lambda _: None, n_jobs=1).coded
    same = [
        np.array_equal(one, other) for one, other in zip(coded, clips.features, strict=True)
    ]
    assert same == [i == 3 for i in range(24)]


def test_teachers_say_nothing_of_what_is_gone(tmp_path, monkeypatch):
    """It is counted. One that is tagged while they listen keeps their answers."""
    data = write_data(tmp_path / "data")
    config, said = from_tree(tree(*THREE)), []
    clips = load_clips(config, data, prepared=data / "prepared", say=lambda _: None)
    config = resolved(config, clips, say=lambda _: None)
    Path(clips.paths[3]).unlink()
    listen = taught.listen_to

    def tagged_then(*args, **options):
        listen(*args, **options)
        os.utime(clips.paths[4], (1, 1))

    monkeypatch.setattr(taught, "listen_to", tagged_then)
    made = lessons_for(
        config, clips, data, prepared=data / "prepared", say=said.append, n_jobs=1
    )
    silent = [i for i, rows in enumerate(made.lessons.of_clip) if np.isnan(rows).any()]
    assert silent == [3]
    assert "teachers: free says nothing of 1 recordings" in said


def test_a_recipe_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    """Another run reads it while it is written, before it is that one's turn."""
    data = write_data(tmp_path / "data", n=1, n_unlabelled=0)
    (teacher,) = teachers_of(from_tree(tree(THREE[0])), data)
    write, found = Path.write_text, []

    def in_two(path, text, **options):
        write(path, text[:9], **options)
        found.extend(read_recipe(tmp_path / name) for name in ("clips", "answers"))
        write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", in_two)
    PreparedStore(tmp_path / "clips", Recipe(sample_rate=8000)).close()
    assert found == [None, None]
    Answers(tmp_path / "answers", teacher)
    assert found[3] is None
    assert read_recipe(tmp_path / "answers")["model"] == teacher.name
