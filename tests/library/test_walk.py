import os
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.library.walk import find_folders, find_tracks, is_audio_name, require_tracks


@pytest.fixture
def music(tmp_path):
    """A folder with four tracks, and what is none."""
    for name in (
        "b/2.FLAC",
        "b/1.mp3",
        "a.ogg",
        "c.txt",
        ".hidden/3.mp3",
        "b/._1.mp3",
        "z.Mp3",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def names(folder, **options):
    """The found tracks, relative to the folder."""
    found = find_tracks([folder], **options)
    return [path.relative_to(folder).as_posix() for path in found]


def test_order(music):
    """Files come by name before folders, suffixes count in any case, hidden things do not."""
    assert names(music) == ["a.ogg", "z.Mp3", "b/1.mp3", "b/2.FLAC"]
    assert names(music, limit=2) == ["a.ogg", "z.Mp3"]
    assert names(music, limit=0) == []


def test_named(music):
    """A file named by the user is taken whatever it is called, once."""
    odd = [music / "c.txt", music / ".hidden" / "3.mp3", music / "c.txt"]
    assert list(find_tracks(odd)) == odd[:2]


def test_loop(music):
    """Links that run in circles end, and no folder is entered twice."""
    (music / "b" / "up").symlink_to(music)
    (music / "self.mp3").symlink_to(music / "self.mp3")
    assert sorted(names(music)) == ["a.ogg", "b/1.mp3", "b/2.FLAC", "self.mp3", "z.Mp3"]


def test_linked_file(music):
    """A linked file has two names and is found under both; so is a dangling link."""
    (music / "d.mp3").symlink_to(music / "a.ogg")
    (music / "e.mp3").symlink_to(music / "gone")
    assert names(music)[:4] == ["a.ogg", "d.mp3", "e.mp3", "z.Mp3"]


def test_fifo(music):
    """A named pipe is found without being opened."""
    os.mkfifo(music / "pipe.wav")
    assert "pipe.wav" in names(music)


def test_folder_with_suffix(music):
    """A folder called like a track is a folder: audio in it is found, and nothing else."""
    (music / "x.mp3").mkdir()
    (music / "y.flac").mkdir()
    (music / "y.flac" / "1.flac").touch()
    (music / "x.mp3" / "deep").mkdir()
    (music / "x.mp3" / "deep" / "2.mp3").touch()
    assert names(music)[4:] == ["x.mp3/deep/2.mp3", "y.flac/1.flac"]


def test_named_folder_with_suffix(tmp_path):
    """A folder that the user named is a folder, whatever it is called."""
    (tmp_path / "x.mp3").mkdir()
    assert list(find_tracks([tmp_path / "x.mp3"])) == []


def test_unreadable_folder(music, monkeypatch):
    """A folder that cannot be listed is reported, and the others are walked."""
    opened = os.open

    def open_all_but_one(path, *args):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args)

    monkeypatch.setattr(os, "open", open_all_but_one)
    told = []
    assert names(music, on_error=lambda *what: told.append(what)) == ["a.ogg", "z.Mp3"]
    assert told == [(music / "b", "the folder cannot be listed (Permission denied)")]
    assert names(music) == ["a.ogg", "z.Mp3"]


def test_lazy(music):
    """Folders are listed only when they are reached."""
    tracks = find_tracks([music])
    assert next(tracks).name == "a.ogg"
    (music / "b" / "0.mp3").touch()
    assert [path.name for path in tracks] == ["z.Mp3", "0.mp3", "1.mp3", "2.FLAC"]


@pytest.mark.parametrize("paths", [[], ["gone"], ["a.ogg", "gone"], ["bad\0name"]])
def test_refused(music, paths):
    """No path, or one that is not there, is refused before the first track is asked for."""
    with pytest.raises(InputError, match=r"\.$"):
        find_tracks([music / path for path in paths])


def test_require(music, tmp_path):
    """An empty result is refused; any other comes through unchanged."""
    tracks = require_tracks(find_tracks([music]), paths=[music])
    assert len(list(tracks)) == 4
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no audio file"):
        require_tracks(find_tracks([tmp_path / "empty"]), paths=[tmp_path / "empty"])


@pytest.mark.parametrize("name", ["a.mp3", "A.M4A", "x.y.opus", "w.WV", "b.dsf", "c.mka"])
def test_audio_name(name):
    """Suffixes of audio containers are known in any case."""
    assert is_audio_name(name)


@pytest.mark.parametrize("name", ["mp3", ".mp3", "cover.jpg", "a.mp3.part", "a.cue", "a.nfo"])
def test_other_name(name):
    """Other names are not taken for audio."""
    assert not is_audio_name(name)


def test_folders(music):
    """Folder by folder the same files in the same order, with size and times; none is empty."""
    (music / "b" / "1.mp3").write_bytes(b"four")
    (music / "d.mp3").symlink_to(music / "b" / "1.mp3")
    (music / "e.mp3").symlink_to(music / "gone")
    (music / "only.txt").mkdir()
    os.mkfifo(music / "pipe.wav")
    found = list(find_folders([music]))
    paths = [listing.folder / entry[0] for listing in found for entry in listing.files]
    assert paths == list(find_tracks([music]))
    assert all(listing.files and listing.is_whole for listing in found)
    for listing in found:
        for entry in listing.files:
            path = listing.folder / entry[0]
            if not path.is_file():
                assert entry == (entry[0], -1, 0, 0, 0, 0)
                continue
            status = path.stat()
            assert entry[1:] == (
                status.st_size,
                status.st_mtime_ns,
                status.st_ino,
                status.st_nlink,
                status.st_ctime_ns,
            )


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 9])
def test_limited_folders(music, limit):
    """A limit counts files; a folder of which some are left out is not whole."""
    found = list(find_folders([music], limit=limit))
    assert sum(len(listing.files) for listing in found) == min(limit, 4)
    assert [listing.is_whole for listing in found] == {1: [False], 3: [True, False]}.get(
        limit, [True] * (min(limit, 4) // 2)
    )


def test_a_named_file_is_no_whole_folder(music):
    """Nothing is said of the files beside it."""
    (found,) = find_folders([music / "a.ogg"])
    assert (found.folder, found.files[0][0], len(found.files)) == (music, "a.ogg", 1)
    assert not found.is_whole


def test_files_named_in_a_row_are_one_listing_of_their_folder(tmp_path):
    """What is stored of a folder is then read once; their order, and folders', stays."""
    for name in ("a/1.mp3", "a/2.mp3", "b/3.mp3", "c/4.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    a, b, c = (tmp_path / one for one in "abc")
    named = [a / "2.mp3", a / "1.mp3", b / "3.mp3", c, a / "1.mp3", b / "3.mp3", c / "4.mp3"]
    found = [
        (one.folder, [entry[0] for entry in one.files], one.is_whole)
        for one in find_folders(named)
    ]
    assert found == [
        (a, ["2.mp3", "1.mp3"], False),
        (b, ["3.mp3"], False),
        (c, ["4.mp3"], True),
        (c, ["4.mp3"], False),
    ]
