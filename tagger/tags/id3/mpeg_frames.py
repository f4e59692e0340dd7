"""Frames of MPEG audio and ADTS: recognised where several follow one another."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tagger.tags.base import Source
from tagger.tags.id3.front import id3v2_end

_NEAR_LEN = 64 << 10
_SEARCH_LEN = (1 << 20) + _NEAR_LEN
"""As far as FFmpeg looks for a first frame behind zeros or junk: a mebibyte."""
_SYNC = re.compile(rb"\xff[\xe2-\xe7\xf0-\xff](?!\xff)", re.DOTALL)

# https://www.mp3-tech.org/programmer/frame_header.html, kb/s per (MPEG 1?, layer).
_BIT_RATES: dict[tuple[bool, int], tuple[int, ...]] = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = (44_100, 48_000, 32_000)


def first_frame(source: Source) -> int | None:
    """Where MPEG audio starts; None if there is only a tag, and nothing that is recognised."""
    start = id3v2_end(source)
    first = frames_behind(source, start)
    return None if first is None else start + first[1]


def frames_behind(source: Source, start: int) -> tuple[str, int] | None:
    """Recognise MPEG audio and ADTS by frames that follow one another; where they begin.

    Two are enough near the start; four of one kind far behind it, where chance has more room.
    """
    near = source.read(start, _NEAR_LEN)
    if family := _first_family(near, n_frames=2):
        return family
    if near[1:3] in {b"\x27\x20", b"\x2f\x20"} and near[:1] == b"\xc1":
        return "musepack", 0  # stream versions 4 and 5 have no magic of their own
    if len(near) < _NEAR_LEN:
        return None
    return _first_family(source.read(start, _SEARCH_LEN), n_frames=4)


def _first_family(data: bytes, *, n_frames: int) -> tuple[str, int] | None:
    """The first frames in `data` of which so many follow one another: their kind, where."""
    for match in _SYNC.finditer(data):
        for kind in _KINDS:
            if _frames_follow(data, match.start(), kind, n_frames):
                return kind.name, match.start()
    return None


def _frames_follow(data: bytes, start: int, kind: "_Kind", n_frames: int) -> bool:
    """Whether so many frames, each where the one before it ends, begin here."""
    first, at = data[start : start + 6], start
    for number in range(n_frames):
        head = data[at : at + 6]
        if not head:  # the end of what was read: one single frame, or some of several
            # A file of one single frame is audio if that begins it.
            return start == 0 or number > 1
        length = kind.length(head)
        # Of two frames only that they follow: the first may be a header of another bit rate.
        if not length or (n_frames > 2 and not kind.is_same(first, head)):
            return False
        at += length
    return True


def _mpeg_len(header: bytes) -> int:
    """Length in bytes of the MPEG audio frame that starts here, 0 if none does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, sample_index = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or rate_index in {0, 15} or sample_index == 3:
        return 0
    is_mpeg1 = version == 3
    sample_rate = _SAMPLE_RATES[sample_index] >> {3: 0, 2: 1, 0: 2}[version]
    bit_rate = 1000 * _BIT_RATES[is_mpeg1, layer][rate_index]
    padding = header[2] >> 1 & 1
    if layer == 1:
        return (12 * bit_rate // sample_rate + padding) * 4
    # An eighth of the samples in a frame: bits per byte.
    n_samples = 144 if layer == 2 or is_mpeg1 else 72
    return n_samples * bit_rate // sample_rate + padding


def _adts_len(header: bytes) -> int:
    """Length in bytes of the ADTS frame that starts here, 0 if none does."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 and header[2] >> 2 & 15 < 13 else 0


@dataclass(frozen=True, slots=True)
class _Kind:
    """A stream of frames: its name, how long a frame is, which bits all of them share."""

    name: str
    length: Callable[[bytes], int]
    shared: tuple[int, int]

    def is_same(self, header: bytes, other: bytes) -> bool:
        """Whether two frames can be of one stream."""
        return not any((header[i + 1] ^ other[i + 1]) & self.shared[i] for i in (0, 1))


_KINDS = (_Kind("mp3", _mpeg_len, (0xFE, 0x0C)), _Kind("aac", _adts_len, (0xFF, 0xFC)))
