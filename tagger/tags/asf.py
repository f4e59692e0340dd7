"""ASF (WMA): WM/Genre, the first in the content description, more in the metadata library.

The extended content description holds a name once; further values stand in the metadata
library of the header extension, as other programs write them. Read in this order, whatever
the order of the objects. Format: Advanced Systems Format (ASF) Specification, 01.20.05.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from tagger.tags.base import Patch, Range, Source, kept, rewritten

_HEADER_LEN = 30


def _guid(text: str) -> bytes:
    return UUID(text).bytes_le


_DESCRIPTION = _guid("d2d0a440-e307-11d2-97f0-00a0c95ea850")
_EXTENSION = _guid("5fbf03b5-a92e-11cf-8ee3-00c00c205365")
_METADATA = _guid("c5f8cbea-5baf-4877-8467-aa8c44fa4cca")
_LIBRARY = _guid("44231c94-9498-49d1-a141-1d134e457054")
_PADDING = _guid("1806d474-cadf-4509-a4ba-9aabcb96aae8")
_FILE = _guid("8cabdca1-a947-11cf-8ee4-00c00c205365")
_DATA = _guid("75b22636-668e-11cf-a6d9-00aa0062ce6c")
_NAME = "WM/Genre"
_TEXT = 0


@dataclass(frozen=True, slots=True)
class Object:
    """One object of the header: its GUID and the content behind its 24 bytes."""

    guid: bytes
    data: bytes

    def render(self) -> bytes:
        """GUID, length, content."""
        return self.guid + struct.pack("<Q", 24 + len(self.data)) + self.data


def genres(source: Source, container: str, separator: str) -> tuple[str, ...]:  # noqa: ARG001
    """The WM/Genre values: content description, then metadata, then library."""
    objects = _header(source)
    flat = [*objects, *(inner for one in objects for inner in _inner(one))]
    values = [
        _split(raw, guid)
        for guid in (_DESCRIPTION, _METADATA, _LIBRARY)
        for one in flat
        if one.guid == guid
        for raw in _attributes(one)
    ]
    return kept(
        value.decode("utf-16-le", "replace").rstrip("\0")
        for name, kind, value in values
        if name == _NAME and kind == _TEXT
    )


def refusal(source: Source, container: str) -> str | None:  # noqa: ARG001
    """A header whose objects do not fill it is left alone."""
    total, count = source.unpack("<QI", 16)
    objects = _header(source)
    filled = _HEADER_LEN + sum(len(one.render()) for one in objects) == total
    filled &= all(
        _with_inner(one, _inner(one)) == one for one in objects if one.guid == _EXTENSION
    )
    if not filled or len(objects) != count:
        return "Its ASF header is damaged: the objects do not fill it."
    return None


def plan(
    source: Source,
    container: str,  # noqa: ARG001
    genres: Sequence[str],
    separator: str,  # noqa: ARG001
) -> list[Patch]:
    """Rebuild the header around the exchanged attributes; padding gives or takes."""
    old = source.exact(0, source.unpack("<Q", 16)[0])
    objects = _header(source)
    has_extension = any(one.guid == _EXTENSION for one in objects)
    first = genres[:1] if has_extension else genres
    rest = genres[1:] if has_extension else ()
    objects = _exchanged(objects, _DESCRIPTION, first)
    objects = [
        _with_inner(one, _exchanged(_exchanged(_inner(one), _METADATA, ()), _LIBRARY, rest))
        if one.guid == _EXTENSION
        else one
        for one in objects
    ]
    objects = _fitted(objects, len(old))
    grown = _HEADER_LEN + sum(len(one.render()) for one in objects) - len(old)
    objects = [_with_file_size(one, source.size, grown) for one in objects]
    body = b"".join(one.render() for one in objects)
    head = struct.pack("<QI", _HEADER_LEN + len(body), len(objects))
    return rewritten(0, old, old[:16] + head + old[28:_HEADER_LEN] + body)


def others(source: Source, container: str) -> list[bytes]:
    """Objects and attributes but the genre, raw; what follows the data."""
    objects = _header(source)
    flat = [*objects, *(inner for one in objects for inner in _inner(one))]
    raw: list[bytes] = []
    for one in flat:
        if one.guid in (_DESCRIPTION, _METADATA, _LIBRARY):
            raw += [
                one.guid + item for item in _attributes(one) if not _is_genre(item, one.guid)
            ]
        elif one.guid == _EXTENSION:
            raw.append(one.data[:18])
        elif one.guid != _PADDING:
            raw.append(_with_file_size(one, None, 0).render())
    start, length = ranges(source, container)[0]
    return [*raw, source.digest(start + length, source.size - start - length)]


def ranges(source: Source, container: str) -> list[Range]:  # noqa: ARG001
    """The data object, or all behind the header where its length is open or it is not there.

    A live stream leaves the length open; some files were saved with a wrong header length.
    """
    start = source.unpack("<Q", 16)[0]
    left = source.size - start
    head = source.read(start, 24)
    length = int.from_bytes(head[16:], "little") if head[:16] == _DATA else 0
    return [(start, min(length, left) if length >= 24 else left)]


def _header(source: Source) -> list[Object]:
    """The objects of the header."""
    total = source.unpack("<Q", 16)[0]
    return _objects(source.exact(0, total)[_HEADER_LEN:])


def _objects(data: bytes) -> list[Object]:
    """The objects one after another in `data`; damaged ones end the list."""
    found, offset = [], 0
    while offset + 24 <= len(data):
        length = struct.unpack_from("<Q", data, offset + 16)[0]
        if length < 24 or offset + length > len(data):
            break
        found.append(Object(data[offset : offset + 16], data[offset + 24 : offset + length]))
        offset += length
    return found


def _inner(one: Object) -> list[Object]:
    """The objects inside of the header extension."""
    return _objects(one.data[22:]) if one.guid == _EXTENSION else []


def _with_inner(extension: Object, inner: Sequence[Object]) -> Object:
    body = b"".join(one.render() for one in inner)
    return Object(_EXTENSION, extension.data[:18] + struct.pack("<I", len(body)) + body)


def _attributes(one: Object) -> list[bytes]:
    """The raw attributes of a description, metadata or library object."""
    found, offset = [], 2
    for _ in range(struct.unpack_from("<H", one.data)[0]):
        if one.guid == _DESCRIPTION:
            name_len = struct.unpack_from("<H", one.data, offset)[0]
            end = offset + 6 + name_len
            end += struct.unpack_from("<H", one.data, end - 2)[0]
        else:
            name_len, _, length = struct.unpack_from("<HHI", one.data, offset + 4)
            end = offset + 12 + name_len + length
        if end > len(one.data):
            raise ValueError("an attribute leads out of its object")
        found.append(one.data[offset:end])
        offset = end
    return found


def _split(raw: bytes, guid: bytes) -> tuple[str, int, bytes]:
    """Name, type and value of a raw attribute."""
    if guid == _DESCRIPTION:
        name_len = struct.unpack_from("<H", raw)[0]
        kind = struct.unpack_from("<H", raw, 2 + name_len)[0]
        name, value = raw[2 : 2 + name_len], raw[6 + name_len :]
    else:
        name_len, kind = struct.unpack_from("<HH", raw, 4)
        name, value = raw[12 : 12 + name_len], raw[12 + name_len :]
    return name.decode("utf-16-le", "replace").rstrip("\0"), kind, value


def _is_genre(raw: bytes, guid: bytes) -> bool:
    return _split(raw, guid)[0] == _NAME


def _exchanged(objects: Sequence[Object], guid: bytes, genres: Sequence[str]) -> list[Object]:
    """The objects with exactly `genres` in the one of this GUID, which is made if needed."""
    found, placed = [], not genres
    for one in objects:
        if one.guid != guid:
            found.append(one)
            continue
        raw = [item for item in _attributes(one) if not _is_genre(item, guid)]
        if not placed:
            raw += [_attribute(guid, genre) for genre in genres]
            placed = True
        found.append(_listed(guid, raw))
    if not placed:
        found.append(_listed(guid, [_attribute(guid, genre) for genre in genres]))
    return found


def _listed(guid: bytes, raw: Sequence[bytes]) -> Object:
    return Object(guid, struct.pack("<H", len(raw)) + b"".join(raw))


def _attribute(guid: bytes, genre: str) -> bytes:
    """A raw WM/Genre attribute, its strings ended by a zero."""
    name, value = (f"{text}\0".encode("utf-16-le") for text in (_NAME, genre))
    if guid == _DESCRIPTION:
        head = struct.pack("<H", len(name)) + name
        return head + struct.pack("<HH", _TEXT, len(value)) + value
    return struct.pack("<HHHHI", 0, 0, len(name), _TEXT, len(value)) + name + value


def _fitted(objects: list[Object], wanted_len: int) -> list[Object]:
    """Let a padding object take up the difference to the old length, if it can."""
    spare = wanted_len - _HEADER_LEN - sum(len(one.render()) for one in objects)
    for i, one in enumerate(objects):
        if one.guid == _PADDING and len(one.data) + spare >= 0:
            return [
                *objects[:i],
                Object(_PADDING, bytes(len(one.data) + spare)),
                *objects[i + 1 :],
            ]
        if one.guid == _EXTENSION:
            inner = _inner(one)
            for j, part in enumerate(inner):
                if part.guid == _PADDING and len(part.data) + spare >= 0:
                    inner[j] = Object(_PADDING, bytes(len(part.data) + spare))
                    return [*objects[:i], _with_inner(one, inner), *objects[i + 1 :]]
    return objects


def _with_file_size(one: Object, size: int | None, grown: int) -> Object:
    """File properties with the new length of the file where they had the old one right."""
    if one.guid != _FILE or len(one.data) < 24:
        return one
    old = struct.unpack_from("<Q", one.data, 16)[0]
    new = 0 if size is None else size + grown if old == size else old
    return replace(one, data=one.data[:16] + struct.pack("<Q", new) + one.data[24:])
