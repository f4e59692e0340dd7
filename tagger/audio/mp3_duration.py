"""How long an mp3 must be, judged from a few headers: is libsndfile to be trusted with it?

libsndfile takes the length of an mp3 from libmpg123 and never decodes beyond it. libmpg123
knows the length only from a Xing/Info header at the place that the MPEG version prescribes;
without one it divides the file's size by the size of the first frame. That is right while
the bitrate is constant, and wrong in files that exist in numbers:

- FFmpeg around 3.0 (Lavf57) wrote the Info header of mono MPEG-2 files (16 to 24 kHz) where
  only stereo files have it. The header frame, 40 kb/s because the header needs the room,
  is then taken for music, and 30.1 s of 24 kb/s are cut to 18.1 s.
- Files of variable bitrate without a Xing header.
- Spliced, truncated and partly overwritten files.

Such a file is for FFmpeg, which counts packets. So is one whose Xing header states another
size than the file has: the length is then in doubt, and libmpg123 complains on stderr.

Tags at either end are no part of that size (`tagger.audio.stream_end`).
"""

import os
from typing import NamedTuple

_BITRATES_KBPS = {
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {0: (11025, 12000, 8000), 2: (22050, 24000, 16000), 3: (44100, 48000, 32000)}
_LAYER_3 = 1
_N_SPOTS = 8
_SPOT_BYTES = 4096  # two frames of the largest size (1,441 bytes) and the search for them
_MAX_TAGS = 16
_TAGGED_OTHERS = {b"fLaC", b"RIFF", b"FORM"}
"""Files that some programs put ID3v2 in front of; libsndfile steps over it by itself."""


class _Frame(NamedTuple):
    """One layer III frame header (ISO/IEC 11172-3, 2.4.2.3)."""

    version: int  # the header's two bits: 3 for MPEG-1, 2 for MPEG-2, 0 for MPEG-2.5
    bitrate_bps: int
    sample_rate: int
    n_bytes: int
    side_len: int

    @property
    def n_samples(self) -> int:
        return 1152 if self.version == 3 else 576

    def continues(self, other: "_Frame") -> bool:
        """Tell whether both can belong to one stream of constant bitrate."""
        return self[:3] == other[:3]


def find_start(descriptor: int) -> int | None:
    """Return where the audio of an mp3 begins, in bytes, or None for other files.

    ID3v2 tags are stepped over. What follows them need not be a valid frame: a file with such
    a tag that announces itself as nothing else is for the mp3 decoders to judge.
    """
    start = 0
    for _ in range(_MAX_TAGS):
        head = _read_at(descriptor, start, 10)
        if len(head) < 10 or head[:3] != b"ID3":
            break
        size = 0
        for byte in head[6:]:  # seven bits each
            size = size << 7 | byte & 0x7F
        start += 10 + size + (10 if head[5] & 0x10 else 0)  # the flag announces a footer
    # Eleven bits of sync, and a layer that is not the reserved one (which ADTS has).
    is_sync = len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 6 != 0
    is_tagged = start > 0 and head[:4] not in _TAGGED_OTHERS
    return start if is_sync or is_tagged else None


def expected_duration(descriptor: int, start: int, end: int | None) -> float | None:
    """Work out the length of an mp3 from its Xing header or its constant bitrate.

    Args:
        descriptor: the open file.
        start: where the audio begins, in bytes.
        end: where it ends, in bytes; None for the end of the file.

    Returns:
        Seconds, to within a per cent or so; None when nothing reliable can be said.
    """
    payload_len = (os.fstat(descriptor).st_size if end is None else end) - start
    head = _read_at(descriptor, start, _SPOT_BYTES)
    frame = _parse(head)
    if frame is None or payload_len <= 0:
        return None
    # Behind the header and the side information, whose length version and channels give.
    xing = head[4 + frame.side_len :][:16]
    if xing[:4] in (b"Xing", b"Info"):
        return _xing_duration(xing, frame, payload_len)
    return _constant_duration(descriptor, frame, start, payload_len)


def _xing_duration(xing: bytes, frame: _Frame, payload_len: int) -> float | None:
    flags, n_frames, n_bytes = (int.from_bytes(xing[at : at + 4]) for at in (4, 8, 12))
    # Frames and bytes must both be stated, and the bytes must be those of the file.
    if flags & 3 != 3 or n_frames == 0 or not 0.99 < n_bytes / payload_len < 1.01:
        return None
    return n_frames * frame.n_samples / frame.sample_rate


def _constant_duration(
    descriptor: int, frame: _Frame, start: int, payload_len: int
) -> float | None:
    """Return the length if frames all over the file are like the first, else None."""
    # In so short a file the spots would overlap and prove nothing.
    if payload_len < 4 * _SPOT_BYTES:
        return None
    for spot in range(_N_SPOTS):
        at = start + spot * (payload_len - _SPOT_BYTES) // _N_SPOTS
        header = _find_frame(_read_at(descriptor, at, _SPOT_BYTES))
        if header is None or not header.continues(frame):
            return None
    return payload_len * 8 / frame.bitrate_bps


def _read_at(descriptor: int, offset: int, n_bytes: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)  # os.pread does not exist on Windows
    return os.read(descriptor, n_bytes)


def _find_frame(piece: bytes) -> _Frame | None:
    """Return the first header in a piece of a file that is followed by one of its kind."""
    at = piece.find(b"\xff")
    while at >= 0:
        frame = _parse(piece[at : at + 4])
        if frame is not None:
            following = _parse(piece[at + frame.n_bytes :][:4])
            if following is not None and following.sample_rate == frame.sample_rate:
                return frame
        at = piece.find(b"\xff", at + 1)
    return None


def _parse(head: bytes) -> _Frame | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = (head[1] >> 3) & 3, (head[1] >> 1) & 3
    bitrate_index, rate_index = head[2] >> 4, (head[2] >> 2) & 3
    if version == 1 or layer != _LAYER_3 or rate_index == 3 or bitrate_index in (0, 15):
        return None
    is_mpeg1 = version == 3
    bitrate_bps = 1000 * _BITRATES_KBPS[1 if is_mpeg1 else 2][bitrate_index - 1]
    sample_rate = _RATES_HZ[version][rate_index]
    is_mono = head[3] >> 6 == 3
    return _Frame(
        version=version,
        bitrate_bps=bitrate_bps,
        sample_rate=sample_rate,
        n_bytes=(144 if is_mpeg1 else 72) * bitrate_bps // sample_rate + (head[2] >> 1 & 1),
        side_len=(17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17),
    )
