import pytest

from tagger.errors import InputError
from tests.train import trees
from tests.train.sound import assert_sound, of
from train.datasets import mtat
from train.datasets.audio import Where
from train.datasets.folder import load as load_folder
from train.datasets.splitting import artists_of
from train.datasets.table import load as load_csv


def test_folder_takes_labels_from_folders_and_splits_evenly(tmp_path):
    """80, 10 and 10 of 100 of each genre."""
    for genre in ("blues", "jazz"):
        for i in range(20):
            trees.touch(tmp_path / genre / "album" / f"{i}.mp3")
    trees.touch(tmp_path / "blues" / "cover.jpg")
    clips = load_folder(Where(root=tmp_path))
    assert_sound(clips)
    assert clips.labels == ("blues", "jazz")
    for split, count in (("train", 16), ("valid", 2), ("test", 2)):
        assert clips.targets[clips.splits == split].sum(axis=0).tolist() == [count, count]


@pytest.mark.parametrize("valid", ["valid", "val"])
def test_folder_respects_given_sides(tmp_path, valid):
    """train/, valid/ (or val/) and test/ are what they say."""
    for side in ("train", valid, "test"):
        for genre in ("a", "b"):
            trees.touch(tmp_path / side / genre / f"{side}.flac")
    clips = load_folder(Where(root=tmp_path))
    assert of(clips, "valid") == [f"{valid}/{genre}/{valid}.flac" for genre in "ab"]


@pytest.mark.data
def test_no_artist_of_genres_8k_stands_on_two_sides(data):
    """Its file names tell the artist."""
    clips = load_folder(Where(root=data / "genres-8k"))
    assert_sound(clips)
    assert len(clips) == 300
    assert len(set(clips.groups.tolist())) < 300
    shares = clips.targets[clips.splits == "train"].sum(axis=0)
    assert ((shares >= 75) & (shares <= 85)).all()


def test_a_dash_alone_proves_no_artist():
    """Numbered files are not by one artist; real names group."""
    stems = [f"track-{i}" for i in range(9)]
    assert artists_of(stems, ["a"] * 9).tolist() == stems
    stems = ["A - x", "A - y", "B - x", "C - z"]
    assert artists_of(stems, ["a"] * 4).tolist() == ["a", "a", "b", "c"]


def test_csv_reads_labels_splits_and_artists(tmp_path):
    """Several labels make it multi-label; usual names of splits are understood."""
    for name in "abc":
        trees.touch(tmp_path / f"{name}.mp3")
    (tmp_path / "list.csv").write_text(
        "path,labels,split,artist\na.mp3,rock|pop,training,x\nb.mp3,pop,val,y\nc.mp3,,test,z\n"
    )
    clips = load_csv(Where(root=tmp_path))
    assert_sound(clips)
    assert (clips.labels, clips.kind) == (("pop", "rock"), "multi")
    assert clips.splits.tolist() == ["train", "valid", "test"]
    assert clips.targets.tolist() == [[1, 1], [1, 0], [0, 0]]


@pytest.mark.data
def test_csv_reads_a_real_table(data):
    """The excerpts of GTZAN with their own index."""
    clips = load_csv(Where(root=data / "gtzan-audio" / "index.csv"))
    assert_sound(clips)
    assert (len(clips), clips.kind) == (99, "single")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,labels\na.mp3,x\n", "`path` and `labels`"),
        ("path,labels\n", "line 2"),
        ("path,labels,split\na.mp3,x,maybe\n", "line 2: split 'maybe'"),
        ("path,labels\ngone.mp3,x\na.mp3,y\n", "1 of 2 recordings"),
    ],
)
def test_a_wrong_table_is_named(tmp_path, text, said):
    """File and line, and what was expected."""
    trees.touch(tmp_path / "a.mp3")
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        load_csv(Where(root=tmp_path))


def test_missing_clips_are_left_out_only_on_request(tmp_path):
    """Nothing is half-loaded in silence: an error first, a notice with --partial."""
    root = trees.mtat(tmp_path / "mtat")
    next((root / "c").iterdir()).unlink()
    with pytest.raises(InputError, match=r"1 of 14 .*c/artist_12.*mirg\.city.*--partial"):
        mtat.load(Where(root=root))
    clips = mtat.load(Where(root=root, partial=True))
    assert len(clips) == 13
    assert any("left out" in notice for notice in clips.notices)
