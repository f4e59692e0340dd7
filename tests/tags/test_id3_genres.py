"""Genres as ID3 has spelled them since 1996: told as they stand, and kept letter by letter."""

import pytest
from mutagen.id3 import ID3
from mutagen.mp3 import MP3

from tagger.genres.rules import GenreRules, merged
from tagger.tags import read_tags
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.synth_audio import make_audio
from tests.tags.test_id3 import frame, saved, tag

RULES = GenreRules()


@pytest.fixture
def stream(tmp_path):
    """MPEG frames without any tag."""
    path = make_audio(tmp_path, "mp3", duration_s=0.2)
    MP3(path).delete()
    return path.read_bytes()


def with_genre(tmp_path, stream, text, version):
    """An mp3 with these letters in its TCON."""
    body = b"\3" + text.encode() if version == 4 else b"\1\xff\xfe" + text.encode("utf-16-le")
    return saved(tmp_path, tag(frame(b"TCON", body, version), version=version) + stream)


def append(path, *heard, separator="; "):
    """What `--policy append` does; returns the letters in TCON afterwards."""
    options = WriteOptions(id3v23_separator=separator)
    info = read_tags(path, style=options.style)
    genres = merged(info.genres, heard, RULES, policy="append")
    write_genres(path, genres, options=options)
    assert read_tags(path, style=options.style).genres == genres
    return ID3(path, translate=False)["TCON"].text


TOLD = {
    "80s": ("80s",),
    "20er Jahre": ("20er Jahre",),
    "1984": ("1984",),
    "2-Step": ("2-Step",),
    "4/4": ("4/4",),
    "80": ("Folk",),
    "007": ("Hip-Hop",),
    "200": ("200",),
    "²": ("²",),
    "\uff18\uff10": ("\uff18\uff10",),
    "(80s)": ("(80s)",),
    "((80s) hits": ("(80s) hits",),
    "(I Can't Get No)": ("(I Can't Get No)",),
    "(1984)": ("(1984)",),
    "(17)(1984)": ("Rock", "(1984)"),
    "(17)Rock": ("Rock",),
    "(17)ROCK": ("Rock",),
    "(17)(RX)": ("Rock", "Remix"),
    "255": (),
    "(255)": (),
    "(255)Polka Punk": ("Polka Punk",),
    "(17": ("(17",),
}


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("text", TOLD)
def test_a_genre_is_told_as_it_stands(tmp_path, stream, text, version):
    """Numbers of the list are words, 255 is none, and nothing becomes the word Unknown."""
    path = with_genre(tmp_path, stream, text, version)
    assert read_tags(path).genres == TOLD[text]


@pytest.mark.parametrize("text", [text for text, genres in TOLD.items() if genres])
def test_append_keeps_every_letter(tmp_path, stream, text):
    """In 2.4 the old string stays beside the new one."""
    path = with_genre(tmp_path, stream, text, 4)
    assert append(path, "Zouk") == [text, "Zouk"]


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("80s", "80s; Zouk"),
        ("\uff18\uff10", "\uff18\uff10; Zouk"),
        ("((80s) hits", "((80s) hits; Zouk"),
        ("(80s)", "(80s); Zouk"),
        ("200", "200; Zouk"),
        ("(1984)", "((1984); Zouk"),  # a bare one would be a number to other readers
        ("(17)Rock", "Rock; Zouk"),
        ("(17) Rock", "Rock; Zouk"),
        ("(17)", "Rock; Zouk"),
        ("(17)(RX)", "Rock; Remix; Zouk"),
        ("255", "Zouk"),
        ("Rock;Pop", "Rock;Pop; Zouk"),
        ("Rock; (80s)", "Rock; (80s); Zouk"),
        ("Rock;", "Rock; Zouk"),
    ],
)
def test_in_one_joined_string_only_references_become_words(tmp_path, stream, text, letters):
    """Behind a reference all would be one name; everything else keeps its letters."""
    path = with_genre(tmp_path, stream, text, 3)
    assert append(path, "Zouk") == [letters]


@pytest.mark.parametrize("version", [3, 4])
def test_a_genre_that_stands_twice_is_stored_once(tmp_path, stream, version):
    """In one frame or in two, in whatever case; the first spelling stays."""
    frames = [
        frame(b"TCON", b"\0" + name, version) for name in (b"Jazz", b"JAZZ", b"(8)", b"Ska")
    ]
    path = saved(tmp_path, tag(*frames, version=version) + stream)
    assert append(path, "jazz", "Zouk") in (["Jazz", "Ska", "Zouk"], ["Jazz; Ska; Zouk"])


@pytest.mark.parametrize("kind", ["flac", "m4a-aac", "wma", "wavpack"])
def test_other_containers_store_it_once_too(tmp_path, kind):
    """The rule is the same for lists of any kind."""
    path = make_audio(tmp_path, kind, duration_s=0.2)
    write_genres(path, ["Jazz", "JAZZ", "((80s) hits"])
    genres = merged(read_tags(path).genres, ("Zouk",), RULES, policy="append")
    write_genres(path, genres)
    assert read_tags(path).genres == ("Jazz", "((80s) hits", "Zouk")


def test_twice_alone_is_no_reason_to_write():
    """Nothing new was heard: nothing changes."""
    assert merged(("Jazz", "jazz"), ("JAZZ",), RULES, policy="append") == ("Jazz", "jazz")


def test_another_field_leaves_the_letters_of_the_genre(tmp_path, stream):
    """A mood is written, the old spelling stays."""
    path = with_genre(tmp_path, stream, "(17)(RX)", 4)
    write_genres(path, None, others={"mood": ["calm"]})
    assert ID3(path, translate=False)["TCON"].text == ["(17)(RX)"]


def test_the_frame_of_a_new_version_means_the_same(tmp_path, stream):
    """A tag that is converted spells what it held anew."""
    path = with_genre(tmp_path, stream, "((80s) hits", 3)
    write_genres(path, ["(80s) hits", "Zouk"], options=WriteOptions(id3v2_version=4))
    assert ID3(path, translate=False)["TCON"].text == ["((80s) hits", "Zouk"]
