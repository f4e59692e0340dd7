"""RIFF's own list of tags (`LIST` of the kind `INFO`): its genre, `IGNR`, which Windows reads.

The list names no encoding. It is read as UTF-8 where it is, else as Windows' own; written is
UTF-8, as other taggers do, since some readers take nothing else.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tagger.tags.base import Patch, Source
from tagger.tags.fields import GENRE, Style, kept, understood
from tagger.tags.places import Place, agrees
from tagger.tags.riff.chunks import LAYOUTS, Chunk, chunk_bytes, chunks_in
from tagger.tags.undecoded import RefusedError, as_stored

_GENRE = b"IGNR"
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9]{3}")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry: what it is called and holds, where it starts, and where the next one does."""

    id: bytes
    data: bytes
    offset: int
    end: int

    @property
    def is_genre(self) -> bool:
        """Whether it is the genre; FFmpeg takes small letters for it too."""
        return self.id.upper() == _GENRE


def info_lists(source: Source, container: str) -> Iterator[Chunk]:
    """The INFO lists of a WAV."""
    for chunk in chunks_in(source, container):
        if is_info(source, chunk):
            yield chunk


def is_info(source: Source, chunk: Chunk) -> bool:
    """Whether a chunk is a list of tags."""
    # FFmpeg takes small letters for it too, here and in the names of entries.
    return chunk.id.upper() == b"LIST" and source.read(chunk.offset, 4) == b"INFO"


def info_genres(source: Source, container: str) -> tuple[str, ...]:
    """The genres of the INFO lists."""
    return kept(
        text for chunk in info_lists(source, container) for text in _texts(source, chunk)
    )


def info_entries(source: Source, container: str) -> Iterator[tuple[bytes, str]]:
    """The ids and texts of all entries of the INFO lists."""
    for chunk in info_lists(source, container):
        for entry in _entries(source, chunk):
            yield entry.id.upper(), _text(entry.data)


def info_places(source: Source, container: str, style: Style) -> tuple[Place, ...]:
    """What each INFO list says of the genre."""
    return tuple(
        Place(understood(_texts(source, chunk), GENRE, style, joined=True))
        for chunk in info_lists(source, container)
    )


def other_entries(source: Source, chunk: Chunk) -> list[bytes]:
    """Every entry of an INFO list but the genre."""
    return [entry.id + entry.data for entry in _entries(source, chunk) if not entry.is_genre]


def info_patches(
    source: Source, container: str, genres: tuple[str, ...], style: Style
) -> tuple[list[Patch], bytes]:
    """(changes to the lists that are there, a list to add where there is none).

    FFmpeg shows nothing else of a WAV with an INFO list: the genre is put into one that has
    none. Of several lists the first with a genre, or else the first, has it.
    """
    lists = list(info_lists(source, container))
    texts = [text for chunk in lists for text in _texts(source, chunk)]
    # A list that is there hides the ID3 tag from FFmpeg, so it must say the genre too.
    is_needed = bool(genres and (lists or style.wav_info))
    new = _entry(style.separator.join(as_stored(genres, texts))) if is_needed else b""
    if not lists:
        return [], chunk_bytes(b"LIST", b"INFO" + new, LAYOUTS[container]) if new else b""
    home = next((chunk for chunk in lists if _texts(source, chunk)), lists[0])
    patches: list[Patch] = []
    for chunk in lists:
        if chunk is not home:
            patches += _list_patches(source, chunk, b"")
        elif not genres or not agrees(_place(source, chunk, style), genres):
            patches += _list_patches(source, chunk, new)
    return patches, b""


def _list_patches(source: Source, chunk: Chunk, new: bytes) -> list[Patch]:
    """An INFO list with `new` for its genre; a list that holds nothing else goes with it."""
    entries = list(_entries(source, chunk))
    old = [entry for entry in entries if entry.is_genre]
    if not new and not old:
        return []
    # The last chunk of a file often lacks its padding.
    start, end = chunk.offset - 8, min(chunk.end, source.size)
    # An empty list would make FFmpeg show nothing at all.
    if not new and len(old) == len(entries):
        return [Patch(start, end - start, b"")]
    at = old[0].offset if old else chunk.offset + 4
    patches = [Patch(entry.offset, entry.end - entry.offset, b"") for entry in old]
    patches = [Patch(at, patches[0].length if old else 0, new), *patches[1:]]
    grown = sum(len(patch.data) - patch.length for patch in patches)
    length = source.unpack("<I", chunk.offset - 4)[0]
    content_end = chunk.offset + length
    if entries and entries[-1].end > content_end:
        grown += entries[-1].end - content_end  # its padding counts from now on
        content_end = entries[-1].end
    patches += _padding_patches(source, content_end, chunk.end, (length + grown) % 2)
    return [Patch(chunk.offset - 4, 4, struct.pack("<I", length + grown)), *patches]


def _padding_patches(source: Source, start: int, end: int, n_padding: int) -> list[Patch]:
    """What makes the padding of a list as long as its new length needs.

    Args:
        source: the file.
        start: where the list's content ends.
        end: where the next chunk starts.
        n_padding: bytes of padding, 0 or 1.

    Raises:
        RefusedError: the file ends where the padding should be.
    """
    if end - start == n_padding:
        return []
    if end > source.size:
        raise RefusedError("its INFO list lacks the byte that pads it to an even length")
    return [Patch(start, end - start, bytes(n_padding))]


def _place(source: Source, chunk: Chunk, style: Style) -> Place:
    texts = _texts(source, chunk)
    return Place(understood(texts, GENRE, style, joined=True) or ("",))


def _texts(source: Source, chunk: Chunk) -> tuple[str, ...]:
    return kept(_text(entry.data) for entry in _entries(source, chunk) if entry.is_genre)


def _entries(source: Source, chunk: Chunk) -> Iterator[_Entry]:
    offset, end = chunk.offset + 4, min(chunk.offset + chunk.length, source.size)
    while offset + 8 <= end:
        name, length = source.unpack("<4sI", offset)
        data = source.read(offset + 8, min(length, end - offset - 8))
        following = offset + 8 + length + length % 2
        if length % 2 and _is_unpadded(source, following - 1, end):
            following -= 1
        yield _Entry(name, data, offset, min(following, max(chunk.end, end), source.size))
        offset = following


def _is_unpadded(source: Source, offset: int, end: int) -> bool:
    """Whether an entry starts where the padding byte of the one before it should be.

    Some programs leave that byte out. As for FFmpeg, an entry at the right place counts first.
    """

    def fits(at: int) -> bool:
        name, length = source.read(at, 4), source.read(at + 4, 4)
        is_there = len(length) == 4 and at + 8 + int.from_bytes(length, "little") <= end
        return is_there and _NAME.fullmatch(name) is not None

    return fits(offset) and not fits(offset + 1)


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
