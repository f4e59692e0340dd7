"""ID3's unsynchronisation: zeros stuffed behind FF bytes, and where the stuffed ones lie.

FF is followed by a stuffed zero wherever it would be followed by E0 to FF, by a zero, or by the
end. Many programs set the flag and stuff nothing: then what looks stuffed is the picture's own.
https://id3.org/id3v2.4.0-structure, section 6.1.
"""

import re
from bisect import bisect_right

_UNSAFE = re.compile(rb"\xff(?:[\xe0-\xff]|\Z)")
_STUFFED = re.compile(rb"\xff\x00")
_TO_STUFF = re.compile(rb"\xff(?=[\xe0-\xff\x00]|\Z)")


def is_stuffed(data: bytes) -> bool:
    """Whether bytes can be what unsynchronisation leaves; else a flag that says so lies."""
    return _UNSAFE.search(data) is None


def unstuffed(data: bytes) -> bytes:
    """The bytes without stuffed zeros; what cannot be stuffed is as it should be already."""
    return data.replace(b"\xff\x00", b"\xff") if is_stuffed(data) else data


def stuffed(data: bytes) -> bytes:
    """The bytes with a zero behind each FF that needs one."""
    return _TO_STUFF.sub(b"\xff\x00", data)


def is_reproduced(data: bytes) -> bool:
    """Whether unstuffing and stuffing again gives the same bytes, padding aside."""
    # Programs that stuff less than they must leave bytes that ours would not give back.
    return not is_stuffed(data) or stuffed(unstuffed(data)).rstrip(b"\0") == data.rstrip(b"\0")


class Unstuffed:
    """Stuffed bytes read as what they mean; a range of it can be had with its stuffing."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._plain = raw.replace(b"\xff\x00", b"\xff")
        matches = _STUFFED.finditer(raw)
        self._left_out = [match.end() - 1 - number for number, match in enumerate(matches)]

    def __len__(self) -> int:
        return len(self._plain)

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at an offset of the unstuffed bytes."""
        return self._plain[offset : offset + length]

    def raw(self, offset: int, length: int) -> bytes:
        """The same range as it is stored; a zero stuffed at its end belongs to it."""
        return self._raw[self._stored_at(offset) : self._stored_at(offset + length)]

    def _stored_at(self, offset: int) -> int:
        return offset + bisect_right(self._left_out, offset)
