"""EBML: elements within elements, each with an id, a length and a content.

https://www.rfc-editor.org/rfc/rfc8794
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tagger.tags.base import Source

VOID, CRC32 = 0xEC, 0xBF
"""Padding, and a checksum that stands first in its parent: elements that may stand anywhere."""

MIN_VOID = 2
_MAX_SIZE_WIDTH = 8
_MAX_ID_WIDTH = 4


@dataclass(frozen=True, slots=True)
class Element:
    """One element.

    Attributes:
        id: with the bits that say how long it is.
        offset: where it starts.
        content: where what is in it starts.
        end: where the next element starts.
        is_open: its length is not given; `end` is that of its parent.
    """

    id: int
    offset: int
    content: int
    end: int
    is_open: bool = False

    @property
    def size_at(self) -> int:
        """Where its length stands."""
        return self.offset + (self.id.bit_length() + 7) // 8

    @property
    def size_width(self) -> int:
        """Bytes of its length."""
        return self.content - self.size_at


def element_at(source: Source, offset: int, end: int) -> Element:
    """The element that starts at an offset.

    Args:
        source: the file, or bytes as one.
        offset: where.
        end: where its parent ends; an element that leads farther keeps its own end.

    Raises:
        ValueError: no element starts there.
    """
    head = source.read(offset, min(_MAX_ID_WIDTH + _MAX_SIZE_WIDTH, end - offset))
    id_width = _width(head[:1], _MAX_ID_WIDTH)
    size_width = _width(head[id_width : id_width + 1], _MAX_SIZE_WIDTH)
    if len(head) < id_width + size_width:
        raise ValueError(f"the element at {offset} is cut off")
    size = int.from_bytes(head[id_width : id_width + size_width], "big")
    # The bit that says how many bytes a length takes is no part of it; ids keep theirs.
    size -= 1 << 7 * size_width
    is_open = size == (1 << 7 * size_width) - 1
    content = offset + id_width + size_width
    number = int.from_bytes(head[:id_width], "big")
    return Element(number, offset, content, end if is_open else content + size, is_open)


def elements_in(source: Source, start: int, end: int) -> Iterator[Element]:
    """The elements from an offset to an end.

    Raises:
        ValueError: they do not fill it.
    """
    while start < end:
        element = element_at(source, start, end)
        if element.end > end:
            raise ValueError(f"the element at {start} leads out of the one around it")
        yield element
        start = element.end


def parts_of(data: bytes) -> list[tuple[int, bytes]]:
    """The elements in a content that is held in memory: id, and all of its bytes.

    Raises:
        ValueError: they do not fill it.
    """
    parts, start = [], 0
    while start < len(data):
        id_width = _width(data[start : start + 1], _MAX_ID_WIDTH)
        content, end = _bounds(data, start + id_width)
        parts.append((int.from_bytes(data[start : start + id_width], "big"), data[start:end]))
        if content > end or end > len(data):
            raise ValueError("an element leads out of the one around it")
        start = end
    return parts


def content_of(raw: bytes) -> bytes:
    """What is in an element, without id and length."""
    id_width = _width(raw[:1], _MAX_ID_WIDTH)
    return raw[_bounds(raw, id_width)[0] :]


def number_in(raw: bytes) -> int:
    """The unsigned number that an element holds; none is 0."""
    return int.from_bytes(content_of(raw), "big")


def element_bytes(number: int, content: bytes, *, size_width: int = 0) -> bytes:
    """A new element; its length takes at least so many bytes."""
    width = max(size_width, 1)
    while len(content) >= (1 << 7 * width) - 1:  # all ones would say that it is open
        width += 1
    head = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return head + size_bytes(len(content), width) + content


def size_bytes(size: int, width: int) -> bytes:
    """A length in so many bytes.

    Raises:
        ValueError: they cannot say it.
    """
    if size >= (1 << 7 * width) - 1:
        raise ValueError(f"a length of {size} does not fit into {width} bytes")
    return (size | 1 << 7 * width).to_bytes(width, "big")


def number_bytes(number: int, value: int) -> bytes:
    """A new element that holds an unsigned number."""
    return element_bytes(number, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def void_bytes(length: int) -> bytes:
    """Padding of so many bytes, 0 or at least `MIN_VOID`."""
    if not length:
        return b""
    # Room of 128 bytes can be had with no length of one byte: it is written in eight.
    for width in (1, _MAX_SIZE_WIDTH):
        rest = length - 1 - width
        if 0 <= rest < (1 << 7 * width) - 1:
            return element_bytes(VOID, bytes(rest), size_width=width)
    raise ValueError(f"there is no padding of {length} bytes")


def fitted(raw: bytes, room: int) -> bytes | None:
    """An element and padding behind it that fill a room; None if it has not got enough."""
    if room - len(raw) == 1:  # no padding is as short: the length is written longer, or shorter
        number = parts_of(raw)[0][0]
        content = content_of(raw)
        width = len(raw) - len(content) - (number.bit_length() + 7) // 8
        width += 1 if width < _MAX_SIZE_WIDTH else -1
        raw = element_bytes(number, content, size_width=width)
    return raw + void_bytes(room - len(raw)) if room >= len(raw) else None


def has_right_checksum(content: bytes) -> bool:
    """Whether the checksum that stands first in a content, if one does, is that of the rest."""
    parts = parts_of(content)
    if not parts or parts[0][0] != CRC32:
        return True
    checksum = parts[0][1]
    rest = content[len(checksum) :]
    return int.from_bytes(content_of(checksum), "little") == zlib.crc32(rest)


def joined(parts: Sequence[tuple[int, bytes]]) -> bytes:
    """Elements as a content; a checksum that stands first is computed anew."""
    rest = b"".join(raw for number, raw in parts if number != CRC32)
    if not parts or parts[0][0] != CRC32:
        return rest
    return element_bytes(CRC32, zlib.crc32(rest).to_bytes(4, "little")) + rest


def _width(first: bytes, most: int) -> int:
    """How many bytes a number takes, by its first one."""
    width = 9 - first[0].bit_length() if first else most + 1
    if width > most:
        raise ValueError("the bytes are no EBML element")
    return width


def _bounds(data: bytes, size_at: int) -> tuple[int, int]:
    """Where a content starts and ends, by the length that stands at an index."""
    width = _width(data[size_at : size_at + 1], _MAX_SIZE_WIDTH)
    size = int.from_bytes(data[size_at : size_at + width], "big") - (1 << 7 * width)
    return size_at + width, size_at + width + size
