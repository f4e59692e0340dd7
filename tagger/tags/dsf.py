"""DSF (DSD stream files): an ID3v2 tag at the end, which the header points at.

https://dsd-guide.com/sites/default/files/white-papers/DSFFileFormatSpec_E.pdf
"""

import struct
from collections.abc import Collection

from tagger.tags.base import About, Patch, Range, Source, rewritten
from tagger.tags.edges import tag_at
from tagger.tags.extents import check_extent
from tagger.tags.fields import Edits, Field, Style
from tagger.tags.id3frames import Tag
from tagger.tags.id3make import ID3_SEVERAL, new_tag

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


def refusal(source: Source, container: str, style: Style) -> str | None:  # noqa: ARG001
    """A file that is not as long as it says has no end where a tag could go."""
    size, pointer = _header(source)
    if size != source.size or pointer > source.size:
        return "It is cut off, or its header says a wrong length."
    tag = _tag(source)
    if tag and pointer + tag.total > source.size:
        return "Its ID3 tag is cut off."
    return tag.refusal(style) if tag else None


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
    else:
        old, new = b"", new_tag(edits, style)
    size = source.size + len(new) - len(old)
    header = struct.pack("<QQ", size, pointer if new else 0)
    return rewritten(12, source.exact(12, 16), header) + rewritten(pointer, old, new)


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
    end = pointer + tag.total
    return [*tag.others(fields, style), *filter(None, [source.read(end, source.size - end)])]


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
