"""The Vorbis comment of FLAC and Ogg: a vendor and raw `NAME=value` entries.

https://xiph.org/vorbis/doc/v-comment.html
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tagger.tags.base import kept

_MAX_FIELDS = 1 << 20


@dataclass(frozen=True, slots=True)
class Comment:
    """A parsed comment; entries keep their bytes and their order.

    Attributes:
        vendor: who encoded the stream.
        entries: `NAME=value`, undecoded.
        rest: what stands behind the last entry (framing bit, padding).
    """

    vendor: bytes
    entries: tuple[bytes, ...]
    rest: bytes


def parse_comment(data: bytes) -> Comment:
    """The comment at the start of `data`.

    Raises:
        ValueError: a length leads out of `data`.
    """
    vendor, offset = _string(data, 0)
    count = struct.unpack_from("<I", data, offset)[0]
    offset += 4
    if count > _MAX_FIELDS:
        raise ValueError(f"the comment claims {count} fields")
    entries = []
    for _ in range(count):
        entry, offset = _string(data, offset)
        entries.append(entry)
    return Comment(vendor, tuple(entries), data[offset:])


def render_comment(comment: Comment) -> bytes:
    """The bytes of a comment."""
    strings = [comment.vendor, *comment.entries]
    parts = [struct.pack("<I", len(text)) + text for text in strings]
    parts.insert(1, struct.pack("<I", len(comment.entries)))
    return b"".join(parts) + comment.rest


def comment_genres(comment: Comment) -> tuple[str, ...]:
    """The values of all GENRE fields, in order."""
    return kept(
        entry.partition(b"=")[2].decode(errors="replace")
        for entry in comment.entries
        if _is_genre(entry)
    )


def other_entries(comment: Comment) -> list[bytes]:
    """Vendor and every entry but the genre."""
    return [comment.vendor, *(entry for entry in comment.entries if not _is_genre(entry))]


def with_genres(comment: Comment, genres: Sequence[str]) -> Comment:
    """The comment with exactly `genres`, where the first one stood or else at the end."""
    fields = [b"GENRE=" + genre.encode() for genre in genres]
    first = next(
        (i for i, entry in enumerate(comment.entries) if _is_genre(entry)),
        len(comment.entries),
    )
    before = [entry for entry in comment.entries[:first] if not _is_genre(entry)]
    behind = [entry for entry in comment.entries[first:] if not _is_genre(entry)]
    return replace(comment, entries=(*before, *fields, *behind))


def _is_genre(entry: bytes) -> bool:
    return entry[:6].upper() == b"GENRE="


def _string(data: bytes, offset: int) -> tuple[bytes, int]:
    """One string with its length in front, and where the next thing starts."""
    start = offset + 4
    end = start + int(struct.unpack_from("<I", data, offset)[0])
    if end > len(data):
        raise ValueError("a field of the comment leads out of it")
    return data[start:end], end
