"""The ID3v2 tags in front of a file, and where they end."""

from tagger.tags.base import Range, Source
from tagger.tags.id3.text import synchsafe

_MAX_TAGS = 8
_ZEROS_LEN = 4 << 10
_MAX_ZEROS = 1 << 20


def id3v2_end(source: Source) -> int:
    """Where the ID3v2 tags in front end, zeros between them included; 0 if there is none."""
    tags = id3v2_tags(source)
    return sum(tags[-1]) if tags else 0


def id3v2_tags(source: Source) -> list[Range]:
    """The ID3v2 tags in front, in order: one behind the other, or with zeros between them.

    Some readers look for a second one behind zeros. More than a few are nobody's tags.
    """
    tags: list[Range] = []
    start = 0
    while len(tags) < _MAX_TAGS:
        header = source.read(start, 10)
        # Only behind a tag: zeros at the start of a file are audio, or nothing.
        if tags and header[:1] == b"\0":
            start = _behind_zeros(source, start)
            header = source.read(start, 10)
        if not is_id3v2(header):
            break
        length = 10 + synchsafe(header[6:10]) + (10 if header[5] & 0x10 else 0)
        tags.append((start, length))
        start += length
    return tags


def _behind_zeros(source: Source, offset: int) -> int:
    """The first byte from an offset on that is none of a few zeros, or the offset."""
    at = offset
    while not (block := source.read(at, _ZEROS_LEN)).strip(b"\0") and block:
        at += len(block)
        if at - offset > _MAX_ZEROS:
            return offset
    return at + len(block) - len(block.lstrip(b"\0"))


def is_id3v2(header: bytes) -> bool:
    """Whether ten bytes are the header of an ID3v2 tag."""
    return (
        len(header) >= 10
        and header[:3] == b"ID3"
        and header[3] < 16  # the version: 2 to 4, and whatever may come
        and header[4] < 0xFF
        and all(byte < 0x80 for byte in header[6:10])
    )
