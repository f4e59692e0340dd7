"""Whether a stream really ends where the tag behind it begins.

The audio of a file that was cut off lacks its end; a decoder then takes what follows, the
tag, for audio. Such a file must not get another tag: it would sound different.
WavPack: https://www.wavpack.com/WavPack5FileFormat.pdf; Monkey's Audio: the descriptor of
version 3.98 and later; TAK: the block of the last frame; DSF: the length of its data chunk.
"""

from collections.abc import Callable

from tagger.tags.base import Source

_CUT = "its audio is cut off, or its header is wrong about its length"
_WAVPACK_HEAD, _MAX_BLOCKS = 32, 1 << 20
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
    for _ in range(_MAX_BLOCKS):
        if start == end:
            return True
        head = source.read(start, _WAVPACK_HEAD)
        length = 8 + int.from_bytes(head[4:8], "little")
        if head[:4] != b"wvpk" or length < _WAVPACK_HEAD or start + length > end:
            return False
        start += length
    return False


def _is_ape_whole(source: Source, start: int, end: int) -> bool:
    """The parts that the descriptor counts are there; older headers do not count them."""
    (version,) = source.unpack("<H", start + 4)
    if version < _APE_DESCRIPTOR:
        return True
    *lengths, audio_high, wav_end = source.unpack("<7I", start + 8)
    total: int = sum(lengths) + (audio_high << 32) + wav_end
    return start + total <= end


def _is_tak_whole(source: Source, start: int, end: int) -> bool:
    """The last frame that the metadata names ends in time."""
    at, last = start + 4, None
    while at + 4 <= end:
        head = source.exact(at, 4)
        kind, length = head[0] & 0x7F, int.from_bytes(head[1:], "little")
        at += 4
        if kind == 0:  # the frames begin here
            return last is not None and at + last <= end
        if kind == 7 and length == 11:
            body = source.exact(at, 8)
            last = int.from_bytes(body[:5], "little") + int.from_bytes(body[5:], "little")
        at += length
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
    "dsf": _is_dsf_whole,
}
