"""Whose a track is: read to keep an artist's tracks together, never written."""

from pathlib import Path

from tagger.errors import TagError
from tagger.tags.base import TagInfo, open_source
from tagger.tags.fields import AS_IS, Field, Style, field_named
from tagger.tags.registry import info_of, translated
from tagger.tags.sniff import container_of

_ALBUM_ARTIST = Field("albumartist", ("TPE2",), b"aART", "AlbumArtist", "WM/AlbumArtist")
_ARTIST = Field("artist", ("TPE1",), b"\xa9ART", "Artist", "Author")
_NOBODY = frozenset({"various artists", "various", "va", "v.a.", "unknown artist", "unknown"})
"""What stands where a compilation has no artist of its own."""


def read_with_artist(path: Path, *, field: str, style: Style = AS_IS) -> tuple[TagInfo, str]:
    """A file's genres and another field, and whose it is.

    Args:
        path: the file.
        field: a name of `tagger.tags.fields.FIELDS`, or a free one, that is read too.
        style: as for `tagger.tags.read_tags`.

    Returns:
        The tags, and the album artist, else the artist, else '' where the file names nobody.

    Raises:
        TagError: the file cannot be opened, or its tags are damaged.
        InputError: the field cannot be one.
    """
    asked = field_named(field)
    with translated(path, TagError, "the tags cannot be read"), open_source(path) as source:
        info = info_of(source, container_of(source), style, (asked, _ALBUM_ARTIST, _ARTIST))
    named = [
        name.strip()
        # The album artist first: guests on a track must not part an artist's records.
        for key in (_ALBUM_ARTIST, _ARTIST)
        for name in info.others.get(key.name, ())
        if name.strip().casefold() not in _NOBODY
    ]
    return info, named[0] if named else ""
