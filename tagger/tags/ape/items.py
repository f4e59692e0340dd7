"""The items of an APEv2 tag, wherever it stands.

https://wiki.hydrogenaud.io/index.php?title=APEv2_specification. Items are kept raw and in
their order. APEv1 has neither UTF-8 nor lists: it is read, and not written.
"""

import struct
from collections.abc import Collection, Iterator, Sequence

from tagger.tags.base import Patch, Range, Source, rewritten
from tagger.tags.fields import Edits, Field, Style, stored, understood
from tagger.tags.undecoded import UNREADABLE, bytes_of, text_of

_FOOTER = struct.Struct("<8sIIII8s")
_HAS_HEADER, _IS_HEADER = 1 << 31, 1 << 29
_KIND, _BINARY = 0b110, 0b010
"""Of the lowest byte of an item's flags."""


def item_values(source: Source, area: Range, field: Field, style: Style) -> tuple[str, ...]:
    """The values of an item of an APE tag."""
    return understood(_texts(list(_items(source, area)), field), field, style)


def item_refusal(source: Source, area: Range) -> str | None:
    """Why the items of an APE tag cannot be changed; None if they can."""
    _, version, length, count, _, _ = _footer(source, area)
    if version != 2000:
        return "Its tag is APEv1, which would have to be converted to APEv2."
    items = list(_items(source, area))
    if len(items) != count or sum(map(len, items)) != length - _FOOTER.size:
        return "Its APE tag is damaged: the items do not fill it."
    return None


def item_patches(source: Source, area: Range, edits: Edits, style: Style) -> list[Patch]:
    """Exchange items of an APE tag; nothing remains of a tag without items."""
    items = _exchanged(list(_items(source, area)), edits, style)
    new = _tag(items, _footer(source, area)[4]) if items else b""
    return rewritten(area[0], source.exact(*area), new)


def new_items(edits: Edits, style: Style) -> bytes:
    """A new APE tag that holds nothing but some fields; empty where they have no values."""
    items = _exchanged([], edits, style)
    return _tag(items, 0) if items else b""


def other_items(source: Source, area: Range, fields: Collection[Field]) -> list[bytes]:
    """Every raw item but those of some fields."""
    return [
        raw for raw in _items(source, area) if not any(_is_of(raw, field) for field in fields)
    ]


def _exchanged(items: list[bytes], edits: Edits, style: Style) -> list[bytes]:
    """The items with other fields: where the first one stood, or else at the end."""
    for field, values in edits.items():
        texts = stored(values, field, style, old=_texts(items, field))
        at = next((i for i, raw in enumerate(items) if _is_of(raw, field)), len(items))
        behind = [raw for raw in items[at:] if not _is_of(raw, field)]
        items = [*items[:at], *([_item(field, texts)] if texts else []), *behind]
    return items


def _texts(items: Sequence[bytes], field: Field) -> list[str]:
    return [text for raw in items if _is_of(raw, field) for text in _texts_in(raw)]


def _texts_in(raw: bytes) -> list[str]:
    """The texts of an item; one that says that it is binary holds something, and no text."""
    if raw[4] & _KIND == _BINARY:
        return [UNREADABLE]
    return text_of(raw[raw.index(b"\0", 8) + 1 :]).split("\0")


def _footer(source: Source, area: Range) -> tuple[bytes, int, int, int, int, bytes]:
    magic, version, length, count, flags, rest = _FOOTER.unpack(
        source.exact(area[0] + area[1] - _FOOTER.size, _FOOTER.size)
    )
    return magic, version, length, count, flags, rest


def _items(source: Source, area: Range) -> Iterator[bytes]:
    """The raw items in order; damaged ones end the list."""
    length, count = _footer(source, area)[2:4]
    end = area[0] + area[1] - _FOOTER.size
    data = source.exact(end - (length - _FOOTER.size), length - _FOOTER.size)
    offset = 0
    for _ in range(count):
        key_end = data.find(b"\0", offset + 8)
        if key_end < 0:
            return
        # Eight bytes of length and flags, the key, a zero, the value.
        item_end = key_end + 1 + int.from_bytes(data[offset : offset + 4], "little")
        if item_end > len(data):
            return
        yield data[offset:item_end]
        offset = item_end


def _is_of(raw: bytes, field: Field) -> bool:
    return raw[8 : raw.index(b"\0", 8)].lower() == field.common.lower().encode()


def _item(field: Field, texts: Sequence[str]) -> bytes:
    value = b"\0".join(map(bytes_of, texts))
    return struct.pack("<II", len(value), 0) + field.common.encode() + b"\0" + value


def _tag(items: Sequence[bytes], flags: int) -> bytes:
    """Header, items and footer; the flags that say more than 'there is a header' are kept."""
    body = b"".join(items)
    # Header and footer are the same but for one flag.
    flags = flags & ~_IS_HEADER | _HAS_HEADER
    fields = (b"APETAGEX", 2000, len(body) + _FOOTER.size, len(items))
    header = _FOOTER.pack(*fields, flags | _IS_HEADER, bytes(8))
    return header + body + _FOOTER.pack(*fields, flags, bytes(8))
