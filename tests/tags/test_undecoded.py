"""Genres that cannot be decoded: read as other readers do, else kept by byte, or refused."""

import codecs
import struct

import mutagen
import pytest
import taglib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.apev2 import BINARY, APEv2, APEValue
from mutagen.id3 import ID3
from mutagen.mp4 import MP4, MP4FreeForm

from tagger.errors import UnsupportedTagError, WriteError
from tagger.tags import read_tags
from tagger.tags.asf.objects import ATTRIBUTES, listed, objects_in
from tagger.tags.undecoded import RefusedError, as_stored, bytes_of, shown, text_of, wide_text
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.prepared import prepare
from tests.synth_audio import make_audio
from tests.tags.test_id3 import frame, tag

LE, BE = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
LATIN = b"\xc9lectro"
SIGN = "\N{REPLACEMENT CHARACTER}"


def le(text):
    """UTF-16, little end first."""
    return text.encode("utf-16-le")


def be(text):
    """UTF-16, big end first."""
    return text.encode("utf-16-be")


@given(st.binary(max_size=60))
def test_any_bytes_come_back_from_text(data):
    """UTF-8 or not; shown are no halves of characters."""
    assert bytes_of(text_of(data)) == data
    shown(text_of(data)).encode()


@given(st.binary(max_size=40))
def test_any_utf_16_is_read_and_never_written_garbled(data):
    """What is decoded means the same bytes, or it is refused."""
    text = wide_text(data)
    shown(text).encode()
    try:
        new = bytes_of(text).decode()
    except RefusedError:
        return
    order = "utf-16-be" if data[:2] == BE else "utf-16-le"
    left = data.removeprefix(BE) if data[:2] in (LE, BE) else data
    left = left[2:] if data[:2] == LE else left
    assert new == left[: len(left) // 2 * 2].decode(order).lstrip("\ufeff")


def test_what_was_seen_elsewhere_is_refused():
    """A sign for lost bytes becomes a genre only where it stands as one already."""
    assert as_stored([f"{SIGN}lectro", "Rock"], [text_of(LATIN)]) == [text_of(LATIN), "Rock"]
    assert as_stored([f"{SIGN}lectro"], [f"{SIGN}lectro"]) == [f"{SIGN}lectro"]
    with pytest.raises(RefusedError, match="replace"):
        as_stored([f"{SIGN}lectro"], ["Rock"])


@pytest.fixture
def mp3(tmp_path):
    """Writes an mp3 with one genre frame."""
    data = make_audio(tmp_path, "mp3").read_bytes()
    stream = data[10 + int.from_bytes(data[6:10], "big") :]

    def write(content, version=3, flags=b"\0\0"):
        path = tmp_path / "song.mp3"
        body = frame(b"TCON", content, version, flags) + frame(b"TIT2", b"\0A", version)
        path.write_bytes(tag(body, version=version, padding=40) + stream)
        return path

    return write


@pytest.mark.parametrize(
    ("content", "version", "genres"),
    [
        (b"\1" + LE + le("Jazz") + b"\0", 3, ["Jazz"]),
        (b"\1" + BE + be("Jazz") + b"\0", 3, ["Jazz"]),
        (b"\2" + be("Jazz") + b"\0", 4, ["Jazz"]),
        (b"\1" + LE + le("Jazz\0") + b"\0", 3, ["Jazz"]),
        (b"\1" + BE + be("Soul\0") + LE + le("Funk"), 4, ["Soul", "Funk"]),
        (b"\1" + LE + le("Soul\0") + BE + be("Funk\0"), 4, ["Soul", "Funk"]),
        (b"\1" + LE + le("Soul\0") + LE + le("Funk"), 4, ["Soul", "Funk"]),
        (b"\1" + LE + le("Ā\0") + LE + le("Ā"), 4, ["Ā", "Ā"]),
        (b"\1" + LE + le("Grün ♫"), 3, ["Grün ♫"]),
    ],
)
def test_utf_16_is_read_as_mutagen_and_taglib_do(mp3, content, version, genres):
    """Odd lengths, a mark for each value, either order; appending keeps the words."""
    path = mp3(content, version)
    assert ID3(path)["TCON"].text == genres
    with taglib.File(path) as opened:
        assert opened.tags["GENRE"] == genres
    assert list(read_tags(path).genres) == genres
    write_genres(path, [*genres, "Rock"])
    with taglib.File(path) as opened:
        seen = [part for item in opened.tags["GENRE"] for part in item.split("; ")]
    assert seen == [*genres, "Rock"]


def test_a_value_without_a_mark_has_the_order_of_the_first(mp3):
    """As TagLib reads it."""
    path = mp3(b"\1" + BE + be("Soul\0Funk"), 4)
    assert read_tags(path).genres == ("Soul", "Funk")
    with taglib.File(path) as opened:
        assert opened.tags["GENRE"] == ["Soul", "Funk"]


@pytest.mark.parametrize(
    ("content", "version", "flags"),
    [
        (b"\1" + LE + le("Jazz") + b"\x41", 3, b"\0\0"),  # half a character
        (b"\1" + LE + le("Jazz") + b"\x3d\xd8", 3, b"\0\0"),  # half a pair
        (b"\3" + LATIN, 3, b"\0\0"),  # 2.3 has no encoding in which these bytes could stay
        (b"\7Jazz", 3, b"\0\0"),  # an encoding that nobody knows
        (b"Jazz", 4, b"\0\0"),  # none at all
        (b"\0Jazz", 4, b"\0\x04"),  # encrypted
    ],
)
def test_what_cannot_be_kept_is_refused_and_can_be_replaced(mp3, content, version, flags):
    """There is a genre, nobody can say which: appending leaves the file alone, and says why."""
    path = mp3(content, version, flags)
    before = path.read_bytes()
    old = read_tags(path).genres
    assert old
    assert SIGN in old[0]
    with pytest.raises(WriteError, match=r"cannot be decoded.*replace") as error:
        write_genres(path, [*old, "Rock"])
    assert "damaged" not in str(error.value)
    assert path.read_bytes() == before
    write_genres(path, ["Rock"])
    assert read_tags(path).genres == ("Rock",)
    assert ID3(path)["TCON"].text == ["Rock"]


def _flac(path, value):
    _exchange(path, value, lambda tags: tags.__setitem__("genre", ["X" * len(value)]))


def _m4a(path, value):
    _exchange(path, value, lambda tags: tags.__setitem__("\xa9gen", ["X" * len(value)]))


def _ape(path, value):
    tags = APEv2()
    tags["Genre"], tags["Title"] = "X" * len(value), "T"
    tags.save(path)
    path.write_bytes(path.read_bytes().replace(b"X" * len(value), value))


def _id3(path, value):
    body = frame(b"TCON", b"\3" + value) + frame(b"TIT2", b"\0A")
    data = path.read_bytes()
    path.write_bytes(tag(body, padding=40) + data[10 + int.from_bytes(data[6:10], "big") :])


def _exchange(path, value, change):
    opened = mutagen.File(path)
    if opened.tags is None:
        opened.add_tags()
    change(opened.tags)
    opened.save()
    data = path.read_bytes()
    assert data.count(b"X" * len(value)) == 1
    path.write_bytes(data.replace(b"X" * len(value), value))


PLACES = {"flac": _flac, "m4a-aac": _m4a, "wavpack": _ape, "mp3": _id3}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("value", [LATIN, b"\xc4\xee\xec", b"a\xff\xfeb", b"\xed\xa0\x80x"])
def test_bytes_that_are_no_utf_8_are_kept_beside_new_genres(tmp_path, kind, value):
    """Latin-1, Cyrillic, half characters: shown with signs, stored as they stood."""
    path = make_audio(tmp_path, kind)
    PLACES[kind](path, value)
    before = path.read_bytes()
    old = read_tags(path).genres
    assert len(old) == 1
    assert SIGN in old[0]
    with prepare(path, [*old, "Rock"]) as prepared:
        prepared.commit()
    assert read_tags(path).genres == (*old, "Rock")
    data = path.read_bytes()
    assert data.count(value) == before.count(value)
    assert data.count(SIGN.encode()) == before.count(SIGN.encode())
    with taglib.File(path) as opened:
        assert "Rock" in opened.tags["GENRE"]
    assert not write_genres(path, [*old, "Rock"])
    write_genres(path, ["Rock"])
    assert path.read_bytes().count(value) == before.count(value) - 1


def test_a_joined_value_keeps_its_bytes(tmp_path):
    """MP4 with one value for all genres."""
    path = make_audio(tmp_path, "m4a-aac")
    _m4a(path, LATIN)
    options = WriteOptions(mp4_compat=True)
    write_genres(path, [f"{SIGN}lectro", "Rock"], options=options)
    assert LATIN + b"; Rock" in path.read_bytes()


@pytest.mark.parametrize("first", [["Jazz"], []])
@pytest.mark.parametrize("options", [WriteOptions(), WriteOptions(mp4_compat=True)])
def test_bytes_of_a_free_atom_spoil_no_list_that_readers_know(tmp_path, first, options):
    """Moved into iTunes' list they would hide every genre in it from mutagen: refused."""
    path = make_audio(tmp_path, "m4a-aac")
    opened = MP4(path)
    opened["----:com.apple.iTunes:GENRE"] = [MP4FreeForm(LATIN)]
    if first:
        opened["\xa9gen"] = first
    opened.save()
    before = path.read_bytes()
    with pytest.raises(WriteError, match="cannot be decoded"):
        write_genres(path, [*read_tags(path).genres, "Rock"], options=options)
    assert path.read_bytes() == before
    assert write_genres(path, ["Rock"], options=options)
    assert MP4(path)["\xa9gen"] == ["Rock"]
    assert LATIN not in path.read_bytes()


def test_a_second_place_gets_no_signs(tmp_path):
    """RIFF INFO cannot have the bytes that the ID3 chunk keeps: it is refused, or replaced."""
    path = make_audio(tmp_path, "wav")
    chunk = tag(frame(b"TCON", b"\3" + LATIN), padding=20)
    info = b"INFOIGNR" + struct.pack("<I", 5) + b"Jazz\0\0"
    data = path.read_bytes() + b"id3 " + struct.pack("<I", len(chunk)) + chunk
    data += bytes(len(chunk) % 2) + b"LIST" + struct.pack("<I", len(info)) + info
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    before = path.read_bytes()
    with pytest.raises(WriteError, match="cannot be decoded"):
        write_genres(path, [*read_tags(path).genres, "Rock"])
    assert path.read_bytes() == before
    assert write_genres(path, ["Rock"])
    assert read_tags(path).genres == ("Rock",)


def test_mp4_texts_in_utf_16_are_read_by_their_mark(tmp_path):
    """Type 2 is UTF-16; some programs put a mark in front."""
    path = make_audio(tmp_path, "m4a-aac")
    opened = MP4(path)
    opened["\xa9gen"] = ["X" * 10]
    opened.save()
    for content in (be("Jazz!"), BE + be("Jazz"), LE + le("Jazz")):
        data = path.read_bytes()
        at = data.index(b"\xa9gen") + 4
        atom = struct.pack(">I4sII", 26, b"data", 2, 0) + content.ljust(10, b"\0")
        path.write_bytes(data[:at] + atom + data[at + 26 :])
        assert read_tags(path).genres[0].strip("!\0") == "Jazz"


@pytest.mark.parametrize(("half", "genre"), [(b"\0", "Jazz"), (b"A", f"Jazz{SIGN}")])
def test_an_attribute_of_odd_length(tmp_path, half, genre):
    """ASF: half a terminator is none, half a character cannot be kept."""
    path = make_audio(tmp_path, "wma")
    data = path.read_bytes()
    end = struct.unpack_from("<Q", data, 16)[0]
    name, value = le("WM/Genre\0"), le("Jazz") + half
    raw = struct.pack("<H", len(name)) + name + struct.pack("<HH", 0, len(value)) + value
    objects = [element for element in objects_in(data[30:end]) if element.guid != ATTRIBUTES]
    body = b"".join(element.render() for element in [*objects, listed(ATTRIBUTES, [raw])])
    head = struct.pack("<QI", 30 + len(body), len(objects) + 1)
    path.write_bytes(data[:16] + head + data[28:30] + body + data[end:])
    assert read_tags(path).genres == (genre,)
    if SIGN in genre:
        with pytest.raises(WriteError, match="cannot be decoded"):
            write_genres(path, [genre, "Rock"])
    else:
        write_genres(path, [genre, "Rock"])
        assert read_tags(path).genres == (genre, "Rock")


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.binary(min_size=2, max_size=24), version=st.sampled_from([3, 4]))
def test_no_frame_is_ever_stored_garbled(mp3, content, version):
    """Whatever a genre frame holds: after appending readers see what they saw, or nothing."""
    path = mp3(content, version)
    before = path.read_bytes()
    seen = ID3(path).getall("TCON")
    try:
        old = read_tags(path).genres
        write_genres(path, [*old, "Rock"])
    except (WriteError, UnsupportedTagError):
        assert path.read_bytes() == before
        return
    assert read_tags(path).genres == (*old, "Rock")
    if seen and SIGN not in "".join(seen[0].text):
        assert SIGN not in "".join(ID3(path)["TCON"].text)


@pytest.mark.parametrize("value", [b"\xff\xfeJunk", b"Jazz"])
def test_an_ape_item_that_says_it_is_binary_is_something_and_no_text(tmp_path, value):
    """`fill` counts it, `append` is refused with the reason, `replace` takes its place."""
    path = make_audio(tmp_path, "wavpack", duration_s=0.1)
    tags = APEv2()
    tags["Genre"], tags["Title"] = APEValue(value, BINARY), "T"
    tags.save(path)
    assert read_tags(path).genres == (SIGN,)
    with pytest.raises(WriteError, match="cannot be kept; --policy replace"):
        write_genres(path, [SIGN, "Rock"])
    write_genres(path, ["Rock"])
    assert (APEv2(path)["Genre"].value, APEv2(path)["Title"].value) == ("Rock", "T")
