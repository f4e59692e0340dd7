"""APEv2 at the end of Monkey's Audio, WavPack, Musepack, TAK and OptimFROG files.

https://wiki.hydrogenaud.io/index.php?title=APEv2_specification. Items are kept raw and in
their order. APEv1 has neither UTF-8 nor lists: it is read, and not written.
"""

import struct
from collections.abc import Iterator, Sequence

from tagger.tags.base import Patch, Range, Source, kept, rewritten
from tagger.tags.edges import edges_of, front_tag
from tagger.tags.id3text import id3v1_genre

_FOOTER = struct.Struct("<8sIIII8s")
_HAS_HEADER, _IS_HEADER = 1 << 31, 1 << 29


def genres(source: Source, container: str, separator: str) -> tuple[str, ...]:  # noqa: ARG001
    """The Genre item's values; where there are none, ID3v2's in front, then ID3v1's."""
    edges = edges_of(source)
    found = item_genres(source, edges.ape) if edges.ape else ()
    if not found and (tag := front_tag(source)):
        found = tag.genres(separator)
    if not found and edges.id3v1:
        found = id3v1_genre(source.exact(*edges.id3v1))
    return found


def refusal(source: Source, container: str) -> str | None:  # noqa: ARG001
    """APEv1 and tags whose items cannot be told apart are left alone."""
    area = edges_of(source).ape
    return item_refusal(source, area) if area else None


def plan(
    source: Source,
    container: str,  # noqa: ARG001
    genres: Sequence[str],
    separator: str,  # noqa: ARG001
) -> list[Patch]:
    """Exchange the Genre item, or put a new tag before ID3v1."""
    edges = edges_of(source)
    if edges.ape:
        return item_patches(source, edges.ape, genres)
    return [Patch(edges.end, 0, _tag([_item(genres)], 0))] if genres else []


def others(source: Source, container: str) -> list[bytes]:  # noqa: ARG001
    """All items but the genre, and every other tag around the stream."""
    edges = edges_of(source)
    raw = other_items(source, edges.ape) if edges.ape else []
    if edges.id3v1:
        raw.append(source.exact(*edges.id3v1))
    return [*raw, source.digest(0, edges.start)]


def ranges(source: Source, container: str) -> list[Range]:  # noqa: ARG001
    """All between the tags in front and behind."""
    edges = edges_of(source)
    return [(edges.start, edges.end - edges.start)]


def item_genres(source: Source, area: Range) -> tuple[str, ...]:
    """The values of the Genre item of an APE tag."""
    values: list[str] = []
    for raw in _items(source, area):
        if _is_genre(raw):
            text = raw[raw.index(b"\0", 8) + 1 :].decode(errors="replace")
            values += text.split("\0")
    return kept(values)


def item_refusal(source: Source, area: Range) -> str | None:
    """Why the items of an APE tag cannot be changed; None if they can."""
    _, version, length, count, _, _ = _footer(source, area)
    if version != 2000:
        return "Its tag is APEv1, which would have to be converted to APEv2."
    items = list(_items(source, area))
    if len(items) != count or sum(map(len, items)) != length - _FOOTER.size:
        return "Its APE tag is damaged: the items do not fill it."
    return None


def item_patches(source: Source, area: Range, genres: Sequence[str]) -> list[Patch]:
    """Exchange the Genre item of an APE tag; nothing remains of a tag without items."""
    items: list[bytes] = []
    placed = not genres
    for raw in _items(source, area):
        if not _is_genre(raw):
            items.append(raw)
        elif not placed:
            items.append(_item(genres))
            placed = True
    if not placed:
        items.append(_item(genres))
    new = _tag(items, _footer(source, area)[4]) if items else b""
    return rewritten(area[0], source.exact(*area), new)


def other_items(source: Source, area: Range) -> list[bytes]:
    """Every raw item but the genre."""
    return [raw for raw in _items(source, area) if not _is_genre(raw)]


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
        item_end = key_end + 1 + int.from_bytes(data[offset : offset + 4], "little")
        if item_end > len(data):
            return
        yield data[offset:item_end]
        offset = item_end


def _is_genre(raw: bytes) -> bool:
    return raw[8:14].lower() == b"genre\0"


def _item(genres: Sequence[str]) -> bytes:
    value = "\0".join(genres).encode()
    return struct.pack("<II", len(value), 0) + b"Genre\0" + value


def _tag(items: Sequence[bytes], flags: int) -> bytes:
    """Header, items and footer; the flags that say more than 'there is a header' are kept."""
    body = b"".join(items)
    flags = flags & ~_IS_HEADER | _HAS_HEADER
    fields = (b"APETAGEX", 2000, len(body) + _FOOTER.size, len(items))
    header = _FOOTER.pack(*fields, flags | _IS_HEADER, bytes(8))
    return header + body + _FOOTER.pack(*fields, flags, bytes(8))
