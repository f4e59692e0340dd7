"""A header that says 'unsynchronised', true or not: whatever is stored stays stored."""

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen.id3 import ID3

from tagger.errors import UnsupportedTagError
from tagger.tags import read_tags
from tagger.tags.id3.unsync import Unstuffed, is_reproduced, is_stuffed, stuffed, unstuffed
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.prepared import prepare
from tests.synth_audio import make_audio
from tests.tags.test_id3 import frame, tag

JPEG = b"\xff\xd8\xff\xe0" + b"\xff\x00\x12\xff\x00\xe5\xff\x00\x00\x07" * 40 + b"\xff\xd9"
PNG = b"\x89PNG" + b"\xff\x00\x12\xff\x00\x00\x07" * 40 + b"end"
HEAD = b"\0image/jpeg\0\x03\0"
FLAG = 0x80

few = st.binary(max_size=40)
sharp = st.lists(st.sampled_from([0, 1, 0x41, 0xDF, 0xE0, 0xFE, 0xFF]), max_size=40).map(bytes)


@pytest.fixture
def stream(tmp_path):
    """MPEG frames without any tag."""
    data = make_audio(tmp_path, "mp3").read_bytes()
    return data[10 + int.from_bytes(data[6:10], "big") :]


def raw_frames(data, *, version=3):
    """The frames as who does not believe the flag sees them."""
    at, found = 10, []
    id_len, head_len = (3, 6) if version == 2 else (4, 10)
    while re.fullmatch(rb"[A-Z0-9]{3,4}", data[at : at + id_len]):
        size = data[at + id_len : at + (6 if version == 2 else 8)]
        end = at + head_len + int.from_bytes(size, "big")
        found.append((data[at : at + id_len], data[at + head_len : end]))
        at = end
    return found


def undone(path, prepared):
    """The bytes of a written file with the change taken back."""
    data = path.read_bytes()
    for patch in reversed(prepared.undo):
        data = data[: patch.offset] + patch.data + data[patch.offset + patch.length :]
    return data


@given(few | sharp)
def test_stuffing_is_undone(data):
    """Any bytes come back, nothing in between can be taken for the start of a frame."""
    packed = stuffed(data)
    assert is_stuffed(packed)
    assert is_reproduced(packed)
    assert unstuffed(packed) == data


@given(few | sharp, st.data())
def test_a_range_keeps_its_stuffing(data, draw):
    """Ranges that follow one another are stored as they stood, whatever was stuffed."""
    plain = Unstuffed(data)
    places = draw.draw(st.lists(st.integers(0, len(plain)), max_size=4))
    edges = sorted({0, len(plain), *places})
    ranges = [(a, b - a) for a, b in itertools.pairwise(edges)]
    assert b"".join(plain.raw(*span) for span in ranges) == data
    for span in ranges:
        assert plain.raw(*span).replace(b"\xff\x00", b"\xff") == plain.read(*span)


@pytest.mark.parametrize("genre", [None, b"TCON"])
@pytest.mark.parametrize("padding", [0, 3, 500])
@pytest.mark.parametrize("last", [True, False])
def test_where_the_flag_lies_the_picture_is_whole(tmp_path, stream, genre, padding, last):
    """A JPEG that nobody stuffed: genre seen, every frame kept, and the flag no longer lies."""
    frames = [frame(b"TIT2", b"\1\xff\xfeA\0", 3), frame(b"APIC", HEAD + JPEG, 3)]
    if last:
        frames.reverse()
    frames += [frame(genre, b"\0Jazz", 3)] if genre else []
    path = tmp_path / "song.mp3"
    path.write_bytes(tag(*frames, version=3, flags=FLAG, padding=padding) + stream)
    assert read_tags(path).genres == (("Jazz",) if genre else ())
    before = [part for part in raw_frames(path.read_bytes()) if part[0] != b"TCON"]
    assert len(before) == 2
    write_genres(path, ["Rock", "Ünïcode ♫"])
    after = [part for part in raw_frames(path.read_bytes()) if part[0] != b"TCON"]
    assert after == before
    assert ID3(path)["APIC:"].data == JPEG
    assert read_tags(path).genres == ("Rock", "Ünïcode ♫")
    assert path.read_bytes()[5] == 0


@pytest.mark.parametrize("version", [3, 4])
def test_a_lying_tag_is_converted_whole(tmp_path, stream, version):
    """Another version gets the picture as it stands."""
    frames = [frame(b"APIC", HEAD + JPEG, 3), frame(b"TCON", b"\0Jazz", 3)]
    path = tmp_path / "song.mp3"
    path.write_bytes(tag(*frames, version=3, flags=FLAG, padding=9) + stream)
    write_genres(path, ["Rock"], options=WriteOptions(id3v2_version=version))
    assert ID3(path)["APIC:"].data == JPEG


@pytest.mark.parametrize("version", [3, 4])
def test_a_lying_tag_of_the_first_version_is_converted_whole(tmp_path, stream, version):
    """ID3v2.2 has the flag too."""
    head = b"\0JPG\x03\0"
    frames = b"PIC" + len(head + JPEG).to_bytes(3, "big") + head + JPEG
    frames += b"TT2\0\0\x02\0A"
    path = tmp_path / "song.mp3"
    path.write_bytes(tag(frames, version=2, flags=FLAG, padding=9) + stream)
    write_genres(path, ["Rock"], options=WriteOptions(id3v2_version=version))
    assert ID3(path)["APIC:"].data == JPEG
    assert ID3(path)["TIT2"].text == ["A"]


def test_a_lie_that_only_lengths_betray_is_read_and_not_written(tmp_path, stream):
    """Without FF E0 in it a picture could be stuffed; readers differ, so nothing is touched."""
    frames = [frame(b"APIC", HEAD + PNG, 3), frame(b"TCON", b"\0Jazz", 3)]
    path = tmp_path / "song.mp3"
    data = tag(*frames, version=3, flags=FLAG, padding=100) + stream
    path.write_bytes(data)
    assert read_tags(path).genres == ("Jazz",)
    with pytest.raises(UnsupportedTagError, match="unsynchronised"):
        write_genres(path, ["Rock"])
    assert path.read_bytes() == data


def test_an_unclear_last_picture_keeps_its_bytes(tmp_path, stream):
    """Where both readings lead to the padding, whoever disbelieves the flag loses nothing."""
    frames = [frame(b"TCON", b"\0Jazz", 3), frame(b"APIC", HEAD + PNG, 3)]
    path = tmp_path / "song.mp3"
    path.write_bytes(tag(*frames, version=3, flags=FLAG, padding=300) + stream)
    before = raw_frames(path.read_bytes())
    write_genres(path, ["Rock"])
    assert raw_frames(path.read_bytes()) == [(b"TCON", b"\0Rock"), before[1]]


@pytest.mark.parametrize(
    "body", [JPEG, PNG, b"\xff", b"x\xff\xff", b"\xff\0\0", b"\xff\xe0\xff"]
)
@pytest.mark.parametrize("padding", [0, 1, 500])
@pytest.mark.parametrize("genres", [["Rock"], ["Rock", "ÿ ♫", "ÿ"], []])
def test_a_tag_that_is_stuffed_stays_so_byte_by_byte(tmp_path, stream, body, padding, genres):
    """Kept frames have the stuffing that they had, new ones get their own."""
    kept = stuffed(frame(b"PRIV", b"x\0" + body, 3)) + stuffed(frame(b"TIT2", b"\0A", 3))
    old = stuffed(frame(b"TCON", b"\1\xff\xfeJ\0", 3))
    path = tmp_path / "song.mp3"
    path.write_bytes(tag(old, kept, version=3, flags=FLAG, padding=padding) + stream)
    data = path.read_bytes()
    assert read_tags(path).genres == ("J",)
    with prepare(path, genres) as prepared:
        prepared.commit()
    assert kept in path.read_bytes()
    assert path.read_bytes()[5] == FLAG
    assert [item.data for item in ID3(path).getall("PRIV")] == [body]
    assert read_tags(path).genres == tuple(genres)
    assert undone(path, prepared) == data


def test_too_much_stuffing_is_kept(tmp_path, stream):
    """A program that stuffs behind every FF: its frames keep their bytes, are not converted."""
    body = frame(b"PRIV", b"x\0\xff\x12\xff\x13", 3).replace(b"\xff", b"\xff\0")
    data = tag(body, frame(b"TIT2", b"\0A", 3), version=3, flags=FLAG, padding=9) + stream
    path = tmp_path / "song.mp3"
    path.write_bytes(data)
    write_genres(path, ["Rock"])
    assert body in path.read_bytes()
    path.write_bytes(data)
    with pytest.raises(UnsupportedTagError, match="unsynchronised"):
        write_genres(path, ["Rock"], options=WriteOptions(id3v2_version=4))
    assert path.read_bytes() == data


@pytest.mark.parametrize("flags", [(FLAG, b"\0\0"), (0, b"\0\x02"), (FLAG, b"\0\x02")])
@pytest.mark.parametrize("picture", [JPEG, PNG])
def test_frames_of_version_4_that_lie_are_kept(tmp_path, stream, flags, picture):
    """Tag or frame says so, nobody stuffed: bytes kept, and no conversion that drops zeros."""
    body = frame(b"APIC", HEAD + picture, flags=flags[1]) + frame(b"TCON", b"\1\xff\xfeJ\0")
    data = tag(body, flags=flags[0], padding=99) + stream
    path = tmp_path / "song.mp3"
    path.write_bytes(data)
    assert read_tags(path).genres == ("J",)
    write_genres(path, ["Rock"])
    assert HEAD + picture in path.read_bytes()
    path.write_bytes(data)
    try:
        write_genres(path, ["Rock"], options=WriteOptions(id3v2_version=3))
    except UnsupportedTagError:
        assert path.read_bytes() == data
    else:
        assert HEAD + picture in path.read_bytes()


@pytest.mark.parametrize("seed", range(30))
def test_random_pictures_survive_a_lying_flag(tmp_path, stream, seed):
    """Whatever the bytes: kept to the last one, or the file is not touched."""
    rng = random.Random(seed)
    dense = bytes(rng.choice((0, 0xFF, 0xE0, 0x12, rng.randrange(256))) for _ in range(300))
    picture = dense if seed % 2 else rng.randbytes(60_000)
    frames = [frame(b"TIT2", b"\0A", 3), frame(b"APIC", HEAD + picture, 3)]
    frames.insert(seed % 3, frame(b"TCON", b"\0Jazz", 3))
    path = tmp_path / "song.mp3"
    path.write_bytes(tag(*frames, version=3, flags=FLAG, padding=seed * 7 % 40) + stream)
    data = path.read_bytes()
    try:
        write_genres(path, ["Rock"])
    except UnsupportedTagError:
        assert path.read_bytes() == data
    else:
        assert HEAD + picture in path.read_bytes()
