"""RIFF's own list of tags (`LIST` of the kind `INFO`): its genre, `IGNR`, which Windows reads.

The list names no encoding. It is read as UTF-8 where it is, else as Windows' own; written is
UTF-8, as other taggers do, since some readers take nothing else.
"""

from collections.abc import Iterator, Sequence

from tagger.tags.base import Patch, Source, rewritten
from tagger.tags.fields import kept
from tagger.tags.iff import LAYOUTS, Chunk, chunk_bytes, chunks_in

_GENRE = b"IGNR"


def info_lists(source: Source, container: str) -> Iterator[Chunk]:
    """The INFO lists of a WAV."""
    for chunk in chunks_in(source, container):
        if is_info(source, chunk):
            yield chunk


def is_info(source: Source, chunk: Chunk) -> bool:
    """Whether a chunk is a list of tags."""
    return chunk.id == b"LIST" and source.read(chunk.offset, 4) == b"INFO"


def info_genres(source: Source, container: str) -> tuple[str, ...]:
    """The genres of the INFO lists."""
    return kept(
        _text(data)
        for chunk in info_lists(source, container)
        for name, data in _entries(source, chunk)
        if name == _GENRE
    )


def other_entries(source: Source, chunk: Chunk) -> list[bytes]:
    """Every entry of an INFO list but the genre."""
    return [name + data for name, data in _entries(source, chunk) if name != _GENRE]


def info_patches(
    source: Source, container: str, genres: Sequence[str], separator: str
) -> tuple[list[Patch], bytes]:
    """(changes to the list that is there, a list to add where there is none)."""
    layout = LAYOUTS[container]
    entry = _entry(separator.join(genres)) if genres else b""
    chunk = next(info_lists(source, container), None)
    if chunk is None:
        return [], chunk_bytes(b"LIST", b"INFO" + entry, layout) if entry else b""
    parts, placed = [], False
    for name, data in _entries(source, chunk):
        if name != _GENRE:
            parts.append(chunk_bytes(name, data, layout))
        elif not placed:
            parts.append(entry)
            placed = True
    body = b"".join(parts if placed else [*parts, entry])
    offset = chunk.offset - layout.head_len
    old = source.exact(offset, min(chunk.end, source.size) - offset)
    new = chunk_bytes(b"LIST", b"INFO" + body, layout) if body else b""
    return rewritten(offset, old, new), b""


def _entries(source: Source, chunk: Chunk) -> Iterator[tuple[bytes, bytes]]:
    offset, end = chunk.offset + 4, min(chunk.offset + chunk.length, source.size)
    while offset + 8 <= end:
        name, length = source.unpack("<4sI", offset)
        yield name, source.read(offset + 8, min(length, end - offset - 8))
        offset += 8 + length + length % 2


def _entry(text: str) -> bytes:
    """The genre as an entry that ends with a zero."""
    return chunk_bytes(_GENRE, text.encode() + b"\0", LAYOUTS["wav"])


def _text(data: bytes) -> str:
    data = data.split(b"\0", 1)[0]
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:  # it leaves five bytes open
        return data.decode("latin-1")
