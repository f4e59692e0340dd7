"""What mutagen, an independent reader, sees in a file."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import mutagen
from mutagen.apev2 import APENoHeaderError, APEv2
from mutagen.id3 import ID3

_KEYS = {
    "genre": {"tcon", "\xa9gen", "genre", "wm/genre"},
    "grouping": {"tit1", "grp1", "\xa9grp", "grouping", "wm/contentgroupdescription"},
    "comment": {"comm::eng", "\xa9cmt", "comment", "description"},
    "mood": {"tmoo", "txxx:mood", "----:com.apple.itunes:mood", "mood", "wm/mood"},
}


def seen_genres(path: Path) -> list[str]:
    """The genres that mutagen reads, [] for none."""
    return seen(path, "genre")


def seen(path: Path, field: str) -> list[str]:
    """The values of a field that mutagen reads, [] for none."""
    for key, value in _items(path):
        if _is(key, field):
            return [
                item.decode() if isinstance(item, bytes) else str(item)
                for item in getattr(value, "genres", value)
            ]
    return []


def other_tags(path: Path, *fields: str) -> dict[str, str]:
    """Everything but some fields (the genre, if none is named), as text."""
    changed = fields or ("genre",)
    return {
        key: repr(value)
        for key, value in _items(path)
        if not any(_is(key, field) for field in changed)
    }


def _is(key: str, field: str) -> bool:
    name = field.casefold()
    free = {name, f"txxx:{name}", f"----:com.apple.itunes:{name}"}
    return key.lower() in _KEYS.get(name, free)


def _items(path: Path) -> list[tuple[str, Any]]:
    """The tags; mutagen asks some containers for ID3 only, so APEv2 is asked for itself.

    It does not open RF64 and looks for no tag in AAC, but reads the ID3 tag in them. Matroska
    is read by the few lines below.
    """
    if path.suffix in {".rf64", ".aac"}:
        data = path.read_bytes()
        start = data.find(b"id3 ") + 8 if path.suffix == ".rf64" else 0
        if data[start : start + 3] != b"ID3":
            return []
        return list(ID3(BytesIO(data[start:])).items())
    if path.suffix in {".mka", ".webm"}:
        return list(simple_tags(path).items())
    opened = mutagen.File(path) if path.suffix != ".ape" else None
    tags = opened.tags if opened is not None else None
    if tags is None:
        try:
            tags = APEv2(path)
        except APENoHeaderError:
            return []
    return [(key, tags[key]) for key in tags.keys()]  # noqa: SIM118, tags iterate differently


def simple_tags(path: Path) -> dict[str, list[str]]:
    """The names and values in a Matroska file whose elements say their lengths."""
    found: dict[str, list[str]] = {}
    for _, segment in elements_in(path.read_bytes(), b"\x18\x53\x80\x67"):
        for _, tags in elements_in(segment, b"\x12\x54\xc3\x67"):
            for _, tag in elements_in(tags, b"\x73\x73"):
                for _, simple in elements_in(tag, b"\x67\xc8"):
                    inner = {name: data.decode() for name, data in elements_in(simple)}
                    values = found.setdefault(inner[b"\x45\xa3"].lower(), [])
                    values.append(inner[b"\x44\x87"])
    return found


def elements_in(data: bytes, wanted: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
    """The elements of one id, or all, one behind the other: id and content."""
    at = 0
    while at < len(data):
        id_len = next(n for n in range(1, 5) if data[at] >= 1 << 8 - n)
        name, at = data[at : at + id_len], at + id_len
        size_len = next(n for n in range(1, 9) if data[at] >= 1 << 8 - n)
        size = int.from_bytes(data[at : at + size_len], "big") - (1 << 7 * size_len)
        at += size_len + size
        if not wanted or name == wanted:
            yield name, data[at - size : at]
