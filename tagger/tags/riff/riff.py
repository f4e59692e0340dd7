"""WAV, RF64, AIFF and DFF: chunks, one of which holds an ID3v2 tag.

Where RIFF has a list of its own (INFO), its genre (`IGNR`) is written too; a list is added only
if that was asked for.
"""

from collections.abc import Collection

from tagger.tags.around import followed, unconverted, why_stuck
from tagger.tags.base import About, Patch, Range, Source, rewritten
from tagger.tags.edges import front_tag, tag_at, tags_from
from tagger.tags.fields import GENRE, Edits, Field, Style
from tagger.tags.id3.frames import Tag
from tagger.tags.id3.make import ID3_SEVERAL, new_tag
from tagger.tags.places import Place, Told
from tagger.tags.riff.chunks import (
    LAYOUTS,
    Chunk,
    chunk_bytes,
    chunks_in,
    form_end,
    form_size,
    without_form_size,
)
from tagger.tags.riff.info import info_patches, info_places, is_info, other_entries
from tagger.tags.sniff import id3v2_end

ABOUT = About(
    reads=("ID3v2",),
    writes="ID3v2 in a chunk",
    several=ID3_SEVERAL,
    limits={
        "wav": "RIFF INFO is written where it is there, or with wav_info",
        "rf64": "RIFF INFO is written where it is there, or with wav_info",
    },
)
_RIFF = {"wav", "rf64"}


def values(source: Source, container: str, field: Field, style: Style) -> tuple[str, ...]:
    """The values in the first tag chunk."""
    if tag := front_tag(source):
        return tag.values(field, style)
    chunk = next(iter(_tag_chunks(source, container)), None)
    if chunk and chunk.length:
        return tag_at(source, chunk.offset).values(field, style)
    return ()


def told(source: Source, container: str, style: Style) -> Told:
    """The first tag counts first, then others in chunks, then RIFF INFO."""
    tags = [tag] if (tag := front_tag(source)) else _tags(source, container)
    places = [Place(tag.values(GENRE, style)) for tag in tags]
    infos = info_places(source, container, style) if container in _RIFF else ()
    is_as_asked = not tags or tags[0].is_as_asked(style)
    if style.wav_info and container in _RIFF:
        is_as_asked &= any(place.genres for place in infos) or not any(
            place.genres for place in places
        )
    return Told((*places, *infos), is_as_asked)


def refusal(source: Source, container: str, style: Style) -> str | None:
    """Files that are cut off or streamed have no end where a chunk could go."""
    if id3v2_end(source):
        return "It has an ID3 tag in front of its header, where few programs look for one."
    chunks = list(chunks_in(source, container))
    end = form_end(source, container)
    whole = chunks and chunks[-1].end <= source.size + 1 and end <= source.size
    if not whole or not any(chunk.id in LAYOUTS[container].audio for chunk in chunks):
        return "It is cut off, or its header says a wrong length, so no chunk can be added."
    for number, tag in enumerate(_tags(source, container)):
        if number == 0 and (reason := tag.refusal(style)):
            return reason
        if number and (reason := why_stuck(tag)):
            return reason
    return None


def plan(source: Source, container: str, edits: Edits, style: Style) -> list[Patch]:
    """Exchange the fields in the tag chunk, or add one at the end of the form."""
    patches: list[Patch] = []
    added = b""
    if container in _RIFF and GENRE in edits:
        patches, added = info_patches(source, container, edits[GENRE], style)
    layout, chunks = LAYOUTS[container], _tag_chunks(source, container)
    for chunk in chunks:
        offset = chunk.offset - layout.head_len
        old = source.exact(offset, min(chunk.end, source.size) - offset)
        tag = _exchanged(source, chunk, edits, style, is_main=chunk is chunks[0])
        patches += rewritten(offset, old, chunk_bytes(chunk.id, tag, layout) if tag else b"")
    if not chunks and (tag := new_tag(edits, style)):
        added += chunk_bytes(layout.id3, tag, layout)
    if added:
        end = form_end(source, container)
        # The last chunk may lack its padding byte.
        patches.append(Patch(end, 0, b"\0" * (end % 2) + added))
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
            raw += _others_in(source, chunk, fields, style)
        elif container in _RIFF and GENRE in fields and is_info(source, chunk):
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


def _exchanged(
    source: Source, chunk: Chunk, edits: Edits, style: Style, *, is_main: bool
) -> bytes:
    """A chunk's content: its tags, and whatever stands behind them."""
    if not chunk.length:
        return new_tag(edits, style) if is_main else b""
    first = tag_at(source, chunk.offset)
    if first.total > chunk.length:
        raise ValueError("the ID3 tag is longer than its chunk")
    end, found = chunk.offset + chunk.length, b""
    for offset, tag in tags_from(source, chunk.offset, end):
        new = source.exact(offset, tag.total)
        if is_main and offset == chunk.offset:
            new = new if tag.holds(edits, style) else tag.exchanged(edits, style)
        else:
            changed = followed(tag, edits, style)
            new = new if changed is None else changed
        found += new
        behind = offset + tag.total
    return found + source.exact(behind, end - behind)


def _others_in(
    source: Source, chunk: Chunk, fields: Collection[Field], style: Style
) -> list[bytes]:
    """What a tag chunk holds but the fields; only its first tag may get another version."""
    raw: list[bytes] = []
    end = behind = chunk.offset + chunk.length
    for offset, tag in tags_from(source, chunk.offset, end):
        is_first = offset == chunk.offset
        raw += tag.others(fields, style if is_first else unconverted(style))
        behind = offset + tag.total
    rest = source.exact(behind, end - behind)
    return [*raw, rest] if rest else raw


def _tag_chunks(source: Source, container: str) -> list[Chunk]:
    """The chunks with ID3 tags; both spellings of their id are in use."""
    return [c for c in chunks_in(source, container) if c.id.lower() == b"id3 "]


def _tags(source: Source, container: str) -> list[Tag]:
    """The tags in all chunks."""
    found: list[Tag] = []
    for chunk in _tag_chunks(source, container):
        end = chunk.offset + chunk.length
        if chunk.length and not found:
            tag_at(source, chunk.offset)  # what is no tag is damage
        found += [tag for _, tag in tags_from(source, chunk.offset, end)]
    return found
