"""What mutagen, an independent reader, sees in a file."""

from pathlib import Path
from typing import Any

import mutagen
from mutagen.apev2 import APENoHeaderError, APEv2

_GENRE_KEYS = {"tcon", "\xa9gen", "genre", "wm/genre"}


def seen_genres(path: Path) -> list[str]:
    """The genres that mutagen reads, [] for none."""
    for key, value in _items(path):
        if key.lower() in _GENRE_KEYS:
            return [str(genre) for genre in getattr(value, "genres", value)]
    return []


def other_tags(path: Path) -> dict[str, str]:
    """Everything but the genre, as text."""
    return {key: repr(value) for key, value in _items(path) if key.lower() not in _GENRE_KEYS}


def _items(path: Path) -> list[tuple[str, Any]]:
    """The tags; mutagen asks some containers for ID3 only, so APEv2 is asked for itself."""
    opened = mutagen.File(path) if path.suffix != ".ape" else None
    tags = opened.tags if opened is not None else None
    if tags is None:
        try:
            tags = APEv2(path)
        except APENoHeaderError:
            return []
    return [(key, tags[key]) for key in tags.keys()]  # noqa: SIM118, tags iterate differently
