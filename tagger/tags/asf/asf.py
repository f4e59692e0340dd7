"""ASF (WMA): attributes, the first value in the content description, more in the library.

The extended content description holds a name once; further values stand in the metadata
library of the header extension, as other programs write them. Read in this order, whatever
the order of the objects. Format: Advanced Systems Format (ASF) Specification, 01.20.05.
"""

import struct
from collections.abc import Collection, Sequence
from dataclasses import replace

from tagger.tags.asf.objects import (
    ATTRIBUTES,
    CONTENT,
    DATA,
    EXTENSION,
    FILE,
    LIBRARY,
    METADATA,
    NO_CONTENT,
    NUMBERS,
    PADDING,
    TEXT,
    Object,
    attribute,
    attributes_of,
    content_texts,
    inner_of,
    listed,
    objects_in,
    split_attribute,
    with_description,
    with_inner,
)
from tagger.tags.base import Container, Family, Patch, Range, Source, TagFile, rewritten
from tagger.tags.fields import GENRE, Edits, Field, Style, stored, understood
from tagger.tags.id3.genres import expanded
from tagger.tags.places import GenrePlaces, Place
from tagger.tags.undecoded import encoded, wide_text

_MAGIC = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_HEADER_LEN = 30
_ALSO = ("wm/genreid", "genreid", "genre")
"""Other attributes of a genre, in small letters: ID3's number or word, and a plain name."""


_DESCRIBED = "Description"
"""Not an attribute: the fourth of the five texts of the content description."""


class AsfFile(TagFile):
    """The header of an ASF file."""

    def values(self, field: Field) -> tuple[str, ...]:
        """The attribute's values: content description, then metadata, then library."""
        objects = _header(self.source)
        texts = _description(objects) if field.asf == _DESCRIBED else _texts(objects, field)
        return understood(texts, field, self.style)

    def genre_places(self) -> GenrePlaces:
        """The attribute counts first, then others under which a genre is known."""
        objects = _header(self.source)
        own = understood(_texts(objects, GENRE), GENRE, self.style)
        also = [_texts_of(objects, name) for name in _ALSO]
        return GenrePlaces((Place(own), *(Place(expanded(texts)) for texts in also)))

    def refusal(self) -> str | None:
        """A header whose objects do not fill it is left alone."""
        total, count = self.source.unpack("<QI", 16)
        objects = _header(self.source)
        filled = _HEADER_LEN + sum(len(element.render()) for element in objects) == total
        # The extension says its length a second time, inside.
        filled &= all(
            with_inner(element, inner_of(element)) == element
            for element in objects
            if element.guid == EXTENSION
        )
        if not filled or len(objects) != count:
            return "Its ASF header is damaged: the objects do not fill it."
        return None

    def plan(self, edits: Edits) -> list[Patch]:
        """Rebuild the header around the exchanged attributes; padding gives or takes."""
        old = self.source.exact(0, self.source.unpack("<Q", 16)[0])
        objects = _header(self.source)
        for field, values in edits.items():
            objects = _edited(objects, field, values, self.style)
        objects = _fitted(objects, len(old))
        grown = _HEADER_LEN + sum(len(element.render()) for element in objects) - len(old)
        objects = [_with_file_size(element, self.source.size, grown) for element in objects]
        body = b"".join(element.render() for element in objects)
        head = struct.pack("<QI", _HEADER_LEN + len(body), len(objects))
        return rewritten(0, old, old[:16] + head + old[28:_HEADER_LEN] + body)

    def others(self, fields: Collection[Field]) -> list[bytes]:
        """Objects and attributes but the fields, raw; what follows the data."""
        objects = _header(self.source)
        flat = [*objects, *(inner for element in objects for inner in inner_of(element))]
        names = {name for field in fields for name in _names_of(field)}
        raw: list[bytes] = []
        for element in flat:
            if element.guid in (ATTRIBUTES, METADATA, LIBRARY):
                raw += [
                    element.guid + item
                    for item in attributes_of(element)
                    if split_attribute(item, element.guid)[0].lower() not in names
                ]
            elif element.guid == EXTENSION:
                raw.append(element.data[:18])
            elif element.guid == CONTENT and _DESCRIBED.lower() in names:
                raw.append(with_description(element, b"").render())
            elif element.guid != PADDING:
                raw.append(_with_file_size(element, None, 0).render())
        if _DESCRIBED.lower() in names:  # an object that says nothing may come and go
            raw = [item for item in raw if item != NO_CONTENT.render()]
        start, length = self.ranges()[0]
        return [*raw, self.source.digest(start + length, self.source.size - start - length)]

    def ranges(self) -> list[Range]:
        """The data object, or all behind the header if its length is open or it is not there.

        A live stream leaves the length open; some files were saved with a wrong header length.
        """
        start = self.source.unpack("<Q", 16)[0]
        left = self.source.size - start
        head = self.source.read(start, 24)
        length = int.from_bytes(head[16:], "little") if head[:16] == DATA else 0
        return [(start, min(length, left) if length >= 24 else left)]


FAMILY = Family(
    containers=(
        Container("asf", ".wma .asf", (_MAGIC,), None, "asf", "wmav2 wmapro wmalossless"),
    ),
    open=AsfFile,
    reads=("ASF attributes",),
    writes="ASF attributes",
    several="repeated attribute",
)


def _header(source: Source) -> list[Object]:
    """The objects of the header."""
    total = source.unpack("<Q", 16)[0]
    return objects_in(source.exact(0, total)[_HEADER_LEN:])


def _texts(objects: Sequence[Object], field: Field) -> list[str]:
    """The texts of all attributes of a field."""
    return _texts_of(objects, field.asf.lower())


def _texts_of(objects: Sequence[Object], key: str) -> list[str]:
    """The texts, and numbers, of all attributes of a name in small letters."""
    flat = [*objects, *(inner for element in objects for inner in inner_of(element))]
    attributes = [
        split_attribute(raw, guid)
        for guid in (ATTRIBUTES, METADATA, LIBRARY)
        for element in flat
        if element.guid == guid
        for raw in attributes_of(element)
    ]
    return [
        wide_text(value).rstrip("\0") if kind == TEXT else str(int.from_bytes(value, "little"))
        for name, kind, value in attributes
        if name.lower() == key and kind in (TEXT, *NUMBERS)
    ]


def _names_of(field: Field) -> frozenset[str]:
    """The attributes that are a field, in small letters."""
    return frozenset({field.asf.lower(), *(_ALSO if field is GENRE else ())})


def _edited(
    objects: Sequence[Object], field: Field, values: Sequence[str], style: Style
) -> list[Object]:
    """The objects with exactly these values of a field."""
    if field.asf == _DESCRIBED:
        return _described(objects, stored(values, field, style, old=_description(objects)))
    texts = stored(values, field, style, old=_texts(objects, field))
    # Without one, all values stand in the content description, as repeated names.
    has_extension = any(element.guid == EXTENSION for element in objects)
    first = texts[:1] if has_extension else texts
    rest = texts[1:] if has_extension else ()
    return [
        with_inner(
            element,
            _exchanged(
                _exchanged(inner_of(element), METADATA, field, ()), LIBRARY, field, rest
            ),
        )
        if element.guid == EXTENSION
        else element
        for element in _exchanged(objects, ATTRIBUTES, field, first)
    ]


def _description(objects: Sequence[Object]) -> list[str]:
    """The description of the content, [] for none."""
    raw = [content_texts(element)[3] for element in objects if element.guid == CONTENT]
    return [text for value in raw if (text := wide_text(value).rstrip("\0"))]


def _described(objects: Sequence[Object], texts: Sequence[str]) -> list[Object]:
    """The objects with one description, in a content description that is made if needed."""
    raw = encoded("".join(f"{text}\0" for text in texts), "utf-16-le")
    has_content = any(element.guid == CONTENT for element in objects)
    if raw and not has_content:
        objects = [*objects, NO_CONTENT]
    return [
        with_description(element, raw) if element.guid == CONTENT else element
        for element in objects
    ]


def _exchanged(
    objects: Sequence[Object], guid: bytes, field: Field, texts: Sequence[str]
) -> list[Object]:
    """The objects with exactly `texts` in the one of this GUID, which is made if needed."""
    new, names = [attribute(guid, field.asf, text) for text in texts], _names_of(field)
    exchanged, placed = [], not texts
    for element in objects:
        if element.guid != guid:
            exchanged.append(element)
            continue
        raw = [
            item
            for item in attributes_of(element)
            if split_attribute(item, guid)[0].lower() not in names
        ]
        exchanged.append(listed(guid, raw if placed else raw + new))
        placed = True
    return exchanged if placed else [*exchanged, listed(guid, new)]


def _fitted(objects: list[Object], old_len: int) -> list[Object]:
    """Let a padding object take up the difference to the old length, if it can."""
    spare = old_len - _HEADER_LEN - sum(len(element.render()) for element in objects)
    for i, element in enumerate(objects):
        if element.guid == PADDING and len(element.data) + spare >= 0:
            return [
                *objects[:i],
                Object(PADDING, bytes(len(element.data) + spare)),
                *objects[i + 1 :],
            ]
        if element.guid == EXTENSION:
            inner = inner_of(element)
            for j, part in enumerate(inner):
                if part.guid == PADDING and len(part.data) + spare >= 0:
                    inner[j] = Object(PADDING, bytes(len(part.data) + spare))
                    return [*objects[:i], with_inner(element, inner), *objects[i + 1 :]]
    return objects


def _with_file_size(element: Object, size: int | None, grown: int) -> Object:
    """File properties with the new length of the file where they had the old one right."""
    if element.guid != FILE or len(element.data) < 24:
        return element
    old = struct.unpack_from("<Q", element.data, 16)[0]
    # A broadcast says 0 and keeps it; for a comparison it always counts as 0.
    new = 0 if size is None else size + grown if old == size else old
    return replace(element, data=element.data[:16] + struct.pack("<Q", new) + element.data[24:])
