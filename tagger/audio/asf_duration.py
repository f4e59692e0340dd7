"""How long an ASF file (WMA) says it is, whatever its tags hold.

FFmpeg believes the header while the file's size is within 5 % of that stated there, and
divides the size by the bitrate otherwise: a longer tag would move the windows.
Format: Advanced Systems Format (ASF) Specification, 01.20.05, 3.2 and 5.1.
"""

from contextlib import closing
from pathlib import Path

from tagger.audio.open_files import Part
from tagger.audio.reader import LOWEST_BITRATE_BPS

_MAX_HEADER_LEN = 64 << 20
_HEAD_LEN, _PROPERTIES_LEN, _IS_BROADCAST = 30, 68, 1


def stated_duration(path: Path) -> float | None:
    """Return the length in seconds; None if the audio is cut off or the length not stated."""
    from tagger.tags.asf.objects import DATA, FILE, objects_in  # noqa: PLC0415 - only for WMA

    with closing(Part(path)) as file:
        size = file.seek(0, 2)
        file.seek(0)
        header_len = _number(file.read(_HEAD_LEN), 16)
        if not _HEAD_LEN < header_len < min(size, _MAX_HEADER_LEN):
            return None
        header = file.read(header_len - _HEAD_LEN)
        data = file.read(24)
    properties = next(
        (element.data for element in objects_in(header) if element.guid == FILE), b""
    )
    data_len = _number(data, 16)
    if (
        len(properties) < _PROPERTIES_LEN
        or properties[64] & _IS_BROADCAST
        or data[:16] != DATA
        or header_len + data_len > size
    ):
        return None
    length_s = _number(properties, 40) / 1e7 - _number(properties, 56) / 1e3
    is_plausible = 0 < length_s * LOWEST_BITRATE_BPS <= data_len * 8
    return length_s if is_plausible else None


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")
