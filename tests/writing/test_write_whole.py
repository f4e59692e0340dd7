"""A file of our own is whole and lasts, or is not there."""

from pathlib import Path

import pytest

from tagger.writing import filecopy


def test_a_file_and_the_folders_above_it_last(tmp_path, monkeypatch):
    """Each new folder is lasting by its name in the one above, up to the one that was there."""
    synced = []
    monkeypatch.setattr(filecopy, "sync_folder", synced.append)
    path = tmp_path / "a" / "b" / "part"
    filecopy.write_whole(path, b"old", below=tmp_path)
    assert synced == [tmp_path / "a" / "b", tmp_path / "a", tmp_path]
    filecopy.write_whole(path, b"new", below=tmp_path)
    assert path.read_bytes() == b"new"


def test_what_cannot_be_put_in_place_leaves_nothing(tmp_path, monkeypatch):
    """The old content stays, and no copy beside it."""
    path = tmp_path / "part"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        filecopy.write_whole(path, b"new", below=tmp_path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
