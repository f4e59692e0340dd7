"""DSF (DSD stream files): an ID3v2 tag at the end, which the header points at.

https://dsd-guide.com/sites/default/files/white-papers/DSFFileFormatSpec_E.pdf
"""

import struct
from collections.abc import Collection

from tagger.tags.around import patches_of_tags, unconverted, why_stuck
from tagger.tags.base import Container, Family, Patch, Range, Source, TagFile, rewritten
from tagger.tags.edges import tag_at, tags_from
from tagger.tags.extents import check_extent
from tagger.tags.fields import GENRE, Edits, Field
from tagger.tags.id3.frames import Tag
from tagger.tags.id3.make import ID3_SEVERAL, new_tag
from tagger.tags.places import GenrePlaces, Place


class DsfFile(TagFile):
    """The tag at the end of a DSF file."""

    def values(self, field: Field) -> tuple[str, ...]:
        """The values in the tag at the end."""
        tag = _tag(self.source)
        return tag.values(field, self.style) if tag else ()

    def genre_places(self) -> GenrePlaces:
        """The tag that the header points at counts first, then any that follow it."""
        tags = [tag] if (tag := _tag(self.source)) else []
        tags += [tag for _, tag in _second_tags(self.source)]
        is_as_asked = not tags or tags[0].is_as_asked(self.style)
        return GenrePlaces(
            tuple(Place(tag.values(GENRE, self.style)) for tag in tags), is_as_asked
        )

    def refusal(self) -> str | None:
        """A file that is not as long as it says has no end where a tag could go."""
        size, pointer = _header(self.source)
        if size != self.source.size or pointer > self.source.size:
            return "It is cut off, or its header says a wrong length."
        tag = _tag(self.source)
        if tag and pointer + tag.total > self.source.size:
            return "Its ID3 tag is cut off."
        reasons = [tag.refusal(self.style)] if tag else []
        reasons += [why_stuck(second) for _, second in _second_tags(self.source)]
        return next(filter(None, reasons), None)

    def plan(self, edits: Edits) -> list[Patch]:
        """Exchange or append the tag, and say so in the header."""
        tag, pointer = _tag(self.source), _header(self.source)[1] or self.source.size
        check_extent(self.source, self.container, 0, pointer)
        if tag:
            old, new = self.source.exact(pointer, tag.total), tag.exchanged(edits, self.style)
            # A tag that says it already keeps its bytes, whatever follows it does.
            new = old if tag.holds(edits, self.style) else new
        else:
            old, new = b"", new_tag(edits, self.style)
        second = patches_of_tags(self.source, _second_tags(self.source), edits, self.style)
        grown = sum(len(patch.data) - patch.length for patch in second)
        size = self.source.size + len(new) - len(old) + grown
        left = len(new) + grown + sum(tag.total for _, tag in _second_tags(self.source))
        # File size and pointer stand side by side; no tag is a pointer of zero.
        header = struct.pack("<QQ", size, pointer if left else 0)
        own = rewritten(12, self.source.exact(12, 16), header) + rewritten(pointer, old, new)
        return own + second

    def others(self, fields: Collection[Field]) -> list[bytes]:
        """The frames but the fields, and whatever stands behind the tag."""
        tag, pointer = _tag(self.source), _header(self.source)[1]
        if not tag:
            return []
        raw, end = tag.others(fields, self.style), pointer + tag.total
        for offset, second in _second_tags(self.source):
            raw += second.others(fields, unconverted(self.style))
            end = offset + second.total
        return [*raw, *filter(None, [self.source.read(end, self.source.size - end)])]

    def ranges(self) -> list[Range]:
        """The chunks `fmt ` and `data`."""
        end = _header(self.source)[1] or self.source.size
        return [(28, max(0, min(end, self.source.size) - 28))]


FAMILY = Family(
    containers=(Container("dsf", ".dsf", (b"DSD ",), None, "dsf", "dsd_lsbf_planar"),),
    open=DsfFile,
    reads=("ID3v2",),
    writes="ID3v2 at the end",
    several=ID3_SEVERAL,
)


def _header(source: Source) -> tuple[int, int]:
    """The file's length and the tag's offset (0 for none), as the header has them."""
    size, pointer = source.unpack("<QQ", 12)
    return size, pointer


def _tag(source: Source) -> Tag | None:
    pointer = _header(source)[1]
    return tag_at(source, pointer) if 0 < pointer < source.size else None


def _second_tags(source: Source) -> list[tuple[int, Tag]]:
    """The tags that follow the one that the header points at."""
    pointer = _header(source)[1]
    return tags_from(source, pointer, source.size)[1:] if pointer else []
