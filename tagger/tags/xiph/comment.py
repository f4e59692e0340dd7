"""The Vorbis comment of FLAC and Ogg: a vendor and raw `NAME=value` entries.

https://xiph.org/vorbis/doc/v-comment.html
"""

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tagger.tags.fields import Edits, Field, Style, stored, understood
from tagger.tags.undecoded import bytes_of, text_of

REPEATED = "repeated field"
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
    # The count is read before the entries: a damaged one would loop for minutes.
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


def comment_values(comment: Comment, field: Field, style: Style) -> tuple[str, ...]:
    """The values of all entries of a field, in order."""
    return understood(_texts(comment, field), field, style)


def other_entries(comment: Comment, fields: Collection[Field]) -> list[bytes]:
    """Vendor and every entry but those of some fields."""
    return [
        comment.vendor,
        *(raw for raw in comment.entries if not any(_is_of(raw, field) for field in fields)),
    ]


def edited(comment: Comment, edits: Edits, style: Style) -> Comment:
    """The comment with other fields: where their first entry stood, or else at the end."""
    for field, values in edits.items():
        texts = stored(values, field, style, old=_texts(comment, field))
        comment = _exchanged(comment, field, texts)
    return comment


def _exchanged(comment: Comment, field: Field, texts: Sequence[str]) -> Comment:
    new = [bytes_of(f"{field.common.upper()}={text}") for text in texts]
    # Where the field stood before, since some players show fields in their order.
    first = next(
        (i for i, entry in enumerate(comment.entries) if _is_of(entry, field)),
        len(comment.entries),
    )
    behind = [entry for entry in comment.entries[first:] if not _is_of(entry, field)]
    return replace(comment, entries=(*comment.entries[:first], *new, *behind))


def _texts(comment: Comment, field: Field) -> list[str]:
    return [
        text_of(entry.partition(b"=")[2]) for entry in comment.entries if _is_of(entry, field)
    ]


def _is_of(entry: bytes, field: Field) -> bool:
    name, equals, _ = entry.partition(b"=")
    return bool(equals) and name.upper() == field.common.upper().encode()


def _string(data: bytes, offset: int) -> tuple[bytes, int]:
    """One string with its length in front, and where the next thing starts."""
    start = offset + 4
    end = start + int(struct.unpack_from("<I", data, offset)[0])
    if end > len(data):
        raise ValueError("a field of the comment leads out of it")
    return data[start:end], end
