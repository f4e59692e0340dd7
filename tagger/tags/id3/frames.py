"""ID3v2 as bytes: find fields in a tag, or exchange them and keep every other frame.

Libraries that save a whole tag re-sort its frames, rewrite their text and change the version.
Here the frames that are not changed are carried over as they stand.
Formats: https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure.
"""

import contextlib
from collections.abc import Collection, Iterator

from tagger.tags.base import NEW_PADDING
from tagger.tags.fields import FIELDS, GENRE, Edits, Field, Style, understood
from tagger.tags.id3.convert import Plain, converted, meanings, plain_frame
from tagger.tags.id3.front import is_id3v2
from tagger.tags.id3.genres import expanded
from tagger.tags.id3.make import field_frame, tag_bytes
from tagger.tags.id3.text import (
    FrameKey,
    FrameText,
    frame_keys,
    frame_name,
    frame_text,
    new_key,
    synchsafe,
)
from tagger.tags.id3.unsync import stuffed
from tagger.tags.id3.walk import Frame, Layout, ReadAt, Walk, unsynchronised
from tagger.tags.places import GenrePlaces, Place

_MAX_FRAME_LEN = 1 << 20
_RESPELLED = (GENRE, FIELDS["mood"])
"""Fields that are spelled in another way in each version."""
_FREE_GENRE = Field("genre", ("TXXX:GENRE",), None, "genre", "genre")
"""A second place for a genre in a tag: readers show free texts under their own names."""


class Tag:
    """One ID3v2 tag, read where it lies; frames that are not asked for are not read.

    Attributes:
        version: 2, 3 or 4 (or something else, which is refused elsewhere).
        unsync: the tag (2.2, 2.3) or its frames (2.4) are unsynchronised. Where a tag before
            2.4 says so and nothing in it is stuffed, it is False, and a new tag says so.
        total: bytes of the whole tag with header and footer.
    """

    def __init__(self, read: ReadAt) -> None:
        header = read(0, 10)
        if not is_id3v2(header):
            raise ValueError("there is no ID3v2 tag where one should be")
        flags, body_len = header[5], synchsafe(header[6:10])
        self.version = header[3]
        self.unsync = bool(flags & 0x80)
        self.packed = bool(flags & 0x40) and self.version == 2
        footer = 10 if self.version == 4 and flags & 0x10 else 0
        self.total = 10 + body_len + footer
        is_extended = bool(flags & 0x40) and self.version > 2
        layout = Layout(self.version, 10 + body_len, is_extended, self.packed)
        self._walk = Walk(layout, read, read, layout.end)
        self._is_contradictory, self._is_reproduced = False, True
        if self.unsync and self.version < 4:  # since 2.4 each frame is, in itself
            reading = unsynchronised(layout, header + read(10, body_len))
            self._walk, self.unsync = reading.walk, reading.is_stuffed
            self._is_contradictory = reading.is_contradictory
            self._is_reproduced = reading.is_reproduced

    @property
    def plain_sizes(self) -> bool:
        """Whether this 2.4 tag has 2.3's frame lengths, as old iTunes wrote them."""
        return self._walk.plain_sizes

    def frames(self) -> Iterator[Frame]:
        """The frames in order, up to the padding or to bytes that are no frame."""
        return self._walk.frames()

    def read(self, offset: int, length: int) -> bytes:
        """Up to so many bytes at an offset, without stuffing that covers the whole tag."""
        return self._walk.read(offset, length)

    def refusal(self, style: Style) -> str | None:
        """Why nothing can be put into this tag; None if something can."""
        if self.version not in (2, 3, 4):
            return f"Its tag is of the unknown version ID3v2.{self.version}."
        if self._is_contradictory:
            return "Its ID3 tag is unsynchronised by its header, and not by its frames."
        version = style.version_for(self.version)
        if version == 2:
            return (
                "Its tag is ID3v2.2, which would have to be converted to a newer version"
                " (--set id3v2_version=3 or 4)."
            )
        try:
            if version != self.version:
                converted(self._plain(_RESPELLED), version)
        except ValueError as error:
            return f"Its ID3v2.{self.version} tag cannot become ID3v2.{version}: {error}."
        return None

    def values(self, field: Field, style: Style) -> tuple[str, ...]:
        """The values of a field; one ID3v2.2 or 2.3 string is split at the separator."""
        texts = [text for frame in self._texts(field) for text in frame.texts]
        # Only 2.4 has several values in a frame; before, all share one string.
        genres = understood(texts, field, style, joined=self.version != 4)
        if field is not GENRE:
            return genres
        free = [text for frame in self._texts(_FREE_GENRE) for text in frame.texts]
        also = understood(free, GENRE, style, joined=True)
        return GenrePlaces((Place(expanded(genres)), Place(also))).genres

    def holds(self, edits: Edits, style: Style) -> bool:
        """Whether nothing of the tag has to change for it to say this, as it is asked for."""
        # A free text called GENRE goes with every write of the genre.
        is_free = GENRE in edits and bool(self._found(_FREE_GENRE)[1])
        return (
            self.is_as_asked(style)
            and not is_free
            and all(self.values(field, style) == values for field, values in edits.items())
        )

    def is_as_asked(self, style: Style) -> bool:
        """Whether it has the version that the style asks for."""
        return style.version_for(self.version) == self.version

    def others(self, fields: Collection[Field], style: Style) -> list[bytes]:
        """Every frame but some fields, raw and in order, and what lies behind the last.

        Where a style asks for a version, what frames say stands for their bytes, so that a
        tag can be compared with the one that it was converted to.
        """
        if style.id3v2_version != "keep":
            with contextlib.suppress(ValueError):  # then it has not been converted either
                kept = [field for field in _RESPELLED if field not in fields]
                values = [(field.name, self.values(field, style)) for field in kept]
                respelled = [repr(value).encode() for value in values if value[1]]
                return respelled + meanings(self._plain([*fields, *kept]))
        # Compared are offsets, not ids: a second COMM is another frame with the same id.
        edited = self._offsets_of(fields)
        stretches, offset = [], self._walk.start
        for frame in self.frames():
            offset = frame.offset + frame.length
            if frame.offset not in edited:
                stretches.append(self._walk.raw(frame.offset, frame.length))
        rest = self._walk.raw(offset, self._walk.end - offset).rstrip(b"\0")
        return [*stretches, rest] if rest else stretches

    def exchanged(self, edits: Edits, style: Style) -> bytes:
        """The tag with other fields, in its own version; equally long if padding allows.

        An extended header (its checksum would be wrong) and a footer become padding. A tag in
        which nothing is left is no tag: then it is empty.

        Raises:
            ValueError: a value cannot be spelled, or the tag would be too long.
        """
        if style.version_for(self.version) != self.version:
            return self._converted(edits, style)
        new, gone = self._new_frames(edits, style)
        body, offset = bytearray(), self._walk.start
        for frame in self.frames():
            offset = frame.offset + frame.length
            body += new.pop(frame.offset, b"")
            if frame.offset not in gone:
                body += self._walk.raw(frame.offset, frame.length)
        # What has no frame to take the place of stands at the end.
        body += b"".join(new.values())
        body += self._walk.raw(offset, self._walk.end - offset).rstrip(b"\0")
        return self._assembled(bytes(body)) if body else b""

    def _new_frames(self, edits: Edits, style: Style) -> tuple[dict[int, bytes], set[int]]:
        """The bytes to put before the frame at an offset, or at the end; the frames to remove.

        A field stands where it stood, or else at the end. TagLib reads no further than up to an
        id that is padded with a blank, so nothing is put behind one.
        """
        blank = (frame.offset for frame in self.frames() if frame.id.endswith(b" "))
        last = next(blank, self._walk.end)
        new: dict[int, bytes] = {}
        for field, values in edits.items():
            key, frames = self._found(field)
            old = self._texts(field)
            raw = field_frame(
                key, field, values, style, old, self.version, plain_sizes=self.plain_sizes
            )
            # In 2.3 the whole tag is unsynchronised: our frame has to be too.
            raw = stuffed(raw) if self.unsync and self.version == 3 else raw
            at = min([last, *(frame.offset for frame in frames)])
            new[at] = new.get(at, b"") + raw
        return new, self._offsets_of(edits)

    def _converted(self, edits: Edits, style: Style) -> bytes:
        """The tag with other fields, in the version that the style asks for."""
        version = style.version_for(self.version)
        values_now = {field: self.values(field, style) for field in _RESPELLED}
        all_fields = {field: values for field, values in values_now.items() if values} | dict(
            edits
        )
        frames = converted(self._plain([*_RESPELLED, *all_fields]), version)
        frames += [
            field_frame(
                new_key(field, version), field, values, style, self._texts(field), version
            )
            for field, values in all_fields.items()
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
        if not self._is_reproduced:
            raise ValueError("it is unsynchronised in a way that may be a mistake")
        edited = self._offsets_of(without)
        plain, offset = [], self._walk.start
        for frame in self.frames():
            offset = frame.offset + frame.length
            if frame.offset not in edited:
                raw = self.read(frame.offset, frame.length)
                plain.append(plain_frame(raw, self.version, unsync=self.unsync))
        if self.packed or self.read(offset, self._walk.end - offset).strip(b"\0"):
            raise ValueError("there are bytes in it that are no frame")
        return plain

    def _found(self, field: Field) -> tuple[FrameKey, list[Frame]]:
        """How this tag spells a field, and the frames that are it."""
        for key in frame_keys(field, self.version):
            if matching := [frame for frame in self.frames() if self._is(frame, key)]:
                return key, matching
        return new_key(field, max(self.version, 3)), []

    def _offsets_of(self, fields: Collection[Field]) -> set[int]:
        """Where frames of some fields lie, in whatever place they are."""
        also = [_FREE_GENRE] if GENRE in fields else []
        return {frame.offset for field in (*fields, *also) for frame in self._found(field)[1]}

    def _is(self, frame: Frame, key: FrameKey) -> bool:
        name = frame_name(frame.id, self.version)
        if name != key.id or key.description is None:
            return name == key.id
        description = self._text(frame).description
        return description is not None and description.casefold() == key.description.casefold()

    def _text(self, frame: Frame) -> FrameText:
        raw = self.read(frame.offset, min(frame.length, _MAX_FRAME_LEN))
        return frame_text(raw, self.version, unsync=self.unsync)

    def _texts(self, field: Field) -> list[FrameText]:
        return [self._text(frame) for frame in self._found(field)[1]]

    def _assembled(self, body: bytes) -> bytes:
        """Header, frames and padding, as long as the old tag if they fit into it."""
        # FF at the end and the padding, or the audio, behind it would look like a frame of
        # MPEG.
        if self.unsync and self.version == 3 and body.endswith(b"\xff"):
            body += b"\0"
        padding = self.total - 10 - len(body)
        flags = 0x80 if self.unsync else 0
        return tag_bytes(body, self.version, padding if padding >= 0 else NEW_PADDING, flags)
