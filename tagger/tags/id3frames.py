"""ID3v2 as bytes: find the genre in a tag, or exchange it and keep every other frame.

Libraries that save a whole tag re-sort its frames, rewrite their text and change the version.
Here the frames that are not the genre are carried over as they stand.
Formats: https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tagger.tags.base import NEW_PADDING
from tagger.tags.detect import is_id3v2
from tagger.tags.id3text import expanded, frame_values, genre_frame, synchsafe, synchsafe_bytes

_MAX_BODY = (1 << 28) - 1
_MAX_FRAME_LEN = 1 << 20
_FRAME_ID = re.compile(rb"[A-Z][A-Z0-9]{2,3}[ \0]?")
_GENRE_IDS = (b"TCON", b"TCO")

ReadAt = Callable[[int, int], bytes]
"""Gives up to so many bytes at an offset counted from the tag's first byte."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its id and where it lies, its own header included."""

    id: bytes
    offset: int
    length: int


class Tag:
    """One ID3v2 tag, read where it lies; frames that are not asked for are not read.

    Attributes:
        version: 2, 3 or 4 (or something else, which is refused elsewhere).
        unsync: the tag (2.2, 2.3) or its frames (2.4) are unsynchronised.
        total: bytes of the whole tag with header and footer.
        end: where the frames and the padding end.
    """

    def __init__(self, read: ReadAt) -> None:
        header = read(0, 10)
        if not is_id3v2(header):
            raise ValueError("there is no ID3v2 tag where one should be")
        flags, body_len = header[5], synchsafe(header[6:10])
        self.version = header[3]
        self.unsync = bool(flags & 0x80)
        self.extended = bool(flags & 0x40) and self.version > 2
        self.packed = bool(flags & 0x40) and self.version == 2
        footer = 10 if self.version == 4 and flags & 0x10 else 0
        self.total = 10 + body_len + footer
        self.read, self.end = read, 10 + body_len
        if self.unsync and self.version < 4:
            # Before 2.4 the scheme covers the whole tag: it is undone for all of it.
            data = header + read(10, body_len).replace(b"\xff\x00", b"\xff")
            self.read, self.end = (lambda at, length: data[at : at + length]), len(data)

    def refusal(self) -> str | None:
        """Why no genre can be put into this tag; None if one can."""
        if self.version == 2:
            return "Its tag is ID3v2.2, which would have to be converted to a newer version."
        if self.version not in (3, 4):
            return f"Its tag is of the unknown version ID3v2.{self.version}."
        return None

    def genres(self, separator: str) -> tuple[str, ...]:
        """The genres; one ID3v2.2 or 2.3 string is split at the separator."""
        values: list[str] = []
        for frame in self.frames():
            if frame.id in _GENRE_IDS:
                raw = self.read(frame.offset, min(frame.length, _MAX_FRAME_LEN))
                values += frame_values(
                    raw, self.version, unsync=self.unsync, separator=separator
                )
        return expanded(values)

    def frames(self) -> Iterator[Frame]:
        """The frames in order, up to the padding or to bytes that are no frame."""
        if self.version not in (2, 3, 4) or self.packed:
            return
        id_len, head_len = (3, 6) if self.version == 2 else (4, 10)
        offset = self.start
        while offset + head_len < self.end:
            head = self.read(offset, head_len)
            if len(head) < head_len or not _FRAME_ID.fullmatch(head[:id_len]):
                return
            length = head_len + self._size_of(head)
            if offset + length > self.end:
                return
            yield Frame(head[:id_len], offset, length)
            offset += length

    def others(self) -> list[bytes]:
        """Every frame but the genre, raw and in order, and what lies behind the last."""
        found, offset = [], self.start
        for frame in self.frames():
            offset = frame.offset + frame.length
            if frame.id not in _GENRE_IDS:
                found.append(self.read(frame.offset, frame.length))
        rest = self.read(offset, self.end - offset).rstrip(b"\0")
        return [*found, rest] if rest else found

    def exchanged(self, genres: Sequence[str], separator: str) -> bytes:
        """The tag with exactly `genres`, in its own version; equally long if padding allows.

        An extended header (its checksum would be wrong) and a footer become padding. A tag in
        which nothing is left is no tag: then it is empty.

        Raises:
            ValueError: a genre cannot be spelled, or the tag would be too long.
        """
        new = genre_frame(genres, self.version, separator, plain_sizes=self.plain_sizes)
        body, placed, offset = bytearray(), False, self.start
        for frame in self.frames():
            offset = frame.offset + frame.length
            if frame.id not in _GENRE_IDS:
                body += self.read(frame.offset, frame.length)
            elif not placed:
                body += new
                placed = True
        if not placed:
            body += new
        body += self.read(offset, self.end - offset).rstrip(b"\0")
        if not body:
            return b""
        return self._assembled(bytes(body))

    @cached_property
    def start(self) -> int:
        """Where the frames start: behind the extended header, if there is one.

        Some programs set its flag without one: then a frame's id stands there.
        """
        size = self.read(10, 4)
        if not self.extended or _FRAME_ID.fullmatch(size):
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
        while offset + 10 < self.end:
            head = self.read(offset, 10)
            if not head.strip(b"\0"):
                return True
            if not _FRAME_ID.fullmatch(head[:4]):
                return False
            offset += 10 + number(head[4:8])
        return offset <= self.end

    def _assembled(self, body: bytes) -> bytes:
        """Header, frames and padding, as long as the old tag if they fit into it."""
        if self.unsync and self.version == 3:
            body = re.sub(rb"\xff(?=[\xe0-\xff\x00]|\Z)", b"\xff\x00", body)
        padding = self.total - 10 - len(body)
        flags = 0x80 if self.unsync else 0
        return _tag(body, self.version, padding if padding >= 0 else NEW_PADDING, flags)


def new_tag(genres: Sequence[str], *, padding: int = NEW_PADDING) -> bytes:
    """A new ID3v2.4 tag that holds nothing but the genres; empty without any."""
    return _tag(genre_frame(genres, 4, ""), 4, padding) if genres else b""


def _tag(body: bytes, version: int, padding: int, flags: int = 0) -> bytes:
    length = len(body) + padding
    if length > _MAX_BODY:
        raise ValueError("the tag would be longer than ID3v2 can say")
    return b"ID3" + bytes((version, 0, flags)) + synchsafe_bytes(length) + body + bytes(padding)


def _plain(digits: bytes) -> int:
    return int.from_bytes(digits, "big")
