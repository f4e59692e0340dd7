"""Old iTunes: the three-letter ids of ID3v2.2, padded to four, in a tag of a later version."""

import pytest
import taglib
from mutagen.id3 import ID3

from tagger.errors import UnsupportedTagError
from tagger.tags import read_tags
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.synth_audio import make_audio
from tests.tags.test_id3 import frame, tag

PADS = [b"\0", b" "]


def song(folder, *frames, version=3):
    """An mp3 with these frames."""
    path = make_audio(folder, "mp3")
    data = path.read_bytes()
    stream = data[10 + int.from_bytes(data[6:10], "big") :]
    path.write_bytes(tag(*frames, version=version, padding=64) + stream)
    return path


def genres_seen(path):
    """What TagLib and mutagen show."""
    with taglib.File(path) as opened:
        shown = opened.tags.get("GENRE", [])
    return shown, ID3(path)["TCON"].text if "TCON" in ID3(path) else []


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("pad", PADS)
def test_the_genre_is_read(tmp_path, pad, version):
    """Numbers too are words, as in any other genre frame."""
    path = song(
        tmp_path, frame(b"TT2" + pad, b"\0A", version), frame(b"TCO" + pad, b"\0(17)", version)
    )
    assert read_tags(path).genres == ("Rock",)


@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("twice", [False, True])
def test_the_new_genre_takes_its_place(tmp_path, pad, twice):
    """No reader shows the old one, also where a whole id stands beside it; titles stay."""
    kept = [frame(b"TT2" + pad, b"\0A", 3), frame(b"COM" + pad, b"\0eng\0words", 3)]
    old = [frame(b"TCO" + pad, b"\0Jazz", 3)]
    old += [frame(b"TCON", b"\0Soul", 3)] if twice else []
    path = song(tmp_path, kept[0], *old, kept[1])
    assert write_genres(path, ["Jazz", "Rock"])
    assert genres_seen(path) == (["Jazz; Rock"], ["Jazz; Rock"])
    data = path.read_bytes()
    assert kept[0] in data
    assert kept[1] in data
    assert b"TCO" + pad not in data
    write_genres(path, [])
    assert genres_seen(path) == ([], [])


def test_other_fields_are_found_and_replaced(tmp_path):
    """Comment and grouping have short ids too."""
    path = song(tmp_path, frame(b"COM\0", b"\0eng\0words", 3), frame(b"TT1\0", b"\0A", 3))
    info = read_tags(path, fields=["comment", "grouping"])
    assert (info.values("comment"), info.values("grouping")) == (("words",), ("A",))
    write_genres(path, None, others={"comment": ["more"], "grouping": ["B"]})
    assert b"COM\0" not in path.read_bytes()
    assert str(ID3(path)["COMM::eng"]) == "more"
    assert str(ID3(path)["TIT1"]) == "B"


@pytest.mark.parametrize("pad", PADS)
def test_such_a_tag_is_not_converted(tmp_path, pad):
    """Readers differ in what its frames are; in its own version they can stay as they are."""
    path = song(tmp_path, frame(b"TT2" + pad, b"\0A", 3))
    before = path.read_bytes()
    with pytest.raises(UnsupportedTagError, match="TT2"):
        write_genres(path, ["Rock"], options=WriteOptions(id3v2_version=4))
    assert path.read_bytes() == before
