import sys
from typing import get_type_hints

import numpy as np
import pytest
from PIL import Image

import train.datasets
from tagger.errors import InputError
from tests.train import trees
from tests.train.sound import assert_sound, of
from train.datasets import fma, gtzan_audio, jamendo, mtat, registry, spectrograms, stored
from train.datasets.audio import AudioSet, Where
from train.datasets.registry import DATASETS, dataset_of
from train.datasets.splitting import split_groups


def test_mtat_has_the_splits_and_tags_of_the_field(tmp_path):
    """Folders make the split; only clips with a top-50 tag count, unless all are asked for."""
    root = trees.mtat(tmp_path / "mtat")
    clips = mtat.load(Where(root=root))
    assert_sound(clips)
    assert clips.labels[:3] == ("guitar", "classical", "slow")
    assert (len(clips), clips.kind) == (14, "multi")
    assert (len(of(clips, "train")), len(of(clips, "valid"))) == (11, 1)
    assert any("35644" in notice for notice in clips.notices)
    everything = mtat.load(Where(root=root, variant="all"))
    assert len(everything) == 15
    assert len(of(everything, "test")) == 3


def test_mtat_finds_the_clips_below_audio(tmp_path):
    """The folders may lie under audio/."""
    root = trees.mtat(tmp_path / "mtat")
    (root / "audio").mkdir()
    for folder in "0123456789abcdef":
        (root / folder).rename(root / "audio" / folder)
    assert len(mtat.load(Where(root=root))) == 14


@pytest.mark.data
def test_mtat_reproduces_the_real_split(tmp_path, data):
    """Every clip of the published lists stands on its side, and no other."""
    lists = {
        name: (data / f"splits/mtat/{name}.tsv").read_text().split("\n")
        for name in ("valid", "test")
    }
    rows = [
        (name, *line.split("\t")) for name, lines in lists.items() for line in lines if line
    ]
    assert [sum(row[0] == name for row in rows) for name in lists] == [1529, 4332]
    assert (
        tuple((data / "splits/mtat/top50-tags.txt").read_text().split("\n")[:50]) == mtat.TAGS
    )
    for name, _, path in rows:
        assert mtat.SPLIT_OF_FOLDER[path.split("/")[0]] == name
    assert not {row[1] for row in rows} & set(mtat.BROKEN)


@pytest.mark.parametrize("inner", ["genres_original", "Data/genres_original", "genres", ""])
def test_gtzan_is_found_in_every_usual_place(tmp_path, inner):
    """All clips of the fault-filtered lists but the damaged one, with one label each."""
    ids = [item for item in gtzan_audio.filtered_split() if item != "jazz.00054"]
    root = trees.gtzan(tmp_path, inner=inner, ids=ids)
    clips = gtzan_audio.load(Where(root=root))
    assert_sound(clips, grouped=False)
    assert [len(of(clips, name)) for name in ("train", "valid", "test")] == [442, 197, 290]
    assert "hip-hop" in clips.labels
    assert any("jazz.00054" in notice for notice in clips.notices)


def test_the_stratified_gtzan_split_is_even_and_seeded(tmp_path):
    """Each genre has 79 to 81 of 100 in train, whatever the seed; a seed repeats itself."""
    folders = sorted({item.split(".")[0] for item in gtzan_audio.filtered_split()})
    ids = [f"{folder}.{number:05d}" for folder in folders for number in range(100)]
    root = trees.gtzan(tmp_path, ids=ids, suffix=".au")
    first = gtzan_audio.load(Where(root=root, variant="stratified", seed=1))
    assert_sound(first)
    in_train = first.targets[first.splits == "train"].sum(axis=0)
    assert ((in_train >= 79) & (in_train <= 81)).all()
    again = gtzan_audio.load(Where(root=root, variant="stratified", seed=1))
    other = gtzan_audio.load(Where(root=root, variant="stratified", seed=2))
    assert (first.splits == again.splits).all()
    assert (first.splits != other.splits).any()


@pytest.mark.data
def test_the_packaged_gtzan_lists_are_the_published_ones(data):
    """Id for id."""
    expected = {}
    for split in ("train", "valid", "test"):
        for line in (data / f"splits/gtzan/{split}_filtered.txt").read_text().split():
            expected[line.split("/")[1].removesuffix(".wav")] = split
    assert gtzan_audio.filtered_split() == expected


FMA_ROWS = [
    (2, "training", "small", "Pop", "[10]", 1),
    (3, "validation", "small", "Rock", "[12, 25]", 2),
    (5, "test", "small", "Rock", "[12]", 3),
    (1486, "training", "medium", "Rock", "[12]", 4),
    (2000, "training", "medium", "Rock", "[12]", 5),
    (2001, "training", "large", "", "[25, 12]", 6),
    (98565, "training", "small", "Pop", "[10]", 7),
]


def test_fma_takes_its_subset_and_the_official_split(tmp_path):
    """Small is a part of medium; bad tracks and those without a top genre are left out."""
    root = trees.fma(tmp_path, FMA_ROWS)
    small = fma.load(Where(root=root))
    assert_sound(small)
    assert (of(small, "train"), of(small, "valid"), of(small, "test")) == (["2"], ["3"], ["5"])
    assert small.labels == ("Pop", "Rock")
    (root / "fma_small").rename(root / "fma_medium")
    medium = fma.load(Where(root=root, variant="medium"))
    assert of(medium, "train") == ["2", "2000"]


def test_fma_knows_all_genres_of_a_track(tmp_path):
    """Tracks without a top genre count there; labels are the names of genres.csv."""
    root = trees.fma(tmp_path, FMA_ROWS, size="large")
    clips = fma.load(Where(root=root, variant="large-all"))
    assert_sound(clips)
    assert clips.labels == ("Pop", "Punk", "Rock")
    assert clips.targets[clips.ids == "2001"].tolist() == [[0, 1, 1]]


def test_fma_metadata_may_lie_elsewhere(tmp_path):
    """--metadata is believed first."""
    root = trees.fma(tmp_path / "a", FMA_ROWS)
    (root / "fma_metadata").rename(tmp_path / "tables")
    with pytest.raises(InputError, match=r"fma_metadata\.zip"):
        fma.load(Where(root=root))
    assert len(fma.load(Where(root=root, metadata=tmp_path / "tables"))) == 3


@pytest.mark.data
def test_fma_small_reproduces_the_real_split(tmp_path, data):
    """Of the official lists exactly the known bad tracks are missing."""
    names = {"train": "training", "valid": "validation", "test": "test"}
    rows = []
    for split, official in names.items():
        for line in (data / f"splits/fma-small/{split}.tsv").read_text().splitlines():
            track, genre = line.split("\t")
            rows.append((int(track), official, "small", genre, "[]", f"{split} {track}"))
    clips = fma.load(Where(root=trees.fma(tmp_path, rows)))
    found = [len(of(clips, split)) for split in names]
    assert found == [6394, 800, 800]
    assert len(clips.labels) == 8


def test_jamendo_reads_its_tables_and_low_quality_recordings(tmp_path):
    """Any number of tags a track, artists on one side, the split that was asked for."""
    clips = jamendo.load(Where(root=trees.jamendo(tmp_path, split=2), variant="2"))
    assert_sound(clips)
    assert clips.labels == ("jazz", "rock")
    assert of(clips, "valid") == ["track_0000010", "track_0000011"]
    assert clips.targets[0].tolist() == [1, 1]
    with pytest.raises(InputError, match="split 0 not found"):
        jamendo.load(Where(root=tmp_path))


@pytest.mark.data
def test_jamendo_reads_the_real_tables(data):
    """87 genres and 55,094 tracks in split 0, no artist on two sides."""
    root = data / "splits/mtg-jamendo"
    with pytest.raises(InputError, match=r"55094 of 55094 recordings are not there"):
        jamendo.load(Where(root=root))
    rows = {side: jamendo._read(root / name, side) for side, name in jamendo.TABLES.items()}
    assert len({tag for side in rows.values() for row in side for tag in row.tags}) == 87
    artists = [{row.artist for row in side} for side in rows.values()]
    assert not artists[0] & artists[1]
    assert not artists[0] & artists[2]


@pytest.mark.parametrize("name", sorted(DATASETS.keys() - {"noise"}))
def test_an_empty_folder_says_what_to_get_from_where(tmp_path, name):
    """The message names the folder and what belongs in it."""
    load = DATASETS[name].load
    with pytest.raises(InputError) as caught:
        load(Where(root=tmp_path))
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value)) > 60
    with pytest.raises(InputError, match="variants"):
        load(Where(root=tmp_path, variant="nonsense"))


@pytest.mark.parametrize("name", DATASETS)
def test_every_loader_documents_itself_in_the_same_order(name):
    """Name, where from, licence, splits, labels, index: reading one teaches all."""
    text = sys.modules[DATASETS[name].load.__module__].__doc__
    assert text.startswith(name)
    parts = [
        text.index(part) for part in ("Where from:", "Licence:", "Splits:", "Labels:", "Index:")
    ]
    assert parts == sorted(parts)
    listed = registry.listed()
    assert f"\n{name}" in f"\n{listed}"
    assert DATASETS[name].title in listed
    for part in ("Where from", "Licence"):
        assert DATASETS[name].says(part)
        assert f"{part}: {DATASETS[name].says(part)}" in listed


def test_a_new_data_set_is_one_file(tmp_path, monkeypatch):
    """It is found by its name, listed with its licence, and binds what learns from it."""
    (tmp_path / "newest.py").write_text(
        '''"""newest: nothing.

Where from: nowhere,
    at all.
Licence: none needed.
"""

from train.datasets.dataset import Dataset


def load(where):
    return where.root


DATASET = Dataset(name="newest", load=load, variants=("0",), terms="for nobody")
'''
    )
    monkeypatch.setattr(train.datasets, "__path__", [*train.datasets.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "DATASETS", registry._found())
    monkeypatch.delitem(sys.modules, "train.datasets.newest")
    assert dataset_of("newest:0").load(Where(root=tmp_path)) == tmp_path
    assert "for nobody" in registry.licence_of_weights(["newest:0"])
    with pytest.raises(InputError, match="Did you mean 'newest'"):
        dataset_of("newst")


def test_what_was_downloaded_is_known_to_be_recordings_or_features():
    """A loader that says one thing and gives another would be joined wrongly."""
    kinds = {dataset.gives for dataset in DATASETS.values()}
    assert kinds == {"recordings", "features", "stored features"}
    for dataset in DATASETS.values():
        given = get_type_hints(dataset.load)["return"]
        assert (given is AudioSet) == (dataset.gives == "recordings"), dataset.name


def test_pictures_are_read_as_they_were_written(tmp_path):
    """Levels survive to half a step; the lowest band is the lowest row."""
    rng = np.random.default_rng(0)
    for side in ("train", "val"):
        for genre in ("a", "b"):
            db = rng.uniform(-80, 0, (128, 30)).astype(np.float32)
            db[0, 0] = 0
            spectrograms.write_picture(tmp_path / side / genre / "x.png", db)
    clips = spectrograms.load(Where(root=tmp_path))
    assert clips.splits.tolist() == ["train", "train", "valid", "valid"]
    np.testing.assert_allclose(clips.frames(3, 0, 30), db + 80, atol=0.16)
    Image.fromarray(np.zeros((64, 10, 3), np.uint8)).save(tmp_path / "train" / "a" / "y.png")
    assert spectrograms.load(Where(root=tmp_path)).features[1].shape == (128, 10)


def test_stored_features_are_a_dataset_like_any_other(tmp_path):
    """Features, ids and labels are enough; what is missing is named."""
    path = tmp_path / "set.npz"
    db = np.zeros((20, 8, 40), np.uint8)
    np.savez(path, features=db, id=np.arange(20).astype(str), labels=["x", "y|z"] * 10)
    clips = stored.load(Where(root=tmp_path))
    assert (clips.labels, clips.kind, len(clips)) == (("x", "y", "z"), "multi", 20)
    assert set(clips.splits.tolist()) == {"train", "valid", "test"}
    np.savez(path, features=db, labels=["x"] * 20)
    with pytest.raises(InputError, match="field id"):
        stored.load(Where(root=path))


def test_groups_stay_whole_and_rare_labels_are_spread():
    """A label of three groups gets one on each side."""
    targets = np.zeros((60, 2), np.float32)
    targets[:57, 0] = 1
    targets[57:, 1] = 1
    groups = np.array([f"g{i // 3}" for i in range(57)] + ["r1", "r2", "r3"])
    splits = split_groups(targets, groups, seed=0, shares=(0.4, 0.3, 0.3))
    assert set(splits[57:]) == {"train", "valid", "test"}
    for group in set(groups.tolist()):
        assert len(set(splits[groups == group].tolist())) == 1
