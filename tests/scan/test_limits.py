"""Files that claim, or hold, more than anybody has: time and memory stay bounded."""

import struct
import time
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagger.audio.requested_windows import RequestedWindows, listen
from tagger.errors import TrackError
from tagger.tags import read_tags
from tagger.writing.safe_write import write_genres
from tests.synth_audio import make_audio

RATE = 8_000
WANTED = RequestedWindows(sample_rate=RATE, window_len=RATE, n_windows=4, silence_dbfs=-60.0)
MOST_BYTES = 200 << 20
MOST_S = 5.0


class Bounded:
    """Fails if what is done in it takes too long or too much of Python's memory."""

    def __enter__(self):
        tracemalloc.start()
        self.started = time.process_time()

    def __exit__(self, kind, error, trace):
        took_s = time.process_time() - self.started
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if kind is None:
            assert took_s < MOST_S
            assert peak < MOST_BYTES


def outcome(look, path):
    """What a look at a file finds, or the sentence of its error."""
    try:
        return look(path)
    except TrackError as error:
        return str(error)


def looked_at(path, wanted=WANTED):
    """Tags and number of windows of a file, or the errors, within bounds."""
    with Bounded():
        looks = (read_tags, lambda one: sum(1 for _ in listen(one, wanted)))
        found = [outcome(look, path) for look in looks]
    assert all(path.name in item for item in found if isinstance(item, str))
    return found


def sparse(path, pieces, size):
    """A file of so many bytes that are not there, with pieces at offsets."""
    with path.open("wb") as file:
        file.truncate(size)
        for offset, piece in pieces:
            file.seek(offset)
            file.write(piece)
    return path


def atom(kind, content=b"", length=None):
    """An MP4 atom that may claim another length."""
    return struct.pack(">I4s", 8 + len(content) if length is None else length, kind) + content


def huge(size):
    """Pieces of files of that size, by name."""
    return {
        "id3.mp3": [(0, b"ID3\4\0\0\x7f\x7f\x7f\x7f"), (10, b"TCON\x7f\x7f\x7f\x70\0\0\3Rock")],
        "id3.wav": [
            (0, b"RIFF" + struct.pack("<I", size - 8) + b"WAVE"),
            (12, b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)),
            (36, b"data" + struct.pack("<I", 4) + bytes(4)),
            (48, b"id3 " + struct.pack("<I", size - 56) + b"ID3\4\0\0\x7f\x7f\x7f\x7f"),
        ],
        "data.wav": [
            (0, b"RIFF" + struct.pack("<I", size - 8) + b"WAVE"),
            (12, b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)),
            (36, b"data" + struct.pack("<I", size - 44)),
        ],
        "moov.m4a": [
            (0, atom(b"ftyp", b"M4A \0\0\0\0")),
            (16, atom(b"moov", length=size - 16)),
        ],
        "ilst.m4a": [
            (0, atom(b"ftyp", b"M4A \0\0\0\0")),
            (16, atom(b"moov", length=size - 16) + atom(b"udta", length=size - 24)),
            (32, atom(b"meta", bytes(4), length=size - 32)),
            (44, atom(b"ilst", length=size - 44) + atom(b"\xa9gen", length=size - 52)),
            (60, atom(b"data", bytes(8), length=size - 60)),
        ],
        "ape.ape": [
            (0, b"MAC \x96\x0f\0\0"),
            (size - 32, b"APETAGEX" + struct.pack("<IIII8x", 2000, size - 100, 1, 0)),
        ],
        "asf.wma": [
            (0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + struct.pack("<Q", size)),
            (24, struct.pack("<IH", 1 << 31, 0x0201)),
        ],
        "flac.flac": [(0, b"fLaC\0\0\0\x22" + bytes(34) + b"\4\xff\xff\xff")],
        "dsf.dsf": [
            (0, b"DSD " + struct.pack("<QQQ", 28, size, 92)),
            (92, b"ID3\4\0\0\x7f\x7f"),
        ],
        "opus.opus": [(0, b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\2" + bytes(9))],
    }


@pytest.mark.parametrize("name", huge(0x7FFFFFF0))
def test_a_tag_of_two_gigabytes(tmp_path, name):
    """What a length claims is neither read nor allocated, even where the file is as long."""
    size = 0x7FFFFFF0
    path = sparse(tmp_path / name, huge(size)[name], size)
    assert path.stat().st_blocks * 512 < 1 << 20  # it is not really there
    with Bounded():
        found = outcome(read_tags, path)
    assert not isinstance(found, str) or path.name in found


@pytest.mark.parametrize("name", huge(1 << 24))
def test_a_tag_and_no_audio(tmp_path, name):
    """Nor do decoders search long for audio between a tag and the end of the file."""
    looked_at(sparse(tmp_path / name, huge(1 << 24)[name], 1 << 24))


@pytest.mark.parametrize("kind", [b"moov", b"udta", b"trak", b"meta", b"ilst", b"free"])
def test_boxes_in_boxes(tmp_path, kind):
    """Ten thousand boxes in one another are no way into the stack."""
    content = b""
    for _ in range(10_000):
        content = atom(kind, content)
    path = tmp_path / "deep.m4a"
    path.write_bytes(atom(b"ftyp", b"M4A \0\0\0\0") + atom(b"moov", content))
    looked_at(path)


@pytest.mark.parametrize("outer", [b"moov", b"free", None])
def test_boxes_beside_boxes(tmp_path, outer):
    """Half a million empty boxes are given up, or stepped over in time."""
    many = atom(b"free") * 500_000
    path = tmp_path / "wide.m4a"
    path.write_bytes(
        atom(b"ftyp", b"M4A \0\0\0\0") + (many if outer is None else atom(outer, many))
    )
    looked_at(path)


def test_chunks_beside_chunks(tmp_path):
    """A megabyte of zeros in a WAV file is no hundred thousand chunks."""
    path = make_audio(tmp_path, "wav")
    data = bytearray(path.read_bytes() + bytes(1 << 20))
    data[4:8] = struct.pack("<I", len(data) - 8)
    path.write_bytes(data)
    with Bounded():
        outcome(lambda one: write_genres(one, ["Rock"]), path)
    assert isinstance(looked_at(path)[1], int)


def test_very_many_comments(tmp_path):
    """A hundred thousand genres are read; a count that lies is not believed."""
    path = make_audio(tmp_path, "flac")
    data = path.read_bytes()
    comment = b"GENRE=x"
    body = struct.pack("<II", 0, 100_000) + (struct.pack("<I", 7) + comment) * 100_000
    block = b"\4" + len(body).to_bytes(3, "big") + body
    at = data.index(b"\x84", 4) if b"\x84" in data[4:60] else 42
    path.write_bytes(data[:at] + block + data[at:])
    looked_at(path)


@pytest.mark.parametrize("n_windows", [4, None])
def test_hours_in_a_few_bytes(tmp_path, n_windows):
    """Five hours of silence in half a megabyte are heard block by block."""
    path = tmp_path / "long.flac"
    second = np.zeros(60 * RATE, np.int16)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16", format="FLAC") as file:
        for _ in range(5 * 60):
            file.write(second)
    assert path.stat().st_size < 1 << 20
    wanted = RequestedWindows(
        sample_rate=RATE, window_len=RATE, n_windows=n_windows, silence_dbfs=-60.0
    )
    _, n_found = looked_at(path, wanted)
    assert n_found == (5 * 3600 if n_windows is None else 4)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    code=st.sampled_from([1, 2, 3, 6, 7, 0x11, 0x55, 0x161, 0xFFFE]),
    n_channels=st.sampled_from([0, 1, 2, 8, 255, 256, 1024, 65_535]),
    rate=st.sampled_from([0, 1, 999, 8_000, 192_000, 2_822_400, 10_000_000, 2**32 - 1]),
    align=st.sampled_from([0, 1, 2, 65_535]),
    bits=st.sampled_from([0, 1, 8, 16, 24, 32, 64, 65_535]),
    claimed=st.sampled_from([0, 1, 20_000, 2**31, 2**32 - 1]),
)
def test_headers_that_cannot_be_true(tmp_path, code, n_channels, rate, align, bits, claimed):
    """Any channels, rates and sizes of samples: windows or a sentence, soon."""
    form = struct.pack("<HHIIHH", code, n_channels, rate, rate, align, bits)
    path = tmp_path / "odd.wav"
    path.write_bytes(
        b"RIFF" + struct.pack("<I", min(claimed + 36, 2**32 - 1)) + b"WAVEfmt "
        + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", claimed)
        + bytes(range(200)) * 100
    )  # fmt: skip
    looked_at(path)
