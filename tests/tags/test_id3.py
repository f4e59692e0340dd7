import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen.apev2 import APEv2
from mutagen.id3 import APIC, ID3, TCON, TIT2, TXXX, TYER, Encoding

from tagger.errors import UnsupportedTagError, WriteError
from tagger.tags import Style, read_tags
from tagger.tags.fields import GENRE
from tagger.tags.id3.frames import Tag
from tagger.tags.id3.make import new_tag
from tagger.tags.id3.text import synchsafe_bytes
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.synth_audio import make_audio

V23 = {"v2_version": 3, "v23_sep": None}
ID3V1 = b"TAG" + b"A title".ljust(124, b"\0") + bytes([8])


@pytest.fixture
def stream(tmp_path):
    """MPEG frames without any tag."""
    data = make_audio(tmp_path, "mp3").read_bytes()
    size = 10 + int.from_bytes(data[6:10], "big")  # FFmpeg's own tag is under 128 bytes
    return data[size:] if data[:3] == b"ID3" else data


def frame(name, body, version=4, flags=b"\0\0"):
    """A raw frame."""
    size = synchsafe_bytes(len(body)) if version == 4 else len(body).to_bytes(4, "big")
    return name + size + flags + body


def tag(*frames, version=4, flags=0, padding=0):
    """A raw tag."""
    body = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, flags]) + synchsafe_bytes(len(body)) + body


def saved(tmp_path, data):
    """A file of these bytes."""
    path = tmp_path / "song.mp3"
    path.write_bytes(data)
    return path


def parsed(data):
    """The tag at the start of these bytes."""
    return Tag(lambda at, length: data[at : at + length])


@pytest.mark.parametrize(
    ("text", "genres"),
    [
        ("(17)", ("Rock",)),
        ("17", ("Rock",)),
        ("(RX)(CR)", ("Remix", "Cover")),
        ("(4)Eurodisco", ("Disco", "Eurodisco")),
        ("(4) Eurodisco", ("Disco", "Eurodisco")),
        ("(17) rock", ("Rock",)),
        ("(17) (18)", ("Rock", "Techno")),
        ("(17) ((80s) Rock", ("Rock", "(80s) Rock")),
        ("Rock\0Pop\0", ("Rock", "Pop")),
        ("", ()),
        (" ", ()),
    ],
)
def test_old_spellings_of_genres_are_words(tmp_path, stream, text, genres):
    """Numbers and abbreviations of ID3 are expanded, empty values are none."""
    path = saved(tmp_path, tag(frame(b"TCON", b"\x03" + text.encode())) + stream)
    assert read_tags(path).genres == genres


@pytest.mark.parametrize("separator", ["; ", ";", " / ", "|"])
def test_version_3_holds_one_joined_string(tmp_path, stream, separator):
    """The version stays, the string is joined by the separator and split at it."""
    options = WriteOptions(id3v23_separator=separator)
    path = saved(tmp_path, tag(frame(b"TIT2", b"\x00A", 3), version=3) + stream)
    assert write_genres(path, ["Rock", "Ünïcode ♫"], options=options)
    mutagen_tag = ID3(path, translate=False)
    assert mutagen_tag.version == (2, 3, 0)
    assert mutagen_tag["TCON"].text == [separator.join(["Rock", "Ünïcode ♫"])]
    assert mutagen_tag["TCON"].encoding == Encoding.UTF16
    assert not write_genres(path, ["Rock", "Ünïcode ♫"], options=options)
    assert read_tags(path, style=Style(separator)).genres == ("Rock", "Ünïcode ♫")


def test_version_3_is_latin_1_where_that_suffices(tmp_path, stream):
    """Old players read it everywhere."""
    path = saved(tmp_path, tag(frame(b"TIT2", b"\x00A", 3), version=3) + stream)
    write_genres(path, ["Électro"])
    assert ID3(path, translate=False)["TCON"].encoding == Encoding.LATIN1


def test_a_genre_that_holds_the_separator_is_refused(tmp_path, stream):
    """It would be read back as two; the file stays as it is."""
    data = tag(frame(b"TIT2", b"\x00A", 3), version=3) + stream
    path = saved(tmp_path, data)
    with pytest.raises(WriteError, match="separator"):
        write_genres(path, ["Rock; Roll"])
    assert path.read_bytes() == data


@pytest.mark.parametrize("version", [3, 4])
def test_other_frames_keep_bytes_and_order(tmp_path, stream, version):
    """Unsorted frames, odd encodings, missing terminators, unknown frames, a picture."""
    frames = [
        frame(b"TXXX", b"\x01\xff\xfea\0\0\0\xff\xfeb\0", version),
        frame(b"APIC", b"\x00image/png\0\x03\0" + bytes(range(256)) * 40, version),
        frame(b"TCON", b"\x00Old", version),
        frame(b"XYZZ", b"\xff\x00\xfe", version),
        frame(b"TIT2", b"\x00no terminator", version),
    ]
    path = saved(tmp_path, tag(*frames, version=version, padding=200) + stream)
    size = path.stat().st_size
    write_genres(path, ["Rock"])
    assert path.stat().st_size == size
    found = parsed(path.read_bytes())
    raw = [found.read(part.offset, part.length) for part in found.frames()]
    assert raw[:2] + raw[3:] == frames[:2] + frames[3:]
    assert raw[2][:4] == b"TCON"
    assert path.read_bytes().endswith(stream)


@pytest.mark.parametrize(
    ("genres", "code"), [(["Ska", "Rock"], 21), (["Zouk", "Rock"], 17), (["Zouk"], 255)]
)
def test_an_id3v1_tag_gets_the_code_of_a_genre(tmp_path, stream, genres, code):
    """The first genre that is in its list, or none; its other bytes stay."""
    path = saved(tmp_path, stream + ID3V1)
    assert read_tags(path).genres == ("Jazz",)
    assert not write_genres(path, ["Jazz"])
    write_genres(path, genres)
    assert read_tags(path).genres == tuple(genres)
    assert path.read_bytes().endswith(stream + ID3V1[:-1] + bytes([code]))


def test_version_2_is_read_and_refused(tmp_path, stream):
    """ID3v2.2 would have to be converted."""
    body = b"TCO\0\0\x05\x00(17)"
    path = saved(tmp_path, tag(body, version=2) + stream)
    assert read_tags(path).genres == ("Rock",)
    with pytest.raises(UnsupportedTagError, match=r"ID3v2\.2"):
        write_genres(path, ["Pop"])


def test_an_apev2_tag_with_a_genre_follows(tmp_path, stream):
    """Players that ask APEv2 first see the new genre too; its other items stay."""
    path = saved(tmp_path, tag(frame(b"TIT2", b"\x03A")) + stream)
    ape = APEv2()
    ape.update({"Title": "B", "Genre": "Old", "Weird Key": "x"})
    ape.save(path)
    write_genres(path, ["Rock", "Pop"])
    ape = APEv2(path)
    assert list(ape["Genre"]) == ["Rock", "Pop"]
    assert (str(ape["Title"]), str(ape["Weird Key"])) == ("B", "x")
    assert ID3(path)["TCON"].text == ["Rock", "Pop"]


def test_where_apev2_is_alone_it_is_written(tmp_path, stream):
    """No second kind of tag is added, and the audio does not move."""
    path = saved(tmp_path, stream)
    ape = APEv2()
    ape["Title"] = "B"
    ape.save(path)
    write_genres(path, ["Rock"])
    assert read_tags(path).genres == ("Rock",)
    assert path.read_bytes().startswith(stream)
    assert list(APEv2(path)["Genre"]) == ["Rock"]


def test_an_extended_header_and_a_footer_become_padding(tmp_path, stream):
    """Both are optional; a checksum in them would no longer be right."""
    extended = synchsafe_bytes(6) + b"\x01\x00"
    body = extended + frame(b"TIT2", b"\x03A")
    header = b"ID3\x04\x00\x50" + synchsafe_bytes(len(body))
    path = saved(tmp_path, header + body + b"3DI" + header[3:] + stream)
    write_genres(path, ["Rock"])
    assert ID3(path)["TIT2"].text == ["A"]
    assert ID3(path)["TCON"].text == ["Rock"]
    assert path.read_bytes().endswith(stream)


def test_unsynchronised_version_3_stays_so(tmp_path, stream):
    """The whole tag is decoded and encoded again; mutagen agrees about every frame."""
    frames = frame(b"TIT2", b"\x01\xff\xfeA\0", 3) + frame(b"PRIV", b"x\0\xff\xe0\xff\0\xff", 3)
    unsynced = frames.replace(b"\xff\x00", b"\xff\x00\x00").replace(
        b"\xff\xe0", b"\xff\x00\xe0"
    )
    unsynced = unsynced.replace(b"\xff\xfe", b"\xff\x00\xfe")
    path = saved(tmp_path, tag(unsynced, version=3, flags=0x80, padding=100) + stream)
    before = ID3(path)
    write_genres(path, ["ジャズ"])
    after = ID3(path, translate=False)
    assert after["TCON"].text == ["ジャズ"]
    assert after["TIT2"] == before["TIT2"]
    assert [f.data for f in after.getall("PRIV")] == [f.data for f in before.getall("PRIV")]


def test_plain_frame_sizes_of_old_itunes_are_kept(tmp_path, stream):
    """A 2.4 tag with 2.3's lengths stays readable as such."""
    long_text = b"\x03" + b"x" * 300
    body = frame(b"TIT2", long_text, 3) + frame(b"TALB", b"\x03B", 3)
    path = saved(tmp_path, tag(body, padding=50) + stream)
    write_genres(path, ["Rock"])
    found = parsed(path.read_bytes())
    assert [part.id for part in found.frames()] == [b"TIT2", b"TALB", b"TCON"]
    assert ID3(path)["TALB"].text == ["B"]


def test_a_compressed_genre_is_read(tmp_path, stream):
    """Compression with its length in front, as 2.4 allows."""
    text = b"\x03Rock\0Pop"
    body = synchsafe_bytes(len(text)) + zlib.compress(text)
    path = saved(tmp_path, tag(frame(b"TCON", body, flags=b"\x00\x09")) + stream)
    assert read_tags(path).genres == ("Rock", "Pop")


@pytest.mark.parametrize("kind", ["wav", "aiff", "dsf"])
def test_other_containers_keep_their_version_too(tmp_path, kind):
    """A 2.3 tag in a chunk is exchanged as one."""
    from mutagen import File  # noqa: PLC0415

    path = make_audio(tmp_path, kind)
    opened = File(path)
    opened.add_tags()
    opened.tags.add(TIT2(encoding=1, text=["A"]))
    opened.tags.add(TYER(encoding=0, text=["1999"]))
    opened.tags.add(TXXX(encoding=1, desc="d", text=["B"]))
    opened.tags.add(TCON(encoding=0, text=["Old"]))
    opened.tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=b"\x89PNG" * 999))
    opened.save(v2_version=3)
    write_genres(path, ["Rock", "Pop"])
    assert File(path).tags["TCON"].text == ["Rock; Pop"]
    assert File(path).tags.version == (2, 3, 0)
    assert read_tags(path).genres == ("Rock", "Pop")


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_any_text_is_written_so_that_it_is_read_back_or_refused(genres):
    """Whatever a genre is called, the frame never says another one."""
    wanted = [genre for genre in genres if genre.strip()]
    try:
        data = new_tag({GENRE: tuple(wanted)}, Style())
    except ValueError:
        return
    assert not wanted or list(parsed(data).values(GENRE, Style())) == wanted


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("padding", [0, 20])
def test_an_empty_frame_at_the_end_of_a_tag_is_one(tmp_path, stream, version, padding):
    """Old taggers left a genre of no bytes; it makes room for a new one."""
    data = tag(
        frame(b"TIT2", b"\0A title", version),
        frame(b"TCON", b"", version),
        version=version,
        padding=padding,
    )
    path = saved(tmp_path, data + stream)
    assert read_tags(path).genres == ()
    assert write_genres(path, ["Rock"])
    assert (ID3(path)["TIT2"], ID3(path)["TCON"].genres) == ("A title", ["Rock"])
    assert path.read_bytes().count(b"TCON") == 1
