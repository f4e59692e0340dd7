"""What every container family shares: an open file read at offsets, and byte patches.

A family never writes. It reads fields and *plans* a change of some as patches of byte ranges,
so that everything outside of them is kept by construction, in the file's own order and
spelling; `tagger.writing.safe_write` is the only place that puts bytes on a disk.
"""

import errno
import hashlib
import io
import os
import stat
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tagger.system.partial import PartialFile, is_partial
from tagger.tags.fields import Edits, Field, Style
from tagger.tags.places import GenrePlaces

MAX_TAG_LEN = 64 << 20
"""Bytes of metadata that are held in memory; a tag that claims more is taken for damaged."""

NEW_PADDING = 1024
"""Bytes left free in a tag that has to grow, so that the next change fits in place."""

BLOCK_LEN = 1 << 20
"""Bytes read at once where a whole range of a file is needed."""

Range = tuple[int, int]
"""Where bytes lie in a file: (offset, length)."""


@dataclass(frozen=True, slots=True)
class TagInfo:
    """What a file says of its genre, and of other fields that were asked for.

    Attributes:
        container: 'mp3', 'flac', 'ogg-vorbis', 'mp4', ... or 'unknown'.
        genres: the genres the file holds, each value one entry, empty ones dropped.
        unwritable: None if a genre can be written, else the sentence why not.
        others: the values of the other fields that were asked for, by name.
        is_consistent: every place in which a genre stands says the same, in the spelling that
            was asked for: to write the genres that it holds would change nothing.
    """

    container: str
    genres: tuple[str, ...]
    unwritable: str | None
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_consistent: bool = True

    def values(self, name: str) -> tuple[str, ...]:
        """The values of a field that was asked for."""
        return self.genres if name == "genre" else self.others[name]


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
        self.size = file.seek(0, os.SEEK_END)

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; shorter at the end of the file."""
        # A length field of a damaged file can say anything: it must not fill the memory.
        if length > MAX_TAG_LEN:
            raise ValueError(f"a length of {length} bytes is more than a tag can have")
        if not 0 <= offset < self.size or length <= 0:
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

    def blocks(self, offset: int, length: int) -> Iterator[bytes]:
        """The bytes of a range in blocks, up to the end of the file."""
        end = min(offset + length, self.size)
        while offset < end and (block := self.read(offset, min(BLOCK_LEN, end - offset))):
            yield block
            offset += len(block)

    def digest(self, offset: int, length: int) -> bytes:
        """SHA-256 of a range: stands for an element too long to be held."""
        digest = hashlib.sha256()
        for block in self.blocks(offset, length):
            digest.update(block)
        return digest.digest()


class TagFile(ABC):
    """One open file as a family sees it: what its tags say, and how they would change.

    For damaged bytes its methods raise what falls out of the parsing (ValueError,
    struct.error, IndexError, mutagen's own); `registry.translated` makes one of our errors of
    it.
    """

    def __init__(self, source: Source, container: str, style: Style) -> None:
        """Look at an open file.

        Args:
            source: the file.
            container: one of the family's.
            style: how values are spelled.
        """
        self.source, self.container, self.style = source, container, style

    @abstractmethod
    def values(self, field: Field) -> tuple[str, ...]:
        """The values of a field as the container means them; see also `genre_places`."""

    @abstractmethod
    def genre_places(self) -> GenrePlaces:
        """What every place says in which a genre can stand."""

    @abstractmethod
    def refusal(self) -> str | None:
        """None if fields can be written, else the reason."""

    @abstractmethod
    def plan(self, edits: Edits) -> list[Patch]:
        """The patches after which the file holds exactly `edits`, in order of offset."""

    @abstractmethod
    def others(self, fields: Collection[Field]) -> list[bytes]:
        """Every raw element of the metadata except `fields` (or its digest), in order."""

    @abstractmethod
    def ranges(self) -> list[Range]:
        """Where the audio payload lies, in the order in which it counts.

        Their bytes, one after another, are what must not change when a tag does.
        """

    def boundaries(self) -> bytes:
        """What else of the payload must not change, as where packets end."""
        return b""

    def landmarks(self, block_len: int) -> Iterator[bytes] | None:  # noqa: ARG002
        """Parts that tell the payload from others where its size is not quickly known.

        Args:
            block_len: bytes of a part.

        Returns:
            None where `ranges` are quickly known: blocks of these tell payloads apart.
        """
        return None


@dataclass(frozen=True, slots=True)
class Container:
    """One kind of file: what it is called, how it is recognised and decoded.

    Attributes:
        name: as results call it.
        suffixes: usual ones, in one string; what a file contains decides.
        magic: what such files begin with, behind ID3v2 tags.
        libsndfile: its name there; None where libsndfile does not decode it.
        demuxer: its name in FFmpeg, or None.
        codecs: decoders of FFmpeg, any of which is worth opening it for.
        limits: what people should know of it besides.
    """

    name: str
    suffixes: str = ""
    magic: tuple[bytes, ...] = ()
    libsndfile: str | None = None
    demuxer: str | None = None
    codecs: str = ""
    limits: str = ""

    @property
    def is_decoded(self) -> bool:
        """Whether a decoder may know it."""
        return bool(self.libsndfile or self.demuxer)


@dataclass(frozen=True, slots=True)
class Family:
    """Containers whose tags are alike: one module, and one line in `registry.FAMILIES`.

    Attributes:
        containers: what it knows.
        open: looks at an open file: (source, container, style) -> its tags.
        reads: the kinds of tags that are read, in the order in which they count.
        writes: the kind of tag that is written, and where; None if none is.
        several: how several values of a field are kept apart.
        recognise: (source, start, head) -> the container, where the first bytes alone do not
            say it; `head` are those at `start`, behind ID3v2 tags.
    """

    containers: tuple[Container, ...]
    open: Callable[[Source, str, Style], TagFile]
    reads: tuple[str, ...] = ()
    writes: str | None = None
    several: str | None = None
    recognise: Callable[[Source, int, bytes], str | None] | None = None

    def container_of(self, source: Source, start: int, head: bytes) -> str | None:
        """The name of the container that a file is; None for none of this family's."""
        for container in self.containers:
            # Nothing begins with one of no magic: such containers are left to `recognise`.
            if head.startswith(container.magic):
                return container.name
        return self.recognise(source, start, head) if self.recognise else None


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a regular file for reading at offsets; never waits for a pipe or a device.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    # Asked before and after opening: to open a pipe waits for its other end, and what a name
    # leads to may change in between.
    _check_regular(os.stat(path).st_mode)  # noqa: PTH116, a PathLike of any kind will do
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with _opened(path, os.open(path, flags)) as file:
        _check_regular(os.fstat(file.fileno()).st_mode)
        yield Source(path, file)


def _opened(path: Path, descriptor: int) -> BinaryIO:
    if not is_partial(path):
        return os.fdopen(descriptor, "rb")
    raw = PartialFile(descriptor, path, os.fstat(descriptor).st_size)
    return io.BufferedReader(raw)


def _check_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a file")


def rewritten(offset: int, old: bytes, new: bytes) -> list[Patch]:
    """The change from `old` to `new` at `offset`, without the equal bytes at its ends.

    What is left is often a hundred bytes instead of a tag with a picture.
    """
    if old == new:
        return []
    first = n_common(old, new)
    # Behind the equal start only: bytes that repeat would count for both ends.
    last = n_common(old[first:][::-1], new[first:][::-1])
    return [Patch(offset + first, len(old) - first - last, new[first : len(new) - last])]


def n_common(first: bytes, other: bytes) -> int:
    """How many leading bytes are equal (halving, since a loop over bytes is slow)."""
    low, high = 0, min(len(first), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
