"""The chunks of WAV, RF64, AIFF and DFF: walk them, and say how long the form is.

RF64 (EBU Tech 3306) is a WAV whose lengths that 32 bits cannot say stand in its first chunk,
`ds64`: the form's, that of the samples, and those of others in a table.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tagger.tags.base import Patch, Source

_LONG = 0xFFFFFFFF
_DS64 = 12
"""Where the header of `ds64` stands."""


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

    @property
    def head_len(self) -> int:
        """Bytes of a chunk's id and length."""
        return 4 + struct.calcsize(self.size)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its id, where its content lies, and where the next one starts."""

    id: bytes
    offset: int
    length: int
    end: int


_MAX_CHUNKS = 5_000

LAYOUTS = {
    "wav": Layout("<I", b"id3 ", (b"fmt ", b"data")),
    "rf64": Layout("<I", b"id3 ", (b"fmt ", b"data")),
    "aiff": Layout(">I", b"ID3 ", (b"COMM", b"SSND")),
    "dff": Layout(">Q", b"ID3 ", (b"PROP", b"DSD ", b"DST ")),
}


def chunks_in(source: Source, container: str) -> Iterator[Chunk]:
    """The chunks of the form in order; not all where there are very many (a hole of zeros)."""
    layout = LAYOUTS[container]
    offset, end = layout.head_len + 4, min(form_end(source, container), source.size)
    for _ in range(_MAX_CHUNKS):
        if offset + layout.head_len > end:
            return
        name = source.exact(offset, 4)
        length = source.unpack(layout.size, offset + 4)[0]
        if container == "rf64" and length == _LONG:
            length = _long_length(source, name)
        start = offset + layout.head_len
        # Chunks begin at even offsets; the byte between is not counted.
        yield Chunk(name, start, length, start + length + length % 2)
        offset = start + length + length % 2


def form_end(source: Source, container: str) -> int:
    """Where the form ends, by its own word."""
    layout = LAYOUTS[container]
    length = int(source.unpack(layout.size, 4)[0])
    if container == "rf64" and length == _LONG:
        length = _long_length(source, source.exact(0, 4))
    return layout.head_len + length


def form_size(source: Source, container: str, delta: int) -> list[Patch]:
    """The form's own length after a change."""
    if not delta:
        return []
    layout, offset = LAYOUTS[container].size, 4
    if container == "rf64" and source.unpack(layout, 4)[0] == _LONG:
        layout, offset = "<Q", _DS64 + 8
    new = struct.pack(layout, source.unpack(layout, offset)[0] + delta)
    return [Patch(offset, len(new), new)]


def chunk_bytes(chunk_id: bytes, data: bytes, layout: Layout) -> bytes:
    """A new chunk, padded to an even length."""
    return chunk_id + struct.pack(layout.size, len(data)) + data + bytes(len(data) % 2)


def without_form_size(source: Source, chunk: Chunk, container: str) -> bytes:
    """A digest of a chunk without the length of the form that may stand in it."""
    skipped = 8 if container == "rf64" and chunk.id == b"ds64" else 0
    return chunk.id + source.digest(chunk.offset + skipped, chunk.length - skipped)


def _long_length(source: Source, name: bytes) -> int:
    """The length that `ds64` has for a chunk, or for the form."""
    if source.exact(_DS64, 4) != b"ds64":
        raise ValueError("its 64-bit lengths (ds64) are not where they must be")
    # The third is the number of samples.
    form, data, _, n_more = source.unpack("<QQQI", _DS64 + 8)
    if name in {b"RF64", b"BW64"}:
        return int(form)
    if name == b"data":
        return int(data)
    for row in range(min(n_more, 64)):
        more, length = source.unpack("<4sQ", _DS64 + 36 + 12 * row)
        if more == name:
            return int(length)
    raise ValueError(f"the length of its chunk {name!r} is not said")
