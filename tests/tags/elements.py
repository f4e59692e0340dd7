"""What mutagen, an independent reader, sees in a file."""

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
                one.decode() if isinstance(one, bytes) else str(one)
                for one in getattr(value, "genres", value)
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

    It does not open RF64 and looks for no tag in AAC, but reads the ID3 tag in them.
    """
    if path.suffix in {".rf64", ".aac"}:
        data = path.read_bytes()
        start = data.find(b"id3 ") + 8 if path.suffix == ".rf64" else 0
        if data[start : start + 3] != b"ID3":
            return []
        return list(ID3(BytesIO(data[start:])).items())
    opened = mutagen.File(path) if path.suffix != ".ape" else None
    tags = opened.tags if opened is not None else None
    if tags is None:
        try:
            tags = APEv2(path)
        except APENoHeaderError:
            return []
    return [(key, tags[key]) for key in tags.keys()]  # noqa: SIM118, tags iterate differently
