import hashlib
import struct

import pytest

from tagger.errors import WriteError
from tagger.tags import read_tags
from tagger.writing.safe_write import write_genres
from tests.synth_audio import make_audio

LONG = ["x" * 70_000]  # does not fit the padding, nor into as many Ogg pages


def refused(path, genres=("Rock",)):
    """What a write says that must not happen; the file is as it was."""
    before = path.read_bytes()
    with pytest.raises(WriteError) as raised:
        write_genres(path, list(genres))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    return str(raised.value)


@pytest.mark.parametrize("kind", ["wavpack", "ape"])
def test_a_stream_that_is_cut_off_gets_no_tag(tmp_path, kind):
    """A decoder would take the tag for the rest of the audio."""
    path = make_audio(tmp_path, kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])
    assert "cut off" in refused(path)
    path.write_bytes(whole)
    assert write_genres(path, ["Rock"])


def test_monkeys_audio_is_checked_by_its_md5(tmp_path):
    """A decoder would fill up a damaged last frame from the tag."""
    path = make_audio(tmp_path, "ape")
    data = bytearray(path.read_bytes())
    head, body = data[52:80], data[80:]
    data[36:52] = hashlib.md5(body + head).digest()
    data[-1] ^= 1
    path.write_bytes(data)
    assert "cut off" in refused(path)
    data[-1] ^= 1
    path.write_bytes(data)
    assert write_genres(path, ["Rock"])


def test_a_data_chunk_that_claims_too_much_gets_no_tag(tmp_path):
    """A DSF file whose samples would reach into the tag."""
    path = make_audio(tmp_path, "dsf")
    data = bytearray(path.read_bytes())
    data[84:92] = struct.pack("<Q", 1 << 20)  # the length behind `data`
    path.write_bytes(data)
    assert "cut off" in refused(path)


@pytest.mark.parametrize(
    ("last_frame", "is_whole"), [((100, 300), True), ((100, 301), False), (None, False)]
)
def test_tak_says_where_its_last_frame_ends(tmp_path, last_frame, is_whole):
    """A TAK file gets a tag only if the frame that it names as the last is there."""
    blocks = bytes([1, 13, 0, 0]) + bytes(13)
    if last_frame:
        position, length = last_frame
        blocks += bytes([7, 11, 0, 0]) + position.to_bytes(5, "little")
        blocks += length.to_bytes(3, "little") + bytes(3)
    path = tmp_path / "a.tak"
    path.write_bytes(b"tBaK" + blocks + bytes(4) + bytes(range(200)) * 2)
    assert read_tags(path).container == "tak"
    if is_whole:
        assert write_genres(path, ["Rock"])
    else:
        assert "cut off" in refused(path)


def musepack_7(n_frames, n_words):
    """Frames of 12 bits, as words of zeros but for their lengths."""
    bits = "0" * 8 + f"{12:020b}{0:012b}" * min(n_frames, n_words)
    bits = bits.ljust(32 * n_words, "0")[: 32 * n_words]
    words = [int(bits[at : at + 32], 2) for at in range(0, len(bits), 32)]
    return (
        b"MP+\x07"
        + struct.pack("<I", n_frames)
        + bytes(16)
        + struct.pack(f"<{n_words}I", *words)
    )


def musepack_8(last):
    """A header packet, one of audio, and perhaps the last."""
    return b"MPCK" + b"SH\x08" + bytes(5) + b"AP\x81\x00" + bytes(124) + last


@pytest.mark.parametrize(
    ("data", "is_whole"),
    [
        (musepack_7(20, 21), True),
        (musepack_7(20, 20), False),
        (musepack_7(1 << 31, 400), False),
        (musepack_8(b"SE\x03"), True),
        (musepack_8(b""), False),
    ],
)
def test_musepack_counts_its_frames(tmp_path, data, is_whole):
    """A Musepack file gets a tag only if all its frames, or its last packet, are there."""
    path = tmp_path / "a.mpc"
    path.write_bytes(data)
    assert read_tags(path).container == "musepack"
    if is_whole:
        assert write_genres(path, ["Rock"])
    else:
        assert "cut off" in refused(path)


def test_a_lot_of_other_bytes_behind_ogg_pages(tmp_path):
    """What a decoder finds in them depends on where they lie; a short old tag is no matter."""
    path = make_audio(tmp_path, "opus")
    data = path.read_bytes()
    path.write_bytes(data + bytes(range(256)) * 4)
    assert "behind its last Ogg page" in refused(path)
    path.write_bytes(data + b"TAG" + bytes(125))
    assert write_genres(path, ["Rock"])


@pytest.mark.parametrize("kind", ["ogg-vorbis", "opus", "ogg-flac"])
def test_a_wrong_checksum_is_not_made_right(tmp_path, kind):
    """Damaged bytes on the comment's page would become audible, or look whole."""
    path = make_audio(tmp_path, kind)
    data = bytearray(path.read_bytes())
    page = data.index(b"OggS", 4)
    data[page + 22] ^= 1
    path.write_bytes(data)
    assert "checksum" in refused(path)


@pytest.mark.parametrize(
    ("hole", "reason"), [(bytes(9), "behind its last Ogg page"), (b"", "checksum")]
)
def test_pages_that_cannot_be_renumbered_stay(tmp_path, hole, reason):
    """A longer comment numbers all pages anew: with a hole or damage, some would be missed."""
    path = make_audio(tmp_path, "ogg-vorbis", duration_s=4)
    data = bytearray(path.read_bytes())
    last = data.rindex(b"OggS")
    if hole:
        data[last:last] = hole
    else:
        data[-1] ^= 1
    path.write_bytes(data)
    assert reason in refused(path, LONG)
    if not hole:
        assert write_genres(path, ["Rock"])  # which fits the pages that are there


def test_half_a_page_at_the_end_is_no_hole(tmp_path):
    """A download that broke off still gets a genre of any length: players skip half a page."""
    path = make_audio(tmp_path, "ogg-vorbis", duration_s=4)
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    assert write_genres(path, LONG)


def test_a_track_without_a_chunk_table_is_not_moved(tmp_path):
    """An MP4 file whose samples would move, while nothing can say where to."""
    path = make_audio(tmp_path, "m4a-aac")
    data = path.read_bytes()
    moov = data.index(b"moov")
    if data.index(b"mdat") < moov:  # the samples first: put the header in front
        start = data.index(b"mdat") - 4
        data = data[:start] + data[moov - 4 :] + data[start : moov - 4]
    path.write_bytes(data.replace(b"stco", b"stcx"))
    assert "where its audio lies" in refused(path)


def test_a_tag_in_front_of_something_else_is_left(tmp_path):
    """What stands behind the tag of an mp3 must be MPEG audio."""
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3\4\0\0\0\0\0\12" + bytes(10) + b"no audio at all" * 500)
    assert "no MPEG audio" in refused(path)
