"""What every container family shares: an open file read at offsets, and byte patches.

A family never writes. It reads the genres and *plans* the change as patches of byte ranges,
so that everything outside of them is kept by construction, in the file's own order and
spelling; `tagger.safewrite` is the only place that puts bytes on a disk.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

MAX_TAG_LEN = 64 << 20
"""Bytes of metadata that are held in memory; a tag that claims more is taken for damaged."""

DEFAULT_SEPARATOR = "; "
"""Joins several genres where the format knows one string only (ID3v2.3)."""


@dataclass(frozen=True, slots=True)
class TagInfo:
    """What a file says of its genre.

    Attributes:
        container: 'mp3', 'flac', 'ogg-vorbis', 'mp4', ... or 'unknown'.
        genres: the genres the file holds, each value one entry, empty ones dropped.
        unwritable: None if a genre can be written, else the sentence why not.
    """

    container: str
    genres: tuple[str, ...]
    unwritable: str | None


@dataclass(frozen=True, slots=True)
class Patch:
    """Replace `length` bytes at `offset` of a file by `data`."""

    offset: int
    length: int
    data: bytes


class Source:
    """One open file, read at offsets; a lying length costs an error, never memory."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.size = file.seek(0, 2)

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; shorter at the end of the file."""
        if length > MAX_TAG_LEN:
            raise ValueError(f"a length of {length} bytes is more than a tag can have")
        if offset >= self.size or length <= 0:
            return b""
        self.file.seek(offset)
        return self.file.read(length)

    def exact(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset`.

        Raises:
            ValueError: the file ends before, or the length is absurd.
        """
        if offset < 0 or length < 0 or offset + length > self.size:
            raise ValueError(f"{length} bytes at offset {offset} are outside of the file")
        return self.read(offset, length)

    def unpack(self, layout: str, offset: int) -> tuple[Any, ...]:
        """The fields of a `struct` layout at `offset`."""
        return struct.unpack(layout, self.exact(offset, struct.calcsize(layout)))


class Family(Protocol):
    """The functions that every module of a container family has.

    They raise ValueError (or struct.error) for damaged bytes; `registry` makes it a
    TagError that names the file.
    """

    def genres(self, source: Source, container: str, separator: str) -> tuple[str, ...]:
        """The genres as the container means them."""

    def refusal(self, source: Source, container: str) -> str | None:
        """None if a genre can be written, else the reason."""

    def plan(
        self, source: Source, container: str, genres: Sequence[str], separator: str
    ) -> list[Patch]:
        """The patches after which the file holds exactly `genres`."""

    def others(self, source: Source, container: str) -> list[bytes]:
        """Every raw element of the metadata except the genre, in order."""


def kept(values: Iterable[str]) -> tuple[str, ...]:
    """The values that say something; whitespace alone does not."""
    return tuple(value for value in values if value.strip())


def trimmed(patch: Patch, old: bytes) -> Patch:
    """The same change without the equal bytes at its ends.

    Only for a change that keeps the length: then what is left is often a hundred bytes
    instead of a tag with a picture.
    """
    new = patch.data
    if len(old) != len(new) or old == new:
        return patch
    first = _n_common(old, new)
    last = _n_common(old[first:][::-1], new[first:][::-1])
    data = new[first : len(new) - last]
    return Patch(patch.offset + first, len(data), data)


def _n_common(one: bytes, other: bytes) -> int:
    """How many leading bytes are equal (halving, since a loop over bytes is slow)."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
