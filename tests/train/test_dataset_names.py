"""One name is one data set, whatever lies on the disk, and a run says which."""

from dataclasses import replace

import numpy as np
import pytest

from tagger.errors import InputError
from tests.tones import write_tone
from tests.train import trees
from tests.train.sets import make_set, provide
from train.config.config import from_tree
from train.data.load_clips import load_clips
from train.datasets import gtzan, gtzan_audio
from train.datasets.registry import DATASETS

IDS = [f"{genre}.{i:05d}" for genre in ("blues", "jazz") for i in range(3)]


@pytest.fixture
def both(tmp_path):
    """A folder with GTZAN's recordings (some) and its stored features (some)."""

    def make(path):
        write_tone(path, 440, seconds=0.5)

    trees.gtzan(tmp_path, ids=IDS, make=make)
    store = tmp_path / gtzan.STORE
    store.parent.mkdir()
    np.savez(
        store,
        db=np.zeros((4, 128, 20), np.uint8),
        id=np.array(IDS[:4]),
        genre=np.array(["blues", "blues", "blues", "jazz"]),
        split=np.array(["train"] * 4),
    )
    return tmp_path


def loaded(name, data):
    said = []
    config = replace(from_tree({"datasets": [name]}), partial=True)
    clips = load_clips(config, data, prepared=data / "prepared", say=said.append)
    return clips, " ".join(said)


def test_gtzan_is_its_recordings_and_gtzan_logmel_its_features(both):
    """Both lie there: the name alone decides, and is said."""
    clips, said = loaded("gtzan", both)
    assert clips.is_waveform
    assert "gtzan: recordings" in said
    clips, said = loaded("gtzan-logmel", both)
    assert not clips.is_waveform
    assert len(clips) == 4
    assert "gtzan-logmel: stored features" in said


def test_gtzan_without_recordings_names_the_features(both):
    """What was picked by what lies on the disk is an error with the name that it has now."""
    for path in gtzan_audio.FOLDERS[:1]:
        (both / path).rename(both / "elsewhere")
    with pytest.raises(InputError, match="are the dataset gtzan-logmel"):
        loaded("gtzan", both)


def test_the_old_name_of_features_of_fma_says_the_new_one(tmp_path, monkeypatch):
    """A run of before goes on, and hears what its data set is called now."""
    made = make_set("x", ("folk", "rock"))
    provide(monkeypatch, "fma-small-logmel", made)
    clips, said = loaded("fma-small", tmp_path)
    assert len(clips) == len(made)
    assert "fma-small is called fma-small-logmel now" in said
    assert "fma:small" in said
    assert "fma-small" not in DATASETS


def test_no_name_of_features_is_one_of_recordings():
    """Nor is it the same but for a colon."""
    names = {dataset.name for dataset in DATASETS.values() if dataset.gives != "recordings"}
    assert "gtzan-logmel" in names
    assert not {name.replace("-", ":") for name in names} & {"fma:small", "fma:medium"}
