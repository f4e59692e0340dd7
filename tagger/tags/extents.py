"""Whether a stream really ends where the tag behind it begins.

The audio of a file that was cut off lacks its end; a decoder then takes what follows, the
tag, for audio. Such a file must not get another tag: it would sound different.
WavPack: https://www.wavpack.com/WavPack5FileFormat.pdf; Monkey's Audio: the descriptor of
version 3.98 and later; TAK: the block of the last frame; Musepack:
https://trac.musepack.net/musepack/wiki/SV8Specification; DSF: the length of its data chunk.
"""

import hashlib
from collections.abc import Callable

from tagger.tags.base import Source

_CUT = "its audio is cut off or damaged, or its header is wrong about its length"
_WAVPACK_HEAD, _MAX_FRAMES = 32, 1 << 20
_APE_DESCRIPTOR = 3980


def check_extent(source: Source, container: str, start: int, end: int) -> None:
    """Make sure that the stream from `start` is whole and ends at `end` or before.

    Raises:
        ValueError: it does not.
    """
    if (check := _CHECKS.get(container)) is not None and not check(source, start, end):
        raise ValueError(_CUT)


def _is_wavpack_whole(source: Source, start: int, end: int) -> bool:
    """Blocks follow one another up to the end."""
    for _ in range(_MAX_FRAMES):
        if start == end:
            return True
        # The size in a block does not count its own first eight bytes.
        head = source.read(start, _WAVPACK_HEAD)
        length = 8 + int.from_bytes(head[4:8], "little")
        if head[:4] != b"wvpk" or length < _WAVPACK_HEAD or start + length > end:
            return False
        start += length
    return False


def _is_ape_whole(source: Source, start: int, end: int) -> bool:
    """The parts that the descriptor counts are there; older headers do not count them.

    FFmpeg takes all up to the end of the file for the last frame: what is damaged in it would
    be filled from the tag. The descriptor's MD5 tells.
    """
    (version,) = source.unpack("<H", start + 4)
    # Before 3.98 there is no descriptor: nothing says how long the audio is.
    if version < _APE_DESCRIPTOR:
        return True
    own, *heads, wav_head, audio, audio_high, wav_end = source.unpack("<7I", start + 8)
    head, body = sum(heads), wav_head + audio + (audio_high << 32) + wav_end
    if start + own + head + body > end:
        return False
    expected = source.exact(start + 36, 16)
    digest = hashlib.md5(usedforsecurity=False)
    for offset, length in ((start + own + head, body), (start + own, head)):
        for block in source.blocks(offset, length):
            digest.update(block)
    # Encoders that were stopped leave the sum empty; that is no sign of damage.
    return expected in (bytes(16), digest.digest())


def _is_tak_whole(source: Source, start: int, end: int) -> bool:
    """The last frame that the metadata names ends in time."""
    at, last = start + 4, None
    while at + 4 <= end:
        head = source.exact(at, 4)
        kind, length = head[0] & 0x7F, int.from_bytes(head[1:], "little")
        at += 4
        if kind == 0:  # the frames begin here
            return last is not None and at + last <= end
        # Where the last frame lies (5 bytes), how long it is (3), and a checksum.
        if kind == 7 and length == 11:
            body = source.exact(at, 8)
            last = int.from_bytes(body[:5], "little") + int.from_bytes(body[5:], "little")
        at += length
    return False


def _is_musepack_whole(source: Source, start: int, end: int) -> bool:
    """All frames (stream version 7), or packets (8), are there; older ones are not counted."""
    head = source.exact(start, 8)
    if head[:4] == b"MPCK":
        return _has_packets(source, start + 4, end)
    if head[:3] != b"MP+" or head[3] & 15 != 7:
        return True
    # From bit 8 of the first word behind the header: 20 bits of length, then the frame.
    first, at, n_frames = start + 24, 8, int.from_bytes(head[4:], "little")
    for _ in range(min(n_frames, _MAX_FRAMES)):
        offset = first + at // 32 * 4
        if offset + 4 > end:
            return False
        # Little-endian words whose bits are read from the top: a length may lie across two.
        two_words = source.read(offset, 8).ljust(8, b"\0")
        bits = int.from_bytes(two_words[3::-1] + two_words[:3:-1], "big")
        at += 20 + (bits >> (44 - at % 32) & 0xFFFFF)
    return n_frames <= _MAX_FRAMES and first + (at + 31) // 32 * 4 <= end


def _has_packets(source: Source, at: int, end: int) -> bool:
    """Packets follow one another up to the one that says that it is the last."""
    while at + 3 <= end:
        head = source.read(at, 12)
        length, n_bytes = 0, 2
        for byte in head[2:]:
            length, n_bytes = length << 7 | byte & 0x7F, n_bytes + 1
            if byte < 0x80:
                break
        if head[:2] == b"SE":
            return at + length <= end
        at += max(length, n_bytes)
    return False


def _is_dsf_whole(source: Source, start: int, end: int) -> bool:
    """The data chunk ends in time."""
    fmt, fmt_len = source.unpack("<4sQ", start + 28)
    data, data_len = source.unpack("<4sQ", start + 28 + fmt_len)
    return bool(fmt + data == b"fmt data" and start + 28 + fmt_len + data_len <= end)


_CHECKS: dict[str, Callable[[Source, int, int], bool]] = {
    "wavpack": _is_wavpack_whole,
    "ape": _is_ape_whole,
    "tak": _is_tak_whole,
    "musepack": _is_musepack_whole,
    "dsf": _is_dsf_whole,
}
