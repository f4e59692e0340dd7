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
from train.data.sampling import balanced_sampler
from train.datasets import gtzan, gtzan_audio
from train.datasets.base import join, join_again
from train.datasets.registry import DATASETS
from train.evaluation.run_facts import by_dataset

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


def test_a_folder_below_a_folder_is_drawn_and_measured_by_its_name(tmp_path):
    """`unlabelled:a/b` is not a set `unlabelled:a`, even where that is one as well."""
    for name in ("a/b/1.wav", "a/b/2.wav", "a/3.wav"):
        write_tone(tmp_path / name, 440, seconds=0.5)
    names = ["unlabelled:a/b", "unlabelled:a"]
    config = from_tree({"datasets": names})
    clips = load_clips(config, tmp_path, prepared=tmp_path / "p", say=lambda _: None)
    assert clips.datasets().tolist() == [names[0]] * 2 + [names[1]] * 3
    assert clips.from_datasets(names[:1]).tolist() == [True] * 2 + [False] * 3
    turned = join_again([clips.take(np.arange(2, 5)), clips.take(np.arange(2))])
    assert turned.from_datasets(names[:1]).tolist() == [False] * 3 + [True] * 2
    shares = {names[0]: 0.75, names[1]: 0.25}
    options = {"share_not_genre": 0.0, "n_samples": 10, "seed": 0}
    weights = balanced_sampler(clips, shares=shares, **options).weights.numpy()
    assert weights[:2].sum() == pytest.approx(0.75)


def test_figures_of_a_folder_below_a_folder_stand_under_its_name():
    """Beside those of the other sets."""
    clips = join([make_set(name, ("high", "low")) for name in ("csv", "unlabelled:a/b")])
    figures = by_dataset(np.full((len(clips), 2), 0.5, np.float32), clips)
    assert [(name, one["n_clips"]) for name, one in figures.items()] == [
        ("csv", 24),
        ("unlabelled:a/b", 24),
    ]


def test_no_name_of_features_is_one_of_recordings():
    """Nor is it the same but for a colon."""
    names = {dataset.name for dataset in DATASETS.values() if dataset.gives != "recordings"}
    assert "gtzan-logmel" in names
    assert not {name.replace("-", ":") for name in names} & {"fma:small", "fma:medium"}
