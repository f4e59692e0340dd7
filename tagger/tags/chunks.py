"""WAV, AIFF and DFF: chunks, one of which holds an ID3v2 tag; DSF points at one at its end.

The genre of RIFF's own INFO list (`IGNR`) is read where there is no other, and left.
"""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tagger.tags.base import Patch, Range, Source, rewritten
from tagger.tags.edges import tag_at
from tagger.tags.fields import GENRE, Edits, Field, Style, kept
from tagger.tags.id3frames import new_tag


@dataclass(frozen=True, slots=True)
class Layout:
    """How one member of the family writes its chunks.

    Attributes:
        size: `struct` layout of a chunk's length.
        id3: the id of a new tag chunk.
        audio: the chunks that are the payload.
    """

    size: str
    id3: bytes
    audio: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its id, where its content lies, and where the next one starts."""

    id: bytes
    offset: int
    length: int
    end: int


_LAYOUTS = {
    "wav": Layout("<I", b"id3 ", (b"fmt ", b"data")),
    "aiff": Layout(">I", b"ID3 ", (b"COMM", b"SSND")),
    "dff": Layout(">Q", b"ID3 ", (b"PROP", b"DSD ", b"DST ")),
}


def values(source: Source, container: str, field: Field, style: Style) -> tuple[str, ...]:
    """The values in the tag chunk; a genre may also be in RIFF INFO."""
    chunk = _tag_chunk(source, container)
    found: tuple[str, ...] = ()
    if chunk and chunk.length:
        found = tag_at(source, chunk.offset).values(field, style)
    if found or container != "wav" or field is not GENRE:
        return found
    return _info_genres(source)


def refusal(source: Source, container: str, style: Style) -> str | None:
    """Files that are cut off or streamed have no end where a chunk could go."""
    chunks = list(_chunks(source, container))
    end = _end(source, container)
    whole = chunks and chunks[-1].end <= source.size + 1 and end <= source.size
    if not whole or not any(chunk.id in _LAYOUTS[container].audio for chunk in chunks):
        return "It is cut off, or its header says a wrong length, so no chunk can be added."
    chunk = _tag_chunk(source, container)
    return tag_at(source, chunk.offset).refusal(style) if chunk and chunk.length else None


def plan(source: Source, container: str, edits: Edits, style: Style) -> list[Patch]:
    """Exchange the fields in the tag chunk, or add one at the end of the form."""
    layout, chunk = _LAYOUTS[container], _tag_chunk(source, container)
    if chunk:
        offset = chunk.offset - _start(layout)
        old = source.exact(offset, min(chunk.end, source.size) - offset)
        new = _exchanged(source, chunk, edits, style)
        new_chunk = _chunk_bytes(chunk.id, new, layout) if new else b""
        patches = rewritten(offset, old, new_chunk)
    else:
        offset = _end(source, container)
        old = b""
        tag = new_tag(edits, style)
        new_chunk = _chunk_bytes(layout.id3, tag, layout) if tag else b""
        if new_chunk and offset % 2:
            new_chunk = b"\0" + new_chunk  # the last chunk lacks its padding byte
        patches = [Patch(offset, 0, new_chunk)] if new_chunk else []
    return _form_size(source, layout, len(new_chunk) - len(old)) + patches


def others(
    source: Source,
    container: str,
    fields: Collection[Field],
    style: Style,  # noqa: ARG001
) -> list[bytes]:
    """The frames but the fields, and all chunks but tag and audio."""
    layout, raw = _LAYOUTS[container], [source.exact(0, 4)]
    for chunk in _chunks(source, container):
        if chunk.id in layout.audio:
            continue
        if chunk.id.lower() == b"id3 ":
            raw += tag_at(source, chunk.offset).others(fields) if chunk.length else []
        else:
            raw.append(chunk.id + source.digest(chunk.offset, chunk.length))
    end = _end(source, container)
    return [*raw, source.digest(end, max(0, source.size - end))]


def ranges(source: Source, container: str) -> list[Range]:
    """The chunks that say how the samples are written, and the samples."""
    return [
        (chunk.offset, min(chunk.length, source.size - chunk.offset))
        for chunk in _chunks(source, container)
        if chunk.id in _LAYOUTS[container].audio
    ]


def _exchanged(source: Source, chunk: Chunk, edits: Edits, style: Style) -> bytes:
    if not chunk.length:
        return new_tag(edits, style)
    tag = tag_at(source, chunk.offset)
    if tag.total > chunk.length:
        raise ValueError("the ID3 tag is longer than its chunk")
    return tag.exchanged(edits, style)


def _start(layout: Layout) -> int:
    """Where the form's type stands: behind its id and length."""
    return 4 + struct.calcsize(layout.size)


def _end(source: Source, container: str) -> int:
    """Where the form ends, by its own word."""
    layout = _LAYOUTS[container]
    return int(_start(layout) + source.unpack(layout.size, 4)[0])


def _chunks(source: Source, container: str) -> Iterator[Chunk]:
    """The chunks of the form in order."""
    layout = _LAYOUTS[container]
    head_len = _start(layout)
    offset, end = head_len + 4, min(_end(source, container), source.size)
    while offset + head_len <= end:
        length = source.unpack(layout.size, offset + 4)[0]
        start = offset + head_len
        yield Chunk(source.exact(offset, 4), start, length, start + length + length % 2)
        offset = start + length + length % 2


def _tag_chunk(source: Source, container: str) -> Chunk | None:
    """The chunk with the ID3 tag; both spellings of its id are in use."""
    return next((c for c in _chunks(source, container) if c.id.lower() == b"id3 "), None)


def _chunk_bytes(chunk_id: bytes, data: bytes, layout: Layout) -> bytes:
    return chunk_id + struct.pack(layout.size, len(data)) + data + bytes(len(data) % 2)


def _form_size(source: Source, layout: Layout, delta: int) -> list[Patch]:
    """The form's own length after a change."""
    if not delta:
        return []
    old = source.exact(4, struct.calcsize(layout.size))
    new = struct.pack(layout.size, struct.unpack(layout.size, old)[0] + delta)
    return [Patch(4, len(old), new)]


def _info_genres(source: Source) -> tuple[str, ...]:
    """The IGNR entries of the INFO list."""
    values: list[str] = []
    for chunk in _chunks(source, "wav"):
        if chunk.id != b"LIST" or source.read(chunk.offset, 4) != b"INFO":
            continue
        offset, end = chunk.offset + 4, min(chunk.offset + chunk.length, source.size)
        while offset + 8 <= end:
            kind, length = source.unpack("<4sI", offset)
            if kind == b"IGNR":
                values.append(_info_text(source.read(offset + 8, min(length, end - offset))))
            offset += 8 + length + length % 2
    return kept(values)


def _info_text(data: bytes) -> str:
    """RIFF names no encoding: UTF-8 where it is, else Windows' own."""
    data = data.split(b"\0", 1)[0]
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
