"""`id3v2_version`: a tag becomes another version's, or stays and says why."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.id3 import (
    APIC,
    COMM,
    ID3,
    PRIV,
    SEEK,
    TALB,
    TCON,
    TDOR,
    TDRC,
    TDRL,
    TIPL,
    TIT2,
    TMOO,
    TPE1,
    TSOP,
    TXXX,
    UFID,
    USLT,
    WXXX,
    Encoding,
)

from tagger.errors import UnsupportedTagError
from tagger.tags import Style, read_tags
from tagger.tags.base import open_source
from tagger.tags.payload import payload_hash
from tagger.writing.filecopy import copy_patched
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.prepared import prepare
from tests.synth_audio import make_audio

THREE, FOUR = (WriteOptions(id3v2_version=version) for version in (3, 4))
PICTURE = b"\x89PNG\xff\xe0\xff\x00" * 300


@pytest.fixture
def song(tmp_path):
    """A function that gives an mp3 these frames, in a version."""
    original = make_audio(tmp_path, "mp3", name="original", duration_s=0.1)

    def make(*frames, version=4):
        path = tmp_path / "song.mp3"
        path.write_bytes(original.read_bytes())
        tag = ID3()
        for frame in frames:
            tag.add(frame)
        tag.save(path, v2_version=version, v23_sep="; ")
        return path

    return make


def rich(encoding):
    """Frames of every shape that is carried over."""
    return [
        TIT2(encoding=encoding, text=["Ünïcode ♫"]),
        TPE1(encoding=encoding, text=["Björk"]),
        TSOP(encoding=encoding, text=["Bjork"]),
        TDRC(encoding=encoding, text=["2004-11-21T08:15"]),
        TDOR(encoding=encoding, text=["1999"]),
        TDRL(encoding=encoding, text=["2004-11"]),
        TIPL(encoding=encoding, people=[["producer", "Ä"], ["mix", "♫"]]),
        TCON(encoding=encoding, text=["Rock", "Pop"]),
        TXXX(encoding=encoding, desc="MusicBrainz Ü", text=["a-b-c"]),
        COMM(encoding=encoding, lang="deu", desc="", text=["schön\nund gut"]),
        COMM(encoding=encoding, lang="eng", desc="iTunNORM ♫", text=[" 0000"]),
        USLT(encoding=encoding, lang="eng", desc="", text="la ♫\nla"),
        WXXX(encoding=encoding, desc="Sïte", url="http://example.invalid/"),
        APIC(encoding=encoding, mime="image/png", type=3, desc="Fröntal ♫", data=PICTURE),
        UFID(owner="http://musicbrainz.org", data=b"\x00\xff\xe0"),
        PRIV(owner="x", data=b"\xff\x00\xff\xfe"),
    ]


def said(path):
    """Every frame as mutagen understands it, in 2.4's terms; of a date it invents seconds."""
    frames = ID3(path)
    for part in frames.getall("TDRC"):
        part.text = [str(part.text[0])[:16]]
    return {
        key: (getattr(frame, "text", None) and list(map(str, frame.text)))
        or getattr(frame, "data", None)
        or getattr(frame, "url", None)
        or getattr(frame, "people", None)
        for key, frame in frames.items()
    }


@pytest.mark.parametrize("encoding", [Encoding.UTF8, Encoding.UTF16, Encoding.UTF16BE])
def test_four_becomes_three_and_four_again(song, tmp_path, encoding):
    """Mutagen finds every frame as it was, in each version; undo gives the bytes back."""
    path = song(*rich(encoding))
    before, payload = path.read_bytes(), payload_hash(path, "mp3")
    frames = said(path)
    with prepare(path, ["Jazz", "Soul"], options=THREE) as prepared:
        prepared.commit()
    tag = ID3(path, translate=False)
    assert tag.version == (2, 3, 0)
    assert tag["TCON"].text == ["Jazz; Soul"]
    assert (tag["TYER"].text, tag["TDAT"].text) == (["2004"], ["2111"])
    assert (tag["TIME"].text, tag["TORY"].text) == (["0815"], ["1999"])
    assert {frame.encoding for frame in tag.values() if hasattr(frame, "encoding")} <= {0, 1}
    frames["TCON"] = ["Jazz; Soul"]
    assert said(path) == frames
    assert payload_hash(path, "mp3") == payload
    back = tmp_path / "back"
    with open_source(path) as source:
        copy_patched(source, back, prepared.undo)
    assert back.read_bytes() == before

    assert write_genres(path, ["Rock", "Pop"], options=FOUR)
    tag = ID3(path, translate=False)
    assert tag.version == (2, 4, 0)
    assert str(tag["TDRC"].text[0]) == "2004-11-21 08:15"
    frames["TCON"] = ["Rock", "Pop"]
    assert said(path) == frames


def test_the_genre_is_respelled_when_another_field_is_written(song):
    """2.3 holds one joined string; our reader and the separator still find both."""
    path = song(*rich(Encoding.UTF8))
    assert write_genres(path, None, others={"grouping": ["Night"]}, options=THREE)
    assert ID3(path, translate=False)["TCON"].text == ["Rock; Pop"]
    assert read_tags(path).genres == ("Rock", "Pop")


def test_the_mood_changes_its_frame(song):
    """TMOO is new in 2.4; 2.3 holds it as TXXX."""
    path = song(TMOO(encoding=3, text=["calm"]), TIT2(encoding=3, text=["A"]))
    write_genres(path, ["Rock"], options=THREE)
    assert ID3(path, translate=False)["TXXX:MOOD"].text == ["calm"]
    write_genres(path, ["Pop"], options=FOUR)
    assert read_tags(path, fields=["mood"]).values("mood") == ("calm",)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (TPE1(encoding=3, text=["A", "B"]), "TPE1 has several values"),
        (TXXX(encoding=3, desc="d", text=["A", "B"]), "TXXX has several values"),
        (TDRC(encoding=3, text=["2004-11"]), "2004-11"),
        (TDOR(encoding=3, text=["1999-01-02"]), "more than a year"),
        (SEEK(offset=1), "knows no frame SEEK"),
    ],
)
def test_what_has_no_place_in_three_is_refused(song, frame, reason):
    """The file stays as it is, and the reading says so before anybody writes."""
    path = song(frame, TIT2(encoding=3, text=["A"]))
    before = path.read_bytes()
    assert reason in read_tags(path, style=Style(id3v2_version=3)).unwritable
    with pytest.raises(UnsupportedTagError, match=reason):
        write_genres(path, ["Rock"], options=THREE)
    assert path.read_bytes() == before
    assert write_genres(path, ["Rock"], options=FOUR)
    assert ID3(path).version == (2, 4, 0)


def test_version_two_is_converted_when_asked(tmp_path, song):
    """Short frames get their long names, and the picture its type."""
    path = song(TIT2(encoding=3, text=["x"]))
    stream = path.read_bytes()[ID3(path).size :]
    short = [
        (b"TT2", b"\x00A title"),
        (b"TYE", b"\x001999"),
        (b"TDA", b"\x000203"),
        (b"TCO", b"\x00(17)"),
        (b"COM", b"\x00eng\x00Words"),
        (b"PIC", b"\x00PNG\x03d\x00" + PICTURE),
    ]
    body = b"".join(name + len(data).to_bytes(3, "big") + data for name, data in short)
    head = b"ID3\x02\x00\x00" + bytes([0, 0, len(body) >> 7, len(body) & 0x7F])
    for version, options in ((3, THREE), (4, FOUR)):
        path.write_bytes(head + body + stream)
        assert write_genres(path, ["Pop"], options=options)
        tag = ID3(path)
        assert ID3(path, translate=False).version == (2, version, 0)
        assert tag["TIT2"].text == ["A title"]
        assert str(tag["TDRC"].text[0]) == "1999-03-02"
        assert tag["TCON"].text == ["Pop"]
        assert tag["COMM::eng"].text == ["Words"]
        assert (tag["APIC:d"].mime, tag["APIC:d"].data) == ("image/png", PICTURE)
        assert path.read_bytes().endswith(stream)


def test_three_with_an_odd_date_stays(song):
    """A day without a year cannot be said in 2.4."""
    path = song(TIT2(encoding=1, text=["A"]), TALB(encoding=1, text=["B"]), version=3)
    data = path.read_bytes().replace(b"TALB", b"TDAT")
    path.write_bytes(data)
    with pytest.raises(UnsupportedTagError, match="date"):
        write_genres(path, ["Rock"], options=FOUR)
    assert path.read_bytes() == data


@pytest.mark.parametrize("kind", ["mp3", "wav", "aiff", "dsf"])
@pytest.mark.parametrize("version", [3, 4])
def test_a_new_tag_gets_the_version(tmp_path, kind, version):
    """Where there is none, the version is the one asked for."""
    path = make_audio(tmp_path, kind, duration_s=0.1)
    if path.read_bytes()[:3] == b"ID3":  # FFmpeg's own, with the encoder's name
        data = path.read_bytes()
        path.write_bytes(data[10 + int.from_bytes(data[6:10], "big") :])
    options = WriteOptions(id3v2_version=version)
    assert write_genres(path, ["Rock", "Pop"], options=options)
    assert path.read_bytes().count(b"ID3" + bytes([version, 0])) == 1
    assert read_tags(path).genres == ("Rock", "Pop")


word = st.text(
    st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"]), min_size=1
)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    texts=st.lists(word, min_size=3, max_size=3),
    encoding=st.sampled_from([Encoding.UTF16, Encoding.UTF16BE, Encoding.UTF8]),
    data=st.binary(),
)
def test_any_text_survives_a_conversion(song, texts, encoding, data):
    """There and back, mutagen reads the same words and bytes."""
    path = song(
        TIT2(encoding=encoding, text=[texts[0]]),
        TXXX(encoding=encoding, desc=texts[1], text=[texts[2]]),
        APIC(encoding=encoding, mime="image/png", type=3, desc=texts[1], data=data),
        PRIV(owner="x", data=data),
    )
    frames = said(path)
    for options, genre in ((THREE, "Rock"), (FOUR, "Pop")):
        assert write_genres(path, [genre], options=options)
        assert said(path) == frames | {"TCON": [genre]}
