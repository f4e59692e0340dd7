"""A file -> what a list of music shows of it: title, artist, album, length, cover."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen

from tagger.errors import TagError, TaggerError
from tagger.service.texts import plain

_TITLES = ("title", "TIT2", "\xa9nam", "Title", "TITLE")
_ARTISTS = ("artist", "TPE1", "\xa9ART", "Author", "Artist", "ARTIST", "TPE2", "aART")
_ALBUMS = ("album", "TALB", "\xa9alb", "WM/AlbumTitle", "Album", "ALBUM")
_COVERS = ("cover", "folder", "front")

IMAGES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
}
MAX_COVER_LEN = 16 << 20


@dataclass(frozen=True, slots=True)
class About:
    """What a file says of itself.

    Attributes:
        title: '' if it does not say.
        artist: '' likewise.
        album: '' likewise.
        duration_s: from its header; None if that does not tell.
        has_cover: there is a picture in its tags.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    duration_s: float | None = None
    has_cover: bool = False


def about(path: Path) -> About:
    """What a file says of itself; nothing at all if its tags cannot be read.

    A list shows damaged files too: the scan will say what is wrong with them.
    """
    try:
        with _opened(path) as file:
            if file is None:
                return About()
            length = getattr(file.info, "length", None)
            is_length = isinstance(length, int | float) and 0 < length < 1e7
            return About(
                _first(file.tags, _TITLES),
                _first(file.tags, _ARTISTS),
                _first(file.tags, _ALBUMS),
                float(length) if is_length and length is not None else None,
                next(_pictures(file), None) is not None,
            )
    except TaggerError:
        return About()


def cover_of(path: Path, *, beside: bool) -> tuple[bytes, str] | None:
    """A file's cover and its media type.

    Args:
        path: the file.
        beside: also take cover.jpg, folder.png and the like of its folder.

    Raises:
        TagError: its tags cannot be read.
    """
    with _opened(path) as file:
        for data in _pictures(file) if file is not None else ():
            if (kind := image_kind(data)) is not None:
                return data, kind
    return _cover_beside(path.parent) if beside else None


def image_kind(data: bytes) -> str | None:
    """The media type that the first bytes of a picture tell; None if it is none of ours."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in IMAGES.items() if data.startswith(magic)), None)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Mutagen's view of a file, None if it knows no such format.

    Raises:
        TagError: it is damaged; mutagen raises whatever falls out of the parsing.
    """
    try:
        file = mutagen.File(path)
    except Exception as error:
        raise TagError(f"{path}: the tags cannot be read ({error}).") from error
    yield file


def _first(tags: Any, names: tuple[str, ...]) -> str:
    """The first value that one of some names has, as text."""
    if not isinstance(tags, Mapping) and not hasattr(tags, "get"):
        return ""
    for name in names:
        try:
            value = tags.get(name)
        except (KeyError, ValueError):
            continue  # Vorbis comments refuse names that they could not have
        if value:
            first = value[0] if isinstance(value, list) else getattr(value, "text", [value])[0]
            text = plain(str(first)).strip()
            if text:
                return text[:1000]
    return ""


def _pictures(file: Any) -> Iterator[bytes]:
    """The pictures in a file's tags; the front cover is the first in most of them."""
    yield from (bytes(picture.data) for picture in getattr(file, "pictures", None) or ())
    tags = file.tags
    if tags is None:
        return
    if hasattr(tags, "getall"):
        yield from (bytes(frame.data) for frame in tags.getall("APIC"))
        return
    try:
        held = [*(tags.get("covr") or ()), *(tags.get("metadata_block_picture") or ())]
    except (KeyError, ValueError):
        return
    for picture in held:
        yield _vorbis_picture(picture) if isinstance(picture, str) else bytes(picture)


def _vorbis_picture(text: str) -> bytes:
    import base64  # noqa: PLC0415 - few files have one

    from mutagen.flac import Picture  # noqa: PLC0415

    try:
        return bytes(Picture(base64.b64decode(text)).data)
    except Exception:  # noqa: BLE001 - mutagen raises whatever falls out of the parsing
        return b""


def _cover_beside(folder: Path) -> tuple[bytes, str] | None:
    """The picture that a folder holds for its album."""
    for name in _COVERS:
        for suffix in (".jpg", ".png", ".jpeg", ".webp"):
            path = folder / f"{name}{suffix}"
            try:
                if not path.is_file() or path.is_symlink():
                    continue
                if path.stat().st_size > MAX_COVER_LEN:
                    continue
                data = path.read_bytes()
            except OSError:  # it went just now, or is not for us: another name may do
                continue
            if (kind := image_kind(data)) is not None:
                return data, kind
    return None
