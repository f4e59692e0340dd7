"""Tags behind the audio are no part of what is heard, whatever they hold."""

import hashlib
import struct

import numpy as np
import pytest

from tagger.audio import open_track
from tagger.tags.base import open_source
from tagger.tags.edges import edges_of
from tests.audio import make
from tests.prepared import prepare
from tests.synth_audio import make_audio

RATE = 16_000
NOISE = np.random.default_rng(0).bytes(1 << 20)  # holds what looks like the starts of frames


def ape(n_bytes, *, header=True, version=2000, claimed=None):
    """An APE tag with a picture."""
    item = struct.pack("<II", n_bytes, 0) + b"Cover\0" + NOISE[:n_bytes]
    length = len(item) + 32 if claimed is None else claimed
    flags = 0x80000000 if header or claimed else 0

    def edge(more):
        fields = (b"APETAGEX", version, length, 1, flags | more, bytes(8))
        return struct.pack("<8sIIII8s", *fields)

    return (edge(0x20000000) if header else b"") + item + edge(0)


def id3(n_bytes, *, footer=True):
    """An ID3v2.4 tag with a picture, for the end of a file or its front."""
    size = bytes((n_bytes + 10) >> shift & 0x7F for shift in (21, 14, 7, 0))
    body = b"APIC" + bytes(n_bytes >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(2)
    head = b"\4\0" + (b"\x10" if footer else b"\0") + size
    return b"ID3" + head + body + NOISE[:n_bytes] + (b"3DI" + head if footer else b"")


def lyrics(n_bytes):
    """A Lyrics3v2 tag."""
    body = b"LYRICSBEGINLYR%05d" % n_bytes + b"a" * n_bytes
    return body + b"%06dLYRICS200" % len(body)


V1 = b"TAG" + b"A title".ljust(124, b"\0") + b"\x11"
EXTENDED = b"TAG+" + b"A title".ljust(223, b"\0") + V1
BEHIND = {
    "id3v1": V1,
    "two id3v1": V1 + V1,
    "extended": EXTENDED,
    "ape": ape(3000),
    "ape with a big picture": ape(900_000),
    "ape without a header": ape(9000, header=False),
    "apev1": ape(9000, header=False, version=1000),
    "ape, id3v1": ape(60_000) + V1,
    "lyrics3": lyrics(5000) + V1,
    "lyrics3v1": b"LYRICSBEGIN" + b"la la " * 500 + b"LYRICSEND" + V1,
    "id3v2": id3(4000),
    "id3v2 with a big picture": id3(900_000),
    "id3v1, id3v2": V1 + id3(4000),
    "all": ape(99_999) + lyrics(3000) + EXTENDED + id3(9999),
}


def stream(folder, kind):
    """An mp3 without any tag: `short` and `constant` have no Xing header."""
    length = RATE * (1 if kind == "short" else 20)
    path = make.write(folder / "a.mp3", make.sweep(length, rate=RATE), rate=RATE)
    content = bytearray(path.read_bytes())
    if kind == "constant":
        path = make.write_av(path, make.sweep(length, rate=RATE), rate=RATE, codec="mp3")
        content = bytearray(path.read_bytes())
        content = content[content.find(b"\xff\xf3", content.find(b"Info")) :]
    elif kind != "xing":
        at = max(content.find(b"Info"), content.find(b"Xing"))
        content[at : at + 4] = bytes(4)
    return bytes(content)


def heard(path):
    """Decoder, length, all audio, and the windows that a scan listens to."""
    with open_track(path, sample_rate=RATE) as track:
        every = hashlib.sha256(b"".join(block.tobytes() for block in track.blocks()))
        found = (track.decoder, track.duration_s, every.hexdigest())
    with open_track(path, sample_rate=RATE) as track:
        windows = track.windows(window_len=RATE, n_windows=4)
        return *found, [window.tobytes() for window in windows], track.is_partial


@pytest.mark.parametrize("kind", ["xing", "constant", "variable", "short"])
@pytest.mark.parametrize("behind", BEHIND)
def test_tags_behind_an_mp3_change_nothing(tmp_path, kind, behind):
    """Decoder, length, windows and every sample are those of the file without the tag."""
    audio, path = stream(tmp_path, kind), tmp_path / "b.mp3"
    for front in (b"", id3(5000, footer=False)):
        path.write_bytes(front + audio)
        plain = heard(path)
        path.write_bytes(front + audio + BEHIND[behind])
        assert heard(path) == plain


@pytest.mark.parametrize("decoder", ["libsndfile", "ffmpeg"])
def test_lying_tags_hide_no_audio(tmp_path, decoder):
    """An APE or Lyrics3 tag that claims more than it has is no reason to hear less."""
    audio = stream(tmp_path, "constant" if decoder == "libsndfile" else "variable")
    path = tmp_path / "b.mp3"
    path.write_bytes(audio)
    length_s = heard(path)[1]
    for tag in (ape(100, claimed=20_000), b"LYRICSBEGIN" + b"020000LYRICS200" + V1):
        path.write_bytes(audio + tag)
        assert heard(path)[0] == decoder
        assert heard(path)[1] == pytest.approx(length_s, rel=0.02)


def test_sixteen_kibibytes_are_counted_without_the_tag(tmp_path):
    """A write that grows the tag behind a short mp3 does not choose another decoder."""
    audio, path = stream(tmp_path, "constant"), tmp_path / "b.mp3"
    frame_len = audio.find(audio[:3], 4)
    text = b"TCON\0\0\0\5\0\0\3Rock"
    head = b"\4\0\x10\0\0\0" + bytes([len(text)])
    short = audio[: 15_000 // frame_len * frame_len]
    path.write_bytes(short + b"ID3" + head + text + b"3DI" + head)
    before = heard(path)
    assert before[0] == "ffmpeg"
    written(path, "x" * 1500)
    with open_source(path) as source:
        assert source.size - edges_of(source).start > 16_384
    assert heard(path) == before


@pytest.mark.parametrize("kind", ["dsf", "wavpack", "tta", "aac-id3"])
def test_a_longer_tag_moves_no_window(tmp_path, kind):
    """What FFmpeg reckons from the size of a file is reckoned without the tags behind it."""
    path = make_audio(tmp_path, kind, duration_s=2)
    before = heard(path)
    for genre in ("x" * 3000, "y" * 70_000, "Rock"):
        written(path, genre)
        assert heard(path) == before


@pytest.mark.parametrize("fault", ["cut off", "no length", "size", "broadcast"])
def test_a_longer_tag_moves_no_window_of_a_damaged_wma(tmp_path, fault):
    """FFmpeg would divide the size of such a file by its bitrate: its packets are counted."""
    path = make_audio(tmp_path, "wma", duration_s=2)
    content = bytearray(path.read_bytes())
    properties = content.find(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    if fault == "cut off":
        del content[len(content) * 2 // 3 :]
    elif fault == "no length":
        content[properties + 64 : properties + 72] = bytes(8)
    elif fault == "size":
        content[properties + 40 : properties + 48] = (123_456).to_bytes(8, "little")
    else:
        content[properties + 88] |= 1
    path.write_bytes(content)
    before = heard(path)
    assert before[1] == pytest.approx(4 / 3 if fault == "cut off" else 2, rel=0.1)
    for genre in ("x" * 3000, "y" * 20_000, "Rock"):
        written(path, genre)
        assert heard(path) == before


def written(path, genre):
    """Write one genre."""
    change = prepare(path, [genre])
    assert change is not None
    with change:
        change.commit()
