"""WAV, RF64, AIFF and DFF: chunks, one of which holds an ID3v2 tag.

The genre of RIFF's own INFO list (`IGNR`) is read where there is no other; it is written only
if that was asked for.
"""

from collections.abc import Collection

from tagger.tags.base import About, Patch, Range, Source, rewritten
from tagger.tags.detect import id3v2_end
from tagger.tags.edges import front_tag, tag_at
from tagger.tags.fields import GENRE, Edits, Field, Style
from tagger.tags.id3make import ID3_SEVERAL, new_tag
from tagger.tags.iff import (
    LAYOUTS,
    Chunk,
    chunk_bytes,
    chunks_in,
    form_end,
    form_size,
    without_form_size,
)
from tagger.tags.riffinfo import info_genres, info_patches, is_info, other_entries

ABOUT = About(
    reads=("ID3v2",),
    writes="ID3v2 in a chunk",
    several=ID3_SEVERAL,
    limits={
        "wav": "RIFF INFO is read, and written with --wav-info",
        "rf64": "RIFF INFO is read, and written with --wav-info",
    },
)
_RIFF = {"wav", "rf64"}


def values(source: Source, container: str, field: Field, style: Style) -> tuple[str, ...]:
    """The values in the tag chunk; a genre may also be in RIFF INFO."""
    if tag := front_tag(source):
        return tag.values(field, style)
    chunk = _tag_chunk(source, container)
    found: tuple[str, ...] = ()
    if chunk and chunk.length:
        found = tag_at(source, chunk.offset).values(field, style)
    if found or container not in _RIFF or field is not GENRE:
        return found
    return info_genres(source, container)


def refusal(source: Source, container: str, style: Style) -> str | None:
    """Files that are cut off or streamed have no end where a chunk could go."""
    if id3v2_end(source):
        return "It has an ID3 tag in front of its header, where few programs look for one."
    chunks = list(chunks_in(source, container))
    end = form_end(source, container)
    whole = chunks and chunks[-1].end <= source.size + 1 and end <= source.size
    if not whole or not any(chunk.id in LAYOUTS[container].audio for chunk in chunks):
        return "It is cut off, or its header says a wrong length, so no chunk can be added."
    chunk = _tag_chunk(source, container)
    return tag_at(source, chunk.offset).refusal(style) if chunk and chunk.length else None


def plan(source: Source, container: str, edits: Edits, style: Style) -> list[Patch]:
    """Exchange the fields in the tag chunk, or add one at the end of the form."""
    patches: list[Patch] = []
    info = b""
    if style.wav_info and container in _RIFF and GENRE in edits:
        patches, info = info_patches(source, container, edits[GENRE], style.separator)
    layout, chunk = LAYOUTS[container], _tag_chunk(source, container)
    if chunk:
        offset = chunk.offset - layout.head_len
        old = source.exact(offset, min(chunk.end, source.size) - offset)
        tag = _exchanged(source, chunk, edits, style)
        new = info + (chunk_bytes(chunk.id, tag, layout) if tag else b"")
        patches += rewritten(offset, old, new)
    else:
        offset, tag = form_end(source, container), new_tag(edits, style)
        new = info + (chunk_bytes(layout.id3, tag, layout) if tag else b"")
        if new and offset % 2:
            new = b"\0" + new  # the last chunk lacks its padding byte
        patches += [Patch(offset, 0, new)] if new else []
    delta = sum(len(patch.data) - patch.length for patch in patches)
    patches.sort(key=lambda patch: patch.offset)
    return form_size(source, container, delta) + patches


def others(
    source: Source,
    container: str,
    fields: Collection[Field],
    style: Style,
) -> list[bytes]:
    """The frames but the fields, and all chunks but tag and audio."""
    raw = [source.exact(0, 4)]
    for chunk in chunks_in(source, container):
        if chunk.id in LAYOUTS[container].audio:
            continue
        if chunk.id.lower() == b"id3 ":
            raw += tag_at(source, chunk.offset).others(fields, style) if chunk.length else []
        elif style.wav_info and GENRE in fields and is_info(source, chunk):
            raw += other_entries(source, chunk)
        else:
            raw.append(without_form_size(source, chunk, container))
    end = form_end(source, container)
    return [*raw, source.digest(end, max(0, source.size - end))]


def ranges(source: Source, container: str) -> list[Range]:
    """The chunks that say how the samples are written, and the samples."""
    if start := id3v2_end(source):
        return [(start, source.size - start)]
    return [
        (chunk.offset, min(chunk.length, source.size - chunk.offset))
        for chunk in chunks_in(source, container)
        if chunk.id in LAYOUTS[container].audio
    ]


def _exchanged(source: Source, chunk: Chunk, edits: Edits, style: Style) -> bytes:
    if not chunk.length:
        return new_tag(edits, style)
    tag = tag_at(source, chunk.offset)
    if tag.total > chunk.length:
        raise ValueError("the ID3 tag is longer than its chunk")
    return tag.exchanged(edits, style)


def _tag_chunk(source: Source, container: str) -> Chunk | None:
    """The chunk with the ID3 tag; both spellings of its id are in use."""
    return next((c for c in chunks_in(source, container) if c.id.lower() == b"id3 "), None)
