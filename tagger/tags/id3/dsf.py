"""DSF (DSD stream files): an ID3v2 tag at the end, which the header points at.

https://dsd-guide.com/sites/default/files/white-papers/DSFFileFormatSpec_E.pdf
"""

import struct
from collections.abc import Collection

from tagger.tags.around import patches_of_tags, unconverted, why_stuck
from tagger.tags.base import About, Patch, Range, Source, rewritten
from tagger.tags.edges import tag_at, tags_from
from tagger.tags.extents import check_extent
from tagger.tags.fields import GENRE, Edits, Field, Style
from tagger.tags.id3.frames import Tag
from tagger.tags.id3.make import ID3_SEVERAL, new_tag
from tagger.tags.places import Place, Told

ABOUT = About(
    reads=("ID3v2",),
    writes="ID3v2 at the end",
    several=ID3_SEVERAL,
)


def values(
    source: Source,
    container: str,  # noqa: ARG001
    field: Field,
    style: Style,
) -> tuple[str, ...]:
    """The values in the tag at the end."""
    tag = _tag(source)
    return tag.values(field, style) if tag else ()


def told(source: Source, container: str, style: Style) -> Told:  # noqa: ARG001
    """The tag that the header points at counts first, then any that follow it."""
    tags = [tag] if (tag := _tag(source)) else []
    tags += [tag for _, tag in _second_tags(source)]
    is_as_asked = not tags or tags[0].is_as_asked(style)
    return Told(tuple(Place(tag.values(GENRE, style)) for tag in tags), is_as_asked)


def refusal(source: Source, container: str, style: Style) -> str | None:  # noqa: ARG001
    """A file that is not as long as it says has no end where a tag could go."""
    size, pointer = _header(source)
    if size != source.size or pointer > source.size:
        return "It is cut off, or its header says a wrong length."
    tag = _tag(source)
    if tag and pointer + tag.total > source.size:
        return "Its ID3 tag is cut off."
    reasons = [tag.refusal(style)] if tag else []
    reasons += [why_stuck(second) for _, second in _second_tags(source)]
    return next(filter(None, reasons), None)


def plan(
    source: Source,
    container: str,
    edits: Edits,
    style: Style,
) -> list[Patch]:
    """Exchange or append the tag, and say so in the header."""
    tag, pointer = _tag(source), _header(source)[1] or source.size
    check_extent(source, container, 0, pointer)
    if tag:
        old, new = source.exact(pointer, tag.total), tag.exchanged(edits, style)
        new = old if tag.holds(edits, style) else new
    else:
        old, new = b"", new_tag(edits, style)
    second = patches_of_tags(source, _second_tags(source), edits, style)
    grown = sum(len(patch.data) - patch.length for patch in second)
    size = source.size + len(new) - len(old) + grown
    left = len(new) + grown + sum(one.total for _, one in _second_tags(source))
    header = struct.pack("<QQ", size, pointer if left else 0)
    own = rewritten(12, source.exact(12, 16), header) + rewritten(pointer, old, new)
    return own + second


def others(
    source: Source,
    container: str,  # noqa: ARG001
    fields: Collection[Field],
    style: Style,
) -> list[bytes]:
    """The frames but the fields, and whatever stands behind the tag."""
    tag, pointer = _tag(source), _header(source)[1]
    if not tag:
        return []
    raw, end = tag.others(fields, style), pointer + tag.total
    for offset, second in _second_tags(source):
        raw += second.others(fields, unconverted(style))
        end = offset + second.total
    return [*raw, *filter(None, [source.read(end, source.size - end)])]


def ranges(source: Source, container: str) -> list[Range]:  # noqa: ARG001
    """The chunks `fmt ` and `data`."""
    end = _header(source)[1] or source.size
    return [(28, max(0, min(end, source.size) - 28))]


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
