"""A file that is moved to its place once it is whole."""

import pytest

from tagger.system.whole_file import whole_file


def test_the_new_takes_the_place_of_the_old(tmp_path):
    """Until then whoever reads finds the old one."""
    path = tmp_path / "sizes.json"
    path.write_text("old")
    with whole_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_at_once_the_last_stays(tmp_path):
    """Each writes beside under a name of its own."""
    path = tmp_path / "sizes.json"
    with whole_file(path) as first:
        first.write_text("first")
        with whole_file(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_old_and_nothing_beside(tmp_path):
    """Also where it ends before anything was written."""
    path = tmp_path / "sizes.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), whole_file(path) as part:
        part.write_text("half\udcff", encoding="utf-8")
    with pytest.raises(FileNotFoundError), whole_file(path):
        pass
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_may_be_as_long_as_names_may_be(tmp_path):
    """The one beside it is cut."""
    path = tmp_path / ("é" * 125 + ".json")
    with whole_file(path) as part:
        part.write_text("new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_is_a_folder_is_an_error(tmp_path):
    """The folder stays, and nothing beside it."""
    path = tmp_path / "sizes.json"
    path.mkdir()
    with pytest.raises(OSError, match=r"sizes\.json"), whole_file(path) as part:
        part.write_text("new")
    assert list(tmp_path.iterdir()) == [path]
