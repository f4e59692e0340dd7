"""The bytes that lead back from a changed file, in as few bytes as possible.

A new comment moves the picture behind it, and a plain record of what was there before would
hold all of that picture. What the new file still has, wherever, is named by place instead.

    header   version of this format
    patch    offset, length (of what is replaced in the new file), number of parts
    part     0, length, the bytes themselves    or    1, place in what is replaced, length

Numbers are little-endian and of variable length (7 bits a byte); all of it is deflated.
"""

import zlib
from collections.abc import Iterator, Sequence

from tagger.tags.base import Patch, Source, n_common

_VERSION = 1
_BLOCK_LEN = 32
_MAX_TRIES = 1024
_MAX_SEARCHED = 1 << 30
"""Blocks that are looked for, and bytes that this may cost: most changes need two or three."""

_Part = bytes | tuple[int, int]


def pack(patches: Sequence[Patch], undo: Sequence[Patch]) -> bytes:
    """The record of how a change is undone.

    Args:
        patches: the change.
        undo: what undoes it, one for each of `patches`.
    """
    out = bytearray([_VERSION])
    for patch, back in zip(patches, undo, strict=True):
        parts = _delta(back.data, patch.data)
        _put(out, back.offset, back.length, len(parts))
        for part in parts:
            if isinstance(part, bytes):
                _put(out, 0, len(part))
                out += part
            else:
                _put(out, 1, *part)
    return zlib.compress(bytes(out))


def unpack(record: bytes, source: Source) -> tuple[Patch, ...]:
    """The patches that undo a change.

    Args:
        record: what `pack` made.
        source: the changed file.

    Raises:
        ValueError: the record does not fit the file, or is damaged.
    """
    try:
        data = memoryview(zlib.decompress(record))
        return tuple(_patches(data, source))
    except (zlib.error, IndexError) as error:
        raise ValueError(f"the record of how it was is damaged ({error})") from error


def _patches(data: memoryview, source: Source) -> Iterator[Patch]:
    if data[0] != _VERSION:
        raise ValueError("a newer tagger made the record of how it was")
    at = 1
    while at < len(data):
        (offset, length, n_parts), at = _take(data, at, 3)
        new, old = source.exact(offset, length), bytearray()
        for _ in range(n_parts):
            (kind, first), at = _take(data, at, 2)
            if kind == 0:
                old += data[at : at + first]
                at += first
            else:
                (part_len,), at = _take(data, at, 1)
                old += new[first : first + part_len]
        yield Patch(offset, length, bytes(old))


def _delta(old: bytes, new: bytes) -> list[_Part]:
    """The old bytes as parts: themselves, or where the new ones have them."""
    parts: list[_Part] = []
    at = copied = 0
    # Bounded twice: in tries, and in bytes that these may have to search.
    for _ in range(min(_MAX_TRIES, 16 + _MAX_SEARCHED // (len(old) + len(new) + 1))):
        if at + _BLOCK_LEN > len(old):
            break
        place = new.find(old[at : at + _BLOCK_LEN])
        if place < 0:
            at += _BLOCK_LEN
            continue
        # What is alike may begin before the block that was looked for.
        back = n_common(old[copied:at][::-1], new[max(0, place - (at - copied)) : place][::-1])
        length = back + n_common(old[at:], new[place:])
        if at - back > copied:
            parts.append(old[copied : at - back])
        parts.append((place - back, length))
        copied = at = at - back + length
    if copied < len(old):
        parts.append(old[copied:])
    return parts


def _put(out: bytearray, *numbers: int) -> None:
    for number in numbers:
        left = number
        while left > 0x7F:
            out.append(left & 0x7F | 0x80)
            left >>= 7
        out.append(left)


def _take(data: memoryview, at: int, count: int) -> tuple[list[int], int]:
    """The next `count` numbers, and where what follows them begins."""
    parts = []
    for _ in range(count):
        number = shift = 0
        while data[at] & 0x80:
            number |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
        parts.append(number | data[at] << shift)
        at += 1
    return parts, at
