"""FLAC: metadata blocks, one of which is a Vorbis comment.

https://www.rfc-editor.org/rfc/rfc9639
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from tagger.tags.around import (
    others_around,
    patches_around,
    places_around,
    refusal_around,
)
from tagger.tags.base import (
    NEW_PADDING,
    Container,
    Family,
    Patch,
    Range,
    Source,
    TagFile,
    rewritten,
)
from tagger.tags.edges import Edges, edges_of
from tagger.tags.fields import GENRE, Edits, Field, Style
from tagger.tags.id3.front import id3v2_end
from tagger.tags.places import GenrePlaces, Place
from tagger.tags.xiph.comment import (
    REPEATED,
    Comment,
    comment_values,
    edited,
    other_entries,
    parse_comment,
    render_comment,
)

_STREAMINFO, _PADDING, _COMMENT = 0, 1, 4
_MAX_BLOCK_LEN = (1 << 24) - 1
_MAX_BLOCKS = 4096
_VENDOR = b"tagger"


@dataclass(frozen=True, slots=True)
class Block:
    """One metadata block: its type and where its content lies."""

    kind: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        """Where the next block, or the first frame, starts."""
        return self.offset + self.length


class FlacFile(TagFile):
    """The metadata blocks of a FLAC file."""

    @cached_property
    def _edges(self) -> Edges:
        return edges_of(self.source)

    def values(self, field: Field) -> tuple[str, ...]:
        """The values of a field in the first comment block."""
        comment = _comment(self.source, _blocks(self.source))
        return comment_values(comment, field, self.style) if comment else ()

    def genre_places(self) -> GenrePlaces:
        """The comment counts first, then whatever tags stand around the stream."""
        comments = [parse_comment(data) for data in _comments(self.source)]
        around = places_around(self.source, self._edges, self.style)
        own = [Place(comment_values(comment, GENRE, self.style)) for comment in comments]
        return GenrePlaces((*own, *around.front, *around.ape, *around.behind, *around.id3v1))

    def refusal(self) -> str | None:
        """Where the blocks do not lead to a frame, one of their lengths is wrong."""
        blocks = _blocks(self.source)
        # Frames begin with 14 bits of sync, a zero, and the blocking strategy.
        if self.source.read(blocks[-1].end, 2) not in (b"\xff\xf8", b"\xff\xf9"):
            return "Its metadata blocks are damaged: no audio frame follows the last one."
        return refusal_around(self.source, self._edges, main=None)

    def plan(self, edits: Edits) -> list[Patch]:
        """Exchange the comment block; the padding gives or takes the difference if it can."""
        blocks = _blocks(self.source)
        comment = _comment(self.source, blocks) or Comment(_VENDOR, (), b"")
        new = render_comment(edited(comment, edits, self.style))
        bodies: list[tuple[int, bytes]] = []
        placed = False
        for block in blocks:
            if block.kind == _COMMENT and not placed:
                bodies.append((_COMMENT, new))
                placed = True
            else:
                data = self.source.exact(block.offset, block.length)
                is_second = block.kind == _COMMENT
                bodies.append(
                    (block.kind, _without(data, edits, self.style) if is_second else data)
                )
        # Behind STREAMINFO, which must stay the first.
        if not placed:
            bodies.insert(1, (_COMMENT, new))
        start = blocks[0].offset - 4
        old_len = blocks[-1].end - start
        _fit(bodies, old_len)
        patches = rewritten(start, self.source.exact(start, old_len), _rendered(bodies))
        patches += patches_around(self.source, self._edges, edits, self.style, main=None)
        return sorted(patches, key=lambda patch: patch.offset)

    def others(self, fields: Collection[Field]) -> list[bytes]:
        """All blocks but the padding, the comment without the fields; the tags around them."""
        raw = others_around(self.source, self._edges, fields, self.style)
        for block in _blocks(self.source):
            data = self.source.exact(block.offset, block.length)
            if block.kind == _COMMENT:
                raw += sorted(other_entries(parse_comment(data), fields)[1:])
            elif block.kind != _PADDING:
                raw.append(bytes([block.kind]) + data)
        return raw

    def ranges(self) -> list[Range]:
        """STREAMINFO, and the frames up to a tag at the end."""
        blocks = _blocks(self.source)
        start, end = blocks[-1].end, self._edges.end
        return [(blocks[0].offset, blocks[0].length), (start, max(0, end - start))]


FAMILY = Family(
    containers=(Container("flac", ".flac", (b"fLaC",), "FLAC", "flac", "flac"),),
    open=FlacFile,
    reads=("Vorbis comment",),
    writes="Vorbis comment",
    several=REPEATED,
)


def _blocks(source: Source) -> list[Block]:
    """The metadata blocks in order; the first is STREAMINFO."""
    offset = id3v2_end(source) + 4
    blocks: list[Block] = []
    for _ in range(_MAX_BLOCKS):
        head = source.exact(offset, 4)
        # The top bit marks the last block, the others are its type.
        block = Block(head[0] & 0x7F, offset + 4, int.from_bytes(head[1:], "big"))
        if block.end > source.size or block.kind == 127:
            raise ValueError("a metadata block leads out of the file")
        blocks.append(block)
        offset = block.end
        if head[0] & 0x80:
            break
    if blocks[0].kind != _STREAMINFO:
        raise ValueError("the first metadata block is not STREAMINFO")
    return blocks


def _comment(source: Source, blocks: Sequence[Block]) -> Comment | None:
    block = next((block for block in blocks if block.kind == _COMMENT), None)
    return parse_comment(source.exact(block.offset, block.length)) if block else None


def _comments(source: Source) -> list[bytes]:
    """The comment blocks: there should be one, and FFmpeg reads all."""
    blocks = (block for block in _blocks(source) if block.kind == _COMMENT)
    return [source.exact(block.offset, block.length) for block in blocks]


def _without(data: bytes, edits: Edits, style: Style) -> bytes:
    """A second comment block without the fields."""
    return render_comment(edited(parse_comment(data), dict.fromkeys(edits, ()), style))


def _fit(bodies: list[tuple[int, bytes]], total_len: int) -> None:
    """Change the largest padding so that all blocks are `total_len` long, if it can be."""
    # Each block has a header of four bytes.
    too_long = sum(4 + len(data) for _, data in bodies) - total_len
    if not too_long:
        return
    paddings = [i for i, (kind, _) in enumerate(bodies) if kind == _PADDING]
    if not paddings:
        bodies.append((_PADDING, bytes(NEW_PADDING if too_long > 0 else max(0, -too_long - 4))))
        return
    at = max(paddings, key=lambda i: len(bodies[i][1]))
    left = len(bodies[at][1]) - too_long
    bodies[at] = (_PADDING, bytes(left if 0 <= left <= _MAX_BLOCK_LEN else NEW_PADDING))


def _rendered(bodies: Sequence[tuple[int, bytes]]) -> bytes:
    parts = []
    for i, (kind, data) in enumerate(bodies):
        if len(data) > _MAX_BLOCK_LEN:
            raise ValueError("a metadata block would be longer than FLAC can hold")
        last = 0x80 if i == len(bodies) - 1 else 0
        parts.append(bytes([kind | last]) + len(data).to_bytes(3, "big") + data)
    return b"".join(parts)
