"""A new tag hides an older kind of tag from most readers: it says what that says."""

import struct

import av
import pytest
from mutagen.id3 import ID3
from mutagen.wave import WAVE

from tagger.errors import WriteError
from tagger.tags import read_tags
from tagger.tags.id3.begun import begun_with_info
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.prepared import prepare
from tests.synth_audio import make_audio
from tests.tags.readers import shown_by_taglib, shown_genres
from tests.tags.second_places import APE_ITEMS, behind, both, front, written
from tests.tags.test_id3 import frame, tag
from tests.tags.test_riff import with_list

TEXTS = (b"A title", b"Beyonc\xe9", b"An album")
ID3V1 = b"".join(
    [
        b"TAG",
        *(text.ljust(30, b"\0") for text in TEXTS),
        b"1999" + b"A comment".ljust(28) + bytes([0, 7, 8]),
    ]
)
SAID = {
    "TITLE": ["A title"], "ARTIST": ["Beyonc\xe9"], "ALBUM": ["An album"], "DATE": ["1999"],
    "COMMENT": ["A comment"], "TRACKNUMBER": ["7"],
}  # fmt: skip
INFO = (
    (b"INAM", b"A title\0"), (b"IART", "Beyonc\xe9\0".encode()), (b"IPRD", b"An album\0"),
    (b"ICRD", b"1999\0"), (b"ICMT", b"A comment\0"), (b"IPRT", b"7\0"), (b"IGNR", b"Jazz\0"),
)  # fmt: skip


@pytest.fixture
def song(tmp_path):
    """A file of one kind without any tag."""

    def make(kind, change):
        path = make_audio(tmp_path, kind, duration_s=0.2)
        if kind == "mp3":
            ID3(path).delete()
        change(path)
        return path

    return make


def shown_by_ffmpeg(path):
    """What FFmpeg shows of title, album and date."""
    with av.open(str(path), metadata_errors="replace") as opened:
        return {key: opened.metadata.get(key) for key in ("title", "album", "date", "track")}


def with_info(path):
    """RIFF INFO behind the samples."""
    with_list(path, *INFO)


def empty_chunk(path):
    """A chunk for a tag, with none in it."""
    data = path.read_bytes() + b"id3 " + bytes(4)
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])


BLANK = tag(padding=600)
BLANK_23 = tag(version=3, padding=600)
OLDER = {
    "mp3": behind(ID3V1),
    "blank tag": both(front(BLANK), behind(ID3V1)),
    "blank tag of 2.3": both(front(BLANK_23), behind(ID3V1)),
    "wav": with_info,
    "empty chunk": both(with_info, empty_chunk),
}


@pytest.mark.parametrize("genres", [("Zouk",), ("Jazz", "Zouk")])
@pytest.mark.parametrize("case", OLDER)
def test_title_and_artist_stay_in_sight(song, case, genres):
    """Readers that ask ID3v2 first still show all that they showed before."""
    kind = "wav" if case in {"wav", "empty chunk"} else "mp3"
    path = song(kind, OLDER[case])
    by_ffmpeg = shown_by_ffmpeg(path)
    assert shown_by_taglib(path) == SAID
    written(path, genres)
    assert shown_by_taglib(path) == SAID
    assert shown_by_ffmpeg(path) == by_ffmpeg
    frames = WAVE(path).tags if kind == "wav" else ID3(path, load_v1=False)
    assert (frames["TIT2"], frames["TPE1"]) == ("A title", "Beyonc\xe9")


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("case", ["mp3", "blank tag", "blank tag of 2.3", "wav"])
def test_in_the_version_that_was_asked_for(song, case, version):
    """The words are carried over into either version."""
    path = song("wav" if case == "wav" else "mp3", OLDER[case])
    options = WriteOptions(id3v2_version=version)
    assert write_genres(path, ["Zouk"], options=options)
    assert shown_by_taglib(path) == SAID
    frames = WAVE(path, translate=False).tags if case == "wav" else ID3(path, translate=False)
    assert frames.version[1] == version


def test_bytes_of_another_code_page_stay_what_they_are(song):
    """Players guess the code page of texts that call themselves Latin-1."""
    cyrillic = "Кино".encode("cp1251")
    path = song("mp3", behind(ID3V1.replace(b"A title", cyrillic.ljust(7, b"\0"))))
    assert write_genres(path, ["Zouk"])
    assert b"TIT2\0\0\0\5\0\0\0" + cyrillic in path.read_bytes()


@pytest.mark.parametrize("year", [b"19??", b"\0\0\0\0", b"99\0\0", b"    "])
def test_a_year_that_is_none_is_left_behind(song, year):
    """All else is carried over."""
    path = song("mp3", behind(ID3V1.replace(b"1999", year)))
    assert write_genres(path, ["Zouk"])
    assert shown_by_taglib(path) == {key: said for key, said in SAID.items() if key != "DATE"}


def test_a_comment_of_id3v1_counts_where_comments_are_written(song):
    """What is appended stands behind it."""
    path = song("mp3", behind(ID3V1))
    assert read_tags(path, fields=["comment"]).others["comment"] == ("A comment",)
    with prepare(path, None, others={"comment": ("A comment", "calm")}) as prepared:
        prepared.commit()
    assert shown_by_taglib(path) == SAID | {"COMMENT": ["A comment; calm"]}
    assert shown_genres(path)["TagLib"] == ["Jazz"]


@pytest.mark.parametrize("case", OLDER)
def test_where_another_field_is_written_the_genre_stays_in_sight(song, case):
    """The new tag hides the genre, too, and so it says that as well."""
    path = song("wav" if case in {"wav", "empty chunk"} else "mp3", OLDER[case])
    with prepare(path, None, others={"mood": ("calm",)}) as prepared:
        prepared.commit()
    assert {*map(tuple, shown_genres(path).values())} == {("Jazz",)}
    assert read_tags(path).genres == ("Jazz",)
    assert shown_by_taglib(path) == SAID | {"MOOD": ["calm"]}


@pytest.mark.parametrize(
    "change",
    [
        both(front(tag(frame(b"TALB", b"\3Another"))), behind(ID3V1)),
        both(front(BLANK, tag(frame(b"TALB", b"\3Another"))), behind(ID3V1)),
        behind(APE_ITEMS, ID3V1),
    ],
)
def test_nothing_is_carried_over_beside_a_tag_that_hides_it(song, change):
    """ID3v2 and APEv2 that say something have hidden ID3v1 before."""
    path = song("mp3", change)
    written(path, ("Zouk",))
    assert path.read_bytes().count(b"A title") == 1


def test_to_remove_a_genre_makes_no_tag(song):
    """A file without ID3v2 has none afterwards."""
    path = song("mp3", behind(ID3V1))
    assert write_genres(path, [])
    assert path.read_bytes()[-128:] == ID3V1[:-1] + b"\xff"
    assert path.read_bytes()[:3] != b"ID3"


def test_another_title_than_the_lists_is_noticed_by_a_reader_of_its_own(song, monkeypatch):
    """What carries the words over is not its own judge: FFmpeg is, and nothing is written."""

    def wrong(entries, genres):
        return begun_with_info(
            [(key, text.replace("A title", "X")) for key, text in entries], genres
        )

    path = song("wav", with_info)
    before = path.read_bytes()
    monkeypatch.setattr("tagger.tags.riff.riff.begun_with_info", wrong)
    with pytest.raises(
        WriteError, match="FFmpeg, another reader, would see a different 'title'"
    ):
        write_genres(path, ["Zouk"])
    assert path.read_bytes() == before


@pytest.mark.parametrize("date", ["2019", "2019-05", "2019-05-17", "May 2019"])
def test_a_date_says_as_much_as_before(song, date):
    """In full where ID3v2.4 has room for it; one that it has none for is left to the list."""
    entries = [(key, date.encode() + b"\0" if key == b"ICRD" else text) for key, text in INFO]
    path = song("wav", lambda path: with_list(path, *entries))
    by_ffmpeg = shown_by_ffmpeg(path)
    written(path, ("Zouk",))
    assert shown_by_ffmpeg(path) == by_ffmpeg
