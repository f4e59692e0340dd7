"""WAV, RF64, AIFF and DFF: chunks, one of which holds an ID3v2 tag.

Where RIFF has a list of its own (INFO), its genre (`IGNR`) is written too; a list is added only
if that was asked for. A new tag says what the list says: TagLib shows only one of them.
"""

from collections.abc import Collection
from functools import cached_property

from tagger.tags.around import followed, unconverted, why_stuck
from tagger.tags.base import Container, Family, Patch, Range, Source, TagFile, rewritten
from tagger.tags.edges import front_tag, tag_at, tags_from
from tagger.tags.fields import GENRE, Edits, Field, Style
from tagger.tags.id3.begun import begun_with_info
from tagger.tags.id3.frames import Tag
from tagger.tags.id3.front import id3v2_end
from tagger.tags.id3.make import ID3_SEVERAL, new_tag
from tagger.tags.places import GenrePlaces, Place
from tagger.tags.riff.chunks import (
    LAYOUTS,
    Chunk,
    chunk_bytes,
    chunks_in,
    form_end,
    form_size,
    without_form_size,
)
from tagger.tags.riff.info import (
    info_entries,
    info_patches,
    info_places,
    is_info,
    other_entries,
)

_RIFF = {"wav", "rf64"}


class RiffFile(TagFile):
    """The chunks of a form."""

    @cached_property
    def _begun(self) -> Tag | None:
        """What a new tag begins with, since it hides RIFF INFO."""
        if self.container not in _RIFF:
            return None
        places = info_places(self.source, self.container, self.style)
        genres = next((place.genres for place in places if place.genres), ())
        return begun_with_info(info_entries(self.source, self.container), genres)

    def values(self, field: Field) -> tuple[str, ...]:
        """The values in the first tag chunk."""
        if tag := front_tag(self.source):
            return tag.values(field, self.style)
        chunk = next(iter(_tag_chunks(self.source, self.container)), None)
        if chunk and chunk.length:
            return tag_at(self.source, chunk.offset).values(field, self.style)
        return self._begun.values(field, self.style) if self._begun else ()

    def genre_places(self) -> GenrePlaces:
        """The first tag counts first, then others in chunks, then RIFF INFO."""
        tags = [tag] if (tag := front_tag(self.source)) else _tags(self.source, self.container)
        places = [Place(tag.values(GENRE, self.style)) for tag in tags]
        infos = (
            info_places(self.source, self.container, self.style)
            if self.container in _RIFF
            else ()
        )
        is_as_asked = not tags or tags[0].is_as_asked(self.style)
        if self.style.wav_info and self.container in _RIFF:
            is_as_asked &= any(place.genres for place in infos) or not any(
                place.genres for place in places
            )
        return GenrePlaces((*places, *infos), is_as_asked)

    def refusal(self) -> str | None:
        """Files that are cut off or streamed have no end where a chunk could go."""
        if id3v2_end(self.source):
            return "It has an ID3 tag in front of its header, where few programs look for one."
        chunks = list(chunks_in(self.source, self.container))
        end = form_end(self.source, self.container)
        # One byte more: the padding of the last chunk may be missing.
        whole = chunks and chunks[-1].end <= self.source.size + 1 and end <= self.source.size
        # A stream that was never closed says 0 or FFFFFFFF as its length.
        if not whole or not any(chunk.id in LAYOUTS[self.container].audio for chunk in chunks):
            return "It is cut off, or its header says a wrong length, so no chunk can be added."
        for number, tag in enumerate(_tags(self.source, self.container)):
            if number == 0 and (reason := tag.refusal(self.style)):
                return reason
            if number and (reason := why_stuck(tag)):
                return reason
        return None

    def plan(self, edits: Edits) -> list[Patch]:
        """Exchange the fields in the tag chunk, or add one at the end of the form."""
        patches: list[Patch] = []
        added = b""
        if self.container in _RIFF and GENRE in edits:
            patches, added = info_patches(self.source, self.container, edits[GENRE], self.style)
        layout, chunks = LAYOUTS[self.container], _tag_chunks(self.source, self.container)
        for chunk in chunks:
            offset = chunk.offset - layout.head_len
            old = self.source.exact(offset, min(chunk.end, self.source.size) - offset)
            is_main = chunk is chunks[0]
            if is_main and not chunk.length:
                tag = self._new_tag(edits)
            else:
                tag = _exchanged(self.source, chunk, edits, self.style, is_main=is_main)
            patches += rewritten(
                offset, old, chunk_bytes(chunk.id, tag, layout) if tag else b""
            )
        if not chunks and (tag := self._new_tag(edits)):
            added += chunk_bytes(layout.id3, tag, layout)
        if added:
            end = form_end(self.source, self.container)
            # The last chunk may lack its padding byte.
            patches.append(Patch(end, 0, b"\0" * (end % 2) + added))
        delta = sum(len(patch.data) - patch.length for patch in patches)
        patches.sort(key=lambda patch: patch.offset)
        return form_size(self.source, self.container, delta) + patches

    def _new_tag(self, edits: Edits) -> bytes:
        if not any(edits.values()) or not self._begun:
            return new_tag(edits, self.style)
        return self._begun.exchanged(edits, self.style)

    def others(self, fields: Collection[Field]) -> list[bytes]:
        """The frames but the fields, and all chunks but tag and audio."""
        raw = [self.source.exact(0, 4)]
        # A tag that says no more than RIFF INFO, which follows, is as good as none.
        begun = self._begun.others(fields, self.style) if self._begun else []
        for chunk in chunks_in(self.source, self.container):
            if chunk.id in LAYOUTS[self.container].audio:
                continue
            if chunk.id.lower() == b"id3 ":
                frames = _others_in(self.source, chunk, fields, self.style)
                raw += frames if frames != begun else []
            elif self.container in _RIFF and GENRE in fields and is_info(self.source, chunk):
                raw += other_entries(self.source, chunk)
            else:
                raw.append(without_form_size(self.source, chunk, self.container))
        end = form_end(self.source, self.container)
        return [*raw, self.source.digest(end, max(0, self.source.size - end))]

    def ranges(self) -> list[Range]:
        """The chunks that say how the samples are written, and the samples."""
        if start := id3v2_end(self.source):
            return [(start, self.source.size - start)]
        return [
            (chunk.offset, min(chunk.length, self.source.size - chunk.offset))
            for chunk in chunks_in(self.source, self.container)
            if chunk.id in LAYOUTS[self.container].audio
        ]


def _recognised(_source: Source, _start: int, head: bytes) -> str | None:
    """The members of the family say in bytes 8 to 12 what they hold."""
    outer, inner = head[:4], head[8:12]
    if outer == b"RIFF" and inner == b"WAVE":
        return "wav"
    if outer in {b"RF64", b"BW64"} and inner == b"WAVE":
        return "rf64"
    if outer == b"FORM" and inner in {b"AIFF", b"AIFC"}:
        return "aiff"
    if outer == b"FRM8" and head[12:16] == b"DSD ":
        return "dff"
    return None


_INFO = "RIFF INFO is written where it is there, or with wav_info"
FAMILY = Family(
    containers=(
        Container("wav", ".wav .wave", (), "WAV", "wav", "pcm_s16le", limits=_INFO),
        Container("rf64", ".wav .rf64", (), "RF64", "wav", "pcm_s16le", limits=_INFO),
        Container("aiff", ".aif .aiff .aifc", (), "AIFF", "aiff", "pcm_s16be"),
        Container("dff", ".dff", (), None, "iff", "dsd_msbf dst"),
    ),
    open=RiffFile,
    reads=("ID3v2",),
    writes="ID3v2 in a chunk",
    several=ID3_SEVERAL,
    recognise=_recognised,
)


def _exchanged(
    source: Source, chunk: Chunk, edits: Edits, style: Style, *, is_main: bool
) -> bytes:
    """A chunk's content: its tags, and whatever stands behind them."""
    if not chunk.length:
        return b""
    first = tag_at(source, chunk.offset)
    # Rewritten, it would take the next chunk for a part of itself.
    if first.total > chunk.length:
        raise ValueError("the ID3 tag is longer than its chunk")
    end, content = chunk.offset + chunk.length, b""
    for offset, tag in tags_from(source, chunk.offset, end):
        new = source.exact(offset, tag.total)
        if is_main and offset == chunk.offset:
            new = new if tag.holds(edits, style) else tag.exchanged(edits, style)
        else:
            changed = followed(tag, edits, style)
            new = new if changed is None else changed
        content += new
        behind = offset + tag.total
    return content + source.exact(behind, end - behind)


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
    tags: list[Tag] = []
    for chunk in _tag_chunks(source, container):
        end = chunk.offset + chunk.length
        if chunk.length and not tags:
            tag_at(source, chunk.offset)  # what is no tag is damage
        tags += [tag for _, tag in tags_from(source, chunk.offset, end)]
    return tags
