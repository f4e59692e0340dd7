"""The objects of an ASF header and the attributes in them, as bytes.

Format: Advanced Systems Format (ASF) Specification, 01.20.05.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tagger.tags.undecoded import encoded


def _guid(text: str) -> bytes:
    return UUID(text).bytes_le


ATTRIBUTES = _guid("d2d0a440-e307-11d2-97f0-00a0c95ea850")
EXTENSION = _guid("5fbf03b5-a92e-11cf-8ee3-00c00c205365")
METADATA = _guid("c5f8cbea-5baf-4877-8467-aa8c44fa4cca")
LIBRARY = _guid("44231c94-9498-49d1-a141-1d134e457054")
PADDING = _guid("1806d474-cadf-4509-a4ba-9aabcb96aae8")
FILE = _guid("8cabdca1-a947-11cf-8ee4-00c00c205365")
DATA = _guid("75b22636-668e-11cf-a6d9-00aa0062ce6c")
CONTENT = _guid("75b22633-668e-11cf-a6d9-00aa0062ce6c")
_N_CONTENT = 5
TEXT = 0
NUMBERS = (3, 4, 5)


@dataclass(frozen=True, slots=True)
class Object:
    """One object of the header: its GUID and the content behind its 24 bytes."""

    guid: bytes
    data: bytes

    def render(self) -> bytes:
        """GUID, length, content."""
        return self.guid + struct.pack("<Q", 24 + len(self.data)) + self.data


def objects_in(data: bytes) -> list[Object]:
    """The objects one after another in `data`; damaged ones end the list."""
    objects, offset = [], 0
    while offset + 24 <= len(data):
        length = struct.unpack_from("<Q", data, offset + 16)[0]
        if length < 24 or offset + length > len(data):
            break
        objects.append(Object(data[offset : offset + 16], data[offset + 24 : offset + length]))
        offset += length
    return objects


def inner_of(element: Object) -> list[Object]:
    """The objects inside of the header extension."""
    return objects_in(element.data[22:]) if element.guid == EXTENSION else []


def with_inner(extension: Object, inner: Sequence[Object]) -> Object:
    """The header extension with these objects inside."""
    body = b"".join(element.render() for element in inner)
    return Object(EXTENSION, extension.data[:18] + struct.pack("<I", len(body)) + body)


def attributes_of(element: Object) -> list[bytes]:
    """The raw attributes of a description, metadata or library object."""
    attributes, offset = [], 2
    for _ in range(struct.unpack_from("<H", element.data)[0]):
        # The description has short lengths; the two newer objects have language, stream and
        # long ones in front.
        if element.guid == ATTRIBUTES:
            name_len = struct.unpack_from("<H", element.data, offset)[0]
            end = offset + 6 + name_len
            end += struct.unpack_from("<H", element.data, end - 2)[0]
        else:
            name_len, _, length = struct.unpack_from("<HHI", element.data, offset + 4)
            end = offset + 12 + name_len + length
        if end > len(element.data):
            raise ValueError("an attribute leads out of its object")
        attributes.append(element.data[offset:end])
        offset = end
    return attributes


def split_attribute(raw: bytes, guid: bytes) -> tuple[str, int, bytes]:
    """Name, type and value of a raw attribute."""
    if guid == ATTRIBUTES:
        name_len = struct.unpack_from("<H", raw)[0]
        kind = struct.unpack_from("<H", raw, 2 + name_len)[0]
        name, value = raw[2 : 2 + name_len], raw[6 + name_len :]
    else:
        name_len, kind = struct.unpack_from("<HH", raw, 4)
        name, value = raw[12 : 12 + name_len], raw[12 + name_len :]
    return name.decode("utf-16-le", "replace").rstrip("\0"), kind, value


def listed(guid: bytes, raw: Sequence[bytes]) -> Object:
    """An object of raw attributes, which it counts."""
    return Object(guid, struct.pack("<H", len(raw)) + b"".join(raw))


def attribute(guid: bytes, name: str, text: str) -> bytes:
    """A raw attribute, its strings ended by a zero."""
    key, value = (encoded(f"{part}\0", "utf-16-le") for part in (name, text))
    if guid == ATTRIBUTES:
        head = struct.pack("<H", len(key)) + key
        return head + struct.pack("<HH", TEXT, len(value)) + value
    return struct.pack("<HHHHI", 0, 0, len(key), TEXT, len(value)) + key + value


def content_texts(element: Object) -> list[bytes]:
    """Title, author, copyright, description and rating, raw."""
    lengths = struct.unpack_from("<5H", element.data)
    if 2 * _N_CONTENT + sum(lengths) > len(element.data):
        raise ValueError("a text leads out of the content description")
    texts, offset = [], 2 * _N_CONTENT
    for length in lengths:
        texts.append(element.data[offset : offset + length])
        offset += length
    return texts


def with_description(element: Object, text: bytes) -> Object:
    """The content description with another description."""
    texts = content_texts(element)
    rest = element.data[2 * _N_CONTENT + sum(map(len, texts)) :]
    texts[3] = text
    lengths = struct.pack("<5H", *map(len, texts))
    return Object(CONTENT, lengths + b"".join(texts) + rest)


NO_CONTENT = Object(CONTENT, bytes(2 * _N_CONTENT))
