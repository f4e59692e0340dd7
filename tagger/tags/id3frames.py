"""ID3v2 as bytes: find fields in a tag, or exchange them and keep every other frame.

Libraries that save a whole tag re-sort its frames, rewrite their text and change the version.
Here the frames that are not changed are carried over as they stand.
Formats: https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure.
"""

import contextlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from tagger.tags.base import NEW_PADDING
from tagger.tags.detect import is_id3v2
from tagger.tags.fields import FIELDS, GENRE, Edits, Field, Style, understood
from tagger.tags.id3convert import Plain, converted, meanings, plain_frame
from tagger.tags.id3genres import expanded
from tagger.tags.id3make import field_frame, tag_bytes
from tagger.tags.id3text import (
    FrameKey,
    FrameText,
    frame_keys,
    frame_text,
    new_key,
    synchsafe,
)

_MAX_FRAME_LEN = 1 << 20
_RESPELLED = (GENRE, FIELDS["mood"])
"""Fields that are spelled in another way in each version."""
_FRAME_ID = re.compile(rb"[A-Z][A-Z0-9]{2,3}[ \0]?")

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

    def refusal(self, style: Style) -> str | None:
        """Why nothing can be put into this tag; None if something can."""
        if self.version not in (2, 3, 4):
            return f"Its tag is of the unknown version ID3v2.{self.version}."
        version = style.version_for(self.version)
        if version == 2:
            return (
                "Its tag is ID3v2.2, which would have to be converted to a newer version"
                " (--id3v2-version 3 or 4)."
            )
        try:
            if version != self.version:
                converted(self._plain(_RESPELLED), version)
        except ValueError as error:
            return f"Its ID3v2.{self.version} tag cannot become ID3v2.{version}: {error}."
        return None

    def values(self, field: Field, style: Style) -> tuple[str, ...]:
        """The values of a field; one ID3v2.2 or 2.3 string is split at the separator."""
        texts = [text for one in self._texts(field) for text in one.texts]
        found = understood(texts, field, style, joined=self.version != 4)
        return expanded(found) if field is GENRE else found

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

    def others(self, fields: Collection[Field], style: Style) -> list[bytes]:
        """Every frame but some fields, raw and in order, and what lies behind the last.

        Where a style asks for a version, what frames say stands for their bytes, so that a
        tag can be compared with the one that it was converted to.
        """
        if style.id3v2_version != "keep":
            with contextlib.suppress(ValueError):  # then it has not been converted either
                kept = [one for one in _RESPELLED if one not in fields]
                values = [(one.name, self.values(one, style)) for one in kept]
                said = [repr(one).encode() for one in values if one[1]]
                return said + meanings(self._plain([*fields, *kept]))
        edited = {one.offset for field in fields for one in self._found(field)[1]}
        found, offset = [], self.start
        for frame in self.frames():
            offset = frame.offset + frame.length
            if frame.offset not in edited:
                found.append(self.read(frame.offset, frame.length))
        rest = self.read(offset, self.end - offset).rstrip(b"\0")
        return [*found, rest] if rest else found

    def exchanged(self, edits: Edits, style: Style) -> bytes:
        """The tag with other fields, in its own version; equally long if padding allows.

        An extended header (its checksum would be wrong) and a footer become padding. A tag in
        which nothing is left is no tag: then it is empty.

        Raises:
            ValueError: a value cannot be spelled, or the tag would be too long.
        """
        if style.version_for(self.version) != self.version:
            return self._converted(edits, style)
        new: dict[Field, bytes] = {}
        places: dict[int, Field] = {}
        gone: set[int] = set()
        for field, values in edits.items():
            key, frames = self._found(field)
            old = self._texts(field)
            new[field] = field_frame(
                key, field, values, style, old, self.version, plain_sizes=self.plain_sizes
            )
            gone |= {frame.offset for frame in frames}
            places |= {frame.offset: field for frame in frames[:1]}
        body, offset = bytearray(), self.start
        for frame in self.frames():
            offset = frame.offset + frame.length
            if frame.offset in places:
                body += new.pop(places[frame.offset])
            elif frame.offset not in gone:
                body += self.read(frame.offset, frame.length)
        body += b"".join(new.values())
        body += self.read(offset, self.end - offset).rstrip(b"\0")
        return self._assembled(bytes(body)) if body else b""

    def _converted(self, edits: Edits, style: Style) -> bytes:
        """The tag with other fields, in the version that the style asks for."""
        version = style.version_for(self.version)
        said = {field: self.values(field, style) for field in _RESPELLED}
        wanted = {field: values for field, values in said.items() if values} | dict(edits)
        frames = converted(self._plain([*_RESPELLED, *wanted]), version)
        frames += [
            field_frame(
                new_key(field, version), field, values, style, self._texts(field), version
            )
            for field, values in wanted.items()
        ]
        body = b"".join(frames)
        padding = self.total - 10 - len(body)
        return (
            tag_bytes(body, version, padding if padding >= 0 else NEW_PADDING) if body else b""
        )

    def _plain(self, without: Collection[Field]) -> list[Plain]:
        """The frames but some fields, free of what is peculiar to this version.

        Raises:
            ValueError: there is one that no other version can have.
        """
        edited = {one.offset for field in without for one in self._found(field)[1]}
        found, offset = [], self.start
        for frame in self.frames():
            offset = frame.offset + frame.length
            if frame.offset not in edited:
                raw = self.read(frame.offset, frame.length)
                found.append(plain_frame(raw, self.version, unsync=self.unsync))
        if self.packed or self.read(offset, self.end - offset).strip(b"\0"):
            raise ValueError("there are bytes in it that are no frame")
        return found

    def _found(self, field: Field) -> tuple[FrameKey, list[Frame]]:
        """How this tag spells a field, and the frames that are it."""
        for key in frame_keys(field, self.version):
            if found := [frame for frame in self.frames() if self._is(frame, key)]:
                return key, found
        return new_key(field, max(self.version, 3)), []

    def _is(self, frame: Frame, key: FrameKey) -> bool:
        if frame.id.rstrip(b" \0") != key.id or key.description is None:
            return frame.id.rstrip(b" \0") == key.id
        said = self._text(frame).description
        return said is not None and said.casefold() == key.description.casefold()

    def _text(self, frame: Frame) -> FrameText:
        raw = self.read(frame.offset, min(frame.length, _MAX_FRAME_LEN))
        return frame_text(raw, self.version, unsync=self.unsync)

    def _texts(self, field: Field) -> list[FrameText]:
        return [self._text(frame) for frame in self._found(field)[1]]

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
        return tag_bytes(body, self.version, padding if padding >= 0 else NEW_PADDING, flags)


def _plain(digits: bytes) -> int:
    return int.from_bytes(digits, "big")
