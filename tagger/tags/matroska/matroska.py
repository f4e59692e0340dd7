"""Matroska and WebM: names with values in tags about all that is in the file.

Nothing of the audio moves. Tags that grow take the padding behind them, or else a new place
at the end of the file, which the index then names; their old place becomes padding.
"""

from collections.abc import Collection
from functools import cached_property
from typing import Final

from tagger.tags.base import (
    NEW_PADDING,
    Container,
    Family,
    Patch,
    Range,
    TagFile,
    rewritten,
)
from tagger.tags.fields import GENRE, Edits, Field, understood
from tagger.tags.matroska.ebml import (
    CRC32,
    VOID,
    Element,
    element_bytes,
    fitted,
    void_bytes,
)
from tagger.tags.matroska.segment import (
    CLUSTER,
    SEEK_HEAD,
    TAGS,
    Segment,
    closing_patches,
    head_bytes,
    length_patches,
    refusal_of,
    seek_entries,
    seek_patches,
    segment_of,
)
from tagger.tags.matroska.simple_tags import (
    Part,
    Tag,
    new_tag,
    others_in,
    tags_content,
    tags_of,
)
from tagger.tags.places import GenrePlaces, Place, agrees
from tagger.tags.undecoded import RefusedError

_MOVING: Final = {CLUSTER, TAGS, SEEK_HEAD, VOID, CRC32}


class MatroskaFile(TagFile):
    """The segment of a Matroska or WebM file."""

    @cached_property
    def _segment(self) -> Segment:
        return segment_of(self.source)

    @cached_property
    def _tags(self) -> list[tuple[Element, list[Part | Tag]]]:
        """The `Tags` elements, and what is in them."""
        return [
            (
                element,
                tags_of(self.source.exact(element.content, element.end - element.content)),
            )
            for element in self._segment.all_of(TAGS)
        ]

    def _each(self, field: Field) -> list[Tag]:
        """The tags in which a field stands, those about all that is in the file in front."""
        changed = [
            tag
            for _, parts in self._tags
            for tag in parts
            if isinstance(tag, Tag) and tag.says(field) and tag.texts(field)
        ]
        return sorted(changed, key=lambda tag: not tag.is_of_all)

    def values(self, field: Field) -> tuple[str, ...]:
        """The values of the first tag that has the field."""
        return next((self._values_in(tag, field) for tag in self._each(field)), ())

    def _values_in(self, tag: Tag, field: Field) -> tuple[str, ...]:
        return understood(tag.texts(field), field, self.style)

    def genre_places(self) -> GenrePlaces:
        """Tags about all that is in the file count first, then those of tracks and parts."""
        return GenrePlaces(
            tuple(Place(self._values_in(tag, GENRE)) for tag in self._each(GENRE))
        )

    def refusal(self) -> str | None:
        """Files that are cut off, and those whose checksums would not be right, are left."""
        return refusal_of(self.source, self._segment)

    def plan(self, edits: Edits) -> list[Patch]:
        """Exchange the names and values in place, or give the tags a new place at the end."""
        homes = {field: next(iter(self._each(field)), None) for field in edits}
        home = next((tag for tag in homes.values() if tag and tag.is_of_all), None)
        patches: list[Patch] = []
        moved: dict[int | None, int | None] = {}
        has_home = False
        for element, parts in self._tags:
            is_home = not has_home and (
                any(part is home for part in parts) if home else element is self._tags[0][0]
            )
            has_home |= is_home
            new = self._edited(parts, edits, home if is_home else None, is_home=is_home)
            if new != parts:
                patches += self._placed(element, tags_content(new), moved)
        if not has_home and (
            content := tags_content(self._edited([], edits, None, is_home=True))
        ):
            patches += self._appended(None, element_bytes(TAGS, content), moved)
        patches += seek_patches(self.source, self._segment, moved) if moved else []
        grown = sum(len(patch.data) - patch.length for patch in patches)
        patches += length_patches(self.source, self._segment, grown)
        return sorted(patches, key=lambda patch: patch.offset)

    def _edited(
        self, parts: list[Part | Tag], edits: Edits, home: Tag | None, *, is_home: bool
    ) -> list[Part | Tag]:
        """What is in a `Tags` element, as it has to be.

        Args:
            parts: what is in it.
            edits: the fields.
            home: the tag in it that gets the fields; None if it has none for them yet.
            is_home: the fields go into this element.
        """
        if is_home and home is None:
            home = next(
                (part for part in parts if isinstance(part, Tag) and part.is_of_all), None
            )
        edited_parts: list[Part | Tag] = []
        for part in parts:
            if not isinstance(part, Tag):
                edited_parts.append(part)
                continue
            new = part
            if part is home:
                for field, values in edits.items():
                    new = new.exchanged(field, values, self.style)
            else:
                new = part.without([f for f in edits if not self._may_stay(part, f, edits)])
            if not new.is_empty or part.is_empty:
                edited_parts.append(new)
        if is_home and home is None:
            made = new_tag()
            for field, values in edits.items():
                made = made.exchanged(field, values, self.style)
            edited_parts += [] if made.is_empty else [made]
        return edited_parts

    def _may_stay(self, tag: Tag, field: Field, edits: Edits) -> bool:
        """Whether a second place says what the first one will."""
        place = Place(self._values_in(tag, field))
        return field is GENRE and bool(edits[field]) and agrees(place, edits[field])

    def _placed(
        self, element: Element, content: bytes, moved: dict[int | None, int | None]
    ) -> list[Patch]:
        """A `Tags` element in its own room, or in a new place."""
        room = self._segment.room_of(element) - element.offset
        old = self.source.exact(element.offset, room)
        raw = element_bytes(TAGS, content, size_width=element.size_width) if content else b""
        if not raw:
            moved[element.offset] = None
            return rewritten(element.offset, old, void_bytes(room))
        if (new := fitted(raw, room)) is not None:
            return rewritten(element.offset, old, new)
        # It is the last one: it may grow where it is, and no index need be told.
        if element.offset + room == self._segment.own.end:
            return rewritten(element.offset, old, raw + void_bytes(NEW_PADDING))
        return [
            *rewritten(element.offset, old, void_bytes(room)),
            *self._appended(element.offset, raw, moved),
        ]

    def _appended(
        self, old: int | None, raw: bytes, moved: dict[int | None, int | None]
    ) -> list[Patch]:
        """A `Tags` element at the end of the segment, which has to be that of the file."""
        end = self._segment.own.end
        if end != self.source.size:
            raise RefusedError("other bytes follow its segment, so no tags can be added to it")
        moved[old] = end
        closed = closing_patches(self.source, self._segment)
        return [*closed, Patch(end, 0, raw + void_bytes(NEW_PADDING))]

    def others(self, fields: Collection[Field]) -> list[bytes]:
        """The header, all elements but tags, audio and padding; other values; the rest."""
        raw = [head_bytes(self.source, self._segment)]
        for child in self._segment.children:
            if child.id not in _MOVING:
                content = self.source.digest(child.content, child.end - child.content)
                raw.append(child.id.to_bytes(4, "big") + content)
        raw += [
            f"{number}@{place}".encode()
            for number, place in seek_entries(self.source, self._segment)
            if number != TAGS
        ]
        # Sorted: tags in another order say the same, and an element may have moved to the end.
        raw += sorted(tag for _, parts in self._tags for tag in others_in(parts, fields))
        end = min(self._segment.own.end, self.source.size)
        return [*raw, self.source.digest(end, self.source.size - end)]

    def ranges(self) -> list[Range]:
        """What is in the clusters."""
        return [
            (cluster.content, cluster.end - cluster.content)
            for cluster in self._segment.all_of(CLUSTER)
        ]


FAMILY = Family(
    containers=(
        Container(
            "matroska",
            ".mka .webm .weba",
            (b"\x1a\x45\xdf\xa3",),
            demuxer="matroska,webm",
            codecs="opus vorbis aac",
            limits=".mkv is opened where it is named",
        ),
    ),
    open=MatroskaFile,
    reads=("Matroska tags",),
    writes="Matroska tags",
    several="several values of one name",
)
