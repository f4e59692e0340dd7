"""Zeros or junk before the first frame: written as far as decoders find the audio."""

import pytest

from tagger.audio import open_track
from tagger.errors import DecodeError, WriteError
from tagger.tags import read_tags
from tagger.writing.safe_write import write_genres
from tests.mutants import audio_digest
from tests.synth_audio import make_audio
from tests.tags.test_id3 import frame, tag

SIZES = [10, 66_000, 400_000]


def filled(kind, length):
    """So many bytes of a kind that no decoder takes for audio."""
    pattern = {"zeros": b"\0", "text": b"hello world ", "ones": b"\xff"}[kind]
    return (pattern * (length // len(pattern) + 1))[:length]


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """MPEG frames without any tag."""
    data = make_audio(tmp_path_factory.mktemp("x"), "mp3", duration_s=8).read_bytes()
    return data[10 + int.from_bytes(data[6:10], "big") :]


def heard(path):
    """A digest of what is heard; None for nothing."""
    try:
        return audio_digest(path)
    except DecodeError:
        return None


@pytest.mark.parametrize("is_tagged", [True, False])
@pytest.mark.parametrize("kind", ["zeros", "text", "ones"])
@pytest.mark.parametrize("length", SIZES)
def test_what_is_heard_is_written_and_sounds_the_same(
    tmp_path, stream, kind, length, is_tagged
):
    """With and without a tag in front; the tag may grow."""
    path = tmp_path / "song.mp3"
    front = tag(frame(b"TIT2", b"\0A"), padding=20) if is_tagged else b""
    path.write_bytes(front + filled(kind, length) + stream)
    before = heard(path)
    assert before
    assert read_tags(path).container == "mp3"
    for genres in (["Rock"], ["x" * 3000], []):
        assert write_genres(path, genres)
        assert heard(path) == before


@pytest.mark.parametrize("is_tagged", [True, False])
@pytest.mark.parametrize(("kind", "length"), [("zeros", 1_000_000), ("text", 880_000)])
def test_what_decoders_would_lose_is_refused(tmp_path, stream, kind, length, is_tagged):
    """Near the edge of where a first frame is looked for no tag grows; none says damaged."""
    path = tmp_path / "song.mp3"
    front = tag(frame(b"TIT2", b"\0A"), padding=40) if is_tagged else b""
    data = front + filled(kind, length) + stream
    path.write_bytes(data)
    assert heard(path)
    with pytest.raises(WriteError, match="first frame") as error:
        write_genres(path, ["x" * 60_000])
    assert "damaged" not in str(error.value)
    assert path.read_bytes() == data
    if is_tagged:  # where it fits, nothing moves
        before = heard(path)
        assert write_genres(path, ["Rock"])
        assert heard(path) == before


@pytest.mark.parametrize("stream_len", [25_000, 64_000, 120_000])
@pytest.mark.parametrize("length", [600_000, 1_000_000, 1_025_000])
@pytest.mark.parametrize("is_tagged", [True, False])
def test_a_megabyte_of_zeros_is_no_obstacle(tmp_path, stream, length, stream_len, is_tagged):
    """Zeros do not count for FFmpeg, however short the music behind them; the tag may grow."""
    path = tmp_path / "song.mp3"
    front = tag(frame(b"TIT2", b"\0A"), padding=5) if is_tagged else b""
    path.write_bytes(front + bytes(length) + stream[:stream_len])
    before = heard(path)
    assert before
    for genres in (["Rock"], ["x" * 3000], []):
        assert write_genres(path, genres)
        assert heard(path) == before


@pytest.mark.parametrize("length", [100, 15_000])
def test_a_cover_of_a_mebibyte_and_a_little_junk(tmp_path, stream, length):
    """FFmpeg's reach counts a tag up to a mebibyte: what would cross it is refused."""
    path = tmp_path / "song.mp3"
    for cover_len in (1_000_000, 1_047_000, 1_060_000, 2_000_000):
        cover = frame(b"PRIV", b"x\0" + bytes(cover_len))
        path.write_bytes(tag(cover, padding=20) + filled("zeros", length) + stream)
        before = heard(path)
        try:
            write_genres(path, ["x" * 3000])
        except WriteError as error:
            assert "damaged" not in str(error)  # noqa: PT017, either may be
        assert before is None or heard(path) == before


def test_a_tag_before_what_is_no_mpeg_audio_is_not_called_damaged(tmp_path):
    """What FFmpeg may decode behind an ID3 tag is not ours to move; the reason says so."""
    path = tmp_path / "song.mp3"
    path.write_bytes(tag(frame(b"TIT2", b"\0A")) + filled("text", 5000))
    with pytest.raises(WriteError, match="no MPEG audio") as error:
        write_genres(path, ["Rock"])
    assert "damaged" not in str(error.value)


def test_chance_makes_no_audio_far_behind_the_start(tmp_path):
    """Two frame headers are enough near the start; far away four have to follow one another."""
    path = tmp_path / "x.bin"
    header = b"\xff\xfb\x90\x64"
    two = header.ljust(417, b"\1") + header.ljust(417, b"\1")
    path.write_bytes(filled("text", 100_000) + two + filled("text", 2000))
    assert read_tags(path).container == "unknown"
    path.write_bytes(filled("text", 1000) + two + filled("text", 2000))
    assert read_tags(path).container == "mp3"
    path.write_bytes(filled("text", 100_000) + 2 * two + filled("text", 2000))
    assert read_tags(path).container == "mp3"


def test_adts_is_found_too(tmp_path):
    """Raw AAC behind a tag and zeros keeps its own name."""
    path = make_audio(tmp_path, "aac", duration_s=2)
    path.write_bytes(tag(frame(b"TIT2", b"\0A")) + bytes(200_000) + path.read_bytes())
    assert read_tags(path).container == "aac"
    with open_track(path, sample_rate=16_000) as track:
        assert sum(len(block) for block in track.blocks()) > 16_000
    assert write_genres(path, ["Rock"])


def test_tags_behind_are_no_frames(tmp_path, stream):
    """A picture in a tag at the end is not counted to what decoders believe in."""
    path = tmp_path / "song.mp3"
    picture = tag(frame(b"APIC", bytes(900_000)), padding=0)
    head = picture[:5] + bytes([picture[5] | 0x10]) + picture[6:10]
    behind = head + picture[10:] + b"3DI" + head[3:]
    data = filled("text", 270_000) + stream[:30_000] + behind
    path.write_bytes(data)
    assert heard(path)
    with pytest.raises(WriteError, match="first frame"):
        write_genres(path, ["x" * 60_000])
    assert path.read_bytes() == data
