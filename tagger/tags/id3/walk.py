"""Where the frames of an ID3v2 tag lie, in the ways in which a tag can be read.

Formats: https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from tagger.tags.id3.text import synchsafe
from tagger.tags.id3.unsync import Unstuffed, is_reproduced, is_stuffed

_FRAME_ID = re.compile(rb"[A-Z][A-Z0-9]{2,3}[ \0]?")

ReadAt = Callable[[int, int], bytes]
"""Gives up to so many bytes at an offset counted from the tag's first byte."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its id and where it lies, its own header included."""

    id: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header of a tag says of its frames.

    Attributes:
        version: 2, 3 or 4; of others no frame is found.
        end: where the frames and the padding end.
        is_extended: another header stands before the frames.
        is_packed: all of a 2.2 tag is compressed, in a way that nobody knows.
    """

    version: int
    end: int
    is_extended: bool
    is_packed: bool


class Walk:
    """The frames of a tag whose bytes are read in one way.

    Attributes:
        read: the bytes, as they are meant.
        raw: the same ranges, as they are stored.
        end: where they end.
    """

    def __init__(self, layout: Layout, read: ReadAt, raw: ReadAt, end: int) -> None:
        self.version, self._layout = layout.version, layout
        self.read, self.raw, self.end = read, raw, end

    def frames(self) -> Iterator[Frame]:
        """The frames in order, up to the padding or to bytes that are no frame."""
        if self.version not in (2, 3, 4) or self._layout.is_packed:
            return
        id_len, head_len = (3, 6) if self.version == 2 else (4, 10)
        offset = self.start
        # Less than a header is padding, whatever it holds.
        while offset + head_len <= self.end:
            head = self.read(offset, head_len)
            if len(head) < head_len or not _FRAME_ID.fullmatch(head[:id_len]):
                return
            length = head_len + self._size_of(head)
            if offset + length > self.end:
                return
            yield Frame(head[:id_len], offset, length)
            offset += length

    def is_clean(self) -> bool:
        """Whether the frames lead to the padding or to the end."""
        offset = self.start
        for frame in self.frames():
            offset = frame.offset + frame.length
        return not self.read(offset, self.end - offset).strip(b"\0")

    @cached_property
    def start(self) -> int:
        """Where the frames start: behind the extended header, if there is one.

        Some programs set its flag without one: then a frame's id stands there.
        """
        size = self.read(10, 4)
        if not self._layout.is_extended or _FRAME_ID.fullmatch(size):
            return 10
        length = synchsafe(size) if self.version == 4 else 4 + int.from_bytes(size, "big")
        return min(10 + max(length, 4), self.end)

    @cached_property
    def plain_sizes(self) -> bool:
        """Whether this 2.4 tag has 2.3's frame lengths, as old iTunes wrote them.

        What leads from frame to frame to a clean end is right.
        """
        if self.version != 4:
            return False
        return not self._leads_to_end(synchsafe) and self._leads_to_end(_plain)

    def _size_of(self, head: bytes) -> int:
        """The length of a frame's content, from its header."""
        if self.version == 2:
            return _plain(head[3:6])
        return (
            _plain(head[4:8]) if self.version == 3 or self.plain_sizes else synchsafe(head[4:8])
        )

    def _leads_to_end(self, number: Callable[[bytes], int]) -> bool:
        """Whether frames of these lengths follow each other up to the padding."""
        offset = self.start
        while offset + 10 <= self.end:
            head = self.read(offset, 10)
            if not head.strip(b"\0"):
                return True
            if not _FRAME_ID.fullmatch(head[:4]):
                return False
            offset += 10 + number(head[4:8])
        return offset <= self.end


@dataclass(frozen=True, slots=True)
class Unsynchronised:
    """How a tag before 2.4 whose header says 'unsynchronised' is to be read.

    Attributes:
        walk: its frames.
        is_stuffed: the header is right. Where it is not, no zero is taken out.
        is_contradictory: what readers who believe the header see is not what stands there.
        is_reproduced: stuffing it anew gives the same bytes.
    """

    walk: Walk
    is_stuffed: bool
    is_contradictory: bool
    is_reproduced: bool


def unsynchronised(layout: Layout, data: bytes) -> Unsynchronised:
    """Find out whether there is stuffing in a tag, which its header claims.

    Where stuffed bytes cannot be, the header lies. Where they can, the frames tell: read
    rightly, they lead to the padding, and none of them is swallowed by another.

    Args:
        layout: of the tag.
        data: all of it, with its header.
    """

    def stored(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    plain = Unstuffed(data)
    raw_walk = Walk(layout, stored, stored, layout.end)
    walk = Walk(layout, plain.read, plain.raw, len(plain))
    believed, other = (walk, raw_walk) if is_stuffed(data[10:]) else (raw_walk, walk)
    # -1: it leads to nothing, which is worse than no frame.
    n_believed = len(list(believed.frames())) if believed.is_clean() else -1
    n_other = len(list(other.frames())) if other.is_clean() else -1
    # Stuffing has to show more frames to be disbelieved; no stuffing only where it fails.
    is_wrong = n_other > n_believed if believed is walk else n_believed < 0 <= n_other
    chosen = other if is_wrong else believed
    return Unsynchronised(
        chosen,
        is_stuffed=chosen is walk,
        is_contradictory=is_wrong,
        is_reproduced=chosen is raw_walk or is_reproduced(data[10:]),
    )


def _plain(digits: bytes) -> int:
    return int.from_bytes(digits, "big")
