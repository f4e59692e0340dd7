"""The tags in front of and behind a stream that has no room of its own for them.

Behind it stand, in any order that was ever seen, ID3v1 (and its TAG+ extension), APEv2,
Lyrics3 and an ID3v2.4 tag with a footer: https://wiki.hydrogenaud.io/index.php?title=APEv2,
https://id3.org/Lyrics3v2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from tagger.tags.base import Range, Source
from tagger.tags.id3.frames import Tag
from tagger.tags.id3.front import id3v2_end, id3v2_tags, is_id3v2
from tagger.tags.id3.text import synchsafe

_APE_LEN = 32
_MAX_LYRICS_LEN = 64 << 10
_MAX_TAGS = 8

Kind = Literal["id3v1", "ape", "lyrics", "id3v2"]


@dataclass(frozen=True, slots=True)
class Edges:
    """Where the tags around a stream lie.

    Attributes:
        start: where the stream starts, behind the ID3v2 tags in front.
        end: where it ends, before the first of the tags behind it.
        behind: kind and place of each tag behind it, the last one first.
    """

    start: int
    end: int
    behind: tuple[tuple[Kind, Range], ...]

    @property
    def ape(self) -> Range | None:
        """The last APE tag with its header; the one that readers use."""
        return next(iter(self.all_of("ape")), None)

    @property
    def id3v1(self) -> Range | None:
        """The ID3v1 tag's 128 bytes, without the extension that may stand before it."""
        place = next(iter(self.all_of("id3v1")), None)
        return place and (sum(place) - 128, 128)

    @property
    def id3v2_behind(self) -> Range | None:
        """An ID3v2 tag at the end."""
        return next(iter(self.all_of("id3v2")), None)

    def all_of(self, kind: Kind) -> list[Range]:
        """The tags of one kind behind the stream, the last one first."""
        return [place for what, place in self.behind if what == kind]


def edges_of(source: Source) -> Edges:
    """Find all tags in front of and behind a stream."""
    start, end = id3v2_end(source), source.size
    behind: list[tuple[Kind, Range]] = []
    # Any kind may stand behind any other: whoever ends at the end is taken off until nobody
    # does.
    for _ in range(8):
        for kind, length_before in _FINDERS.items():
            length = length_before(source, end)
            if length and end - length >= start:
                end -= length
                behind.append((kind, (end, length)))
                break
        else:
            break
    return Edges(min(start, end), end, tuple(behind))


def front_tag(source: Source) -> Tag | None:
    """The first ID3v2 tag in front; the one that every reader uses."""
    return tag_at(source, 0) if id3v2_end(source) else None


def front_tags(source: Source, edges: Edges) -> list[tuple[int, Tag]]:
    """The ID3v2 tags in front of a stream with their offsets, those behind zeros too.

    A first one that leads out of its place is told as far as it can be; none follows it.
    """
    return [
        (offset, tag_at(source, offset))
        for offset, length in id3v2_tags(source)
        if not offset or offset + length <= edges.start
    ]


def tags_from(source: Source, offset: int, end: int) -> list[tuple[int, Tag]]:
    """The ID3v2 tags one behind the other from an offset on, with their offsets.

    A first one that leads out of its place is told as far as it can be; none follows it.
    """
    tags: list[tuple[int, Tag]] = []
    while len(tags) < _MAX_TAGS and is_id3v2(source.read(offset, 10)):
        tag = tag_at(source, offset)
        if tags and offset + tag.total > end:
            break
        tags.append((offset, tag))
        offset += tag.total
    return tags


def tag_at(source: Source, offset: int) -> Tag:
    """The ID3v2 tag at an offset of the file."""
    return Tag(lambda at, length: source.read(offset + at, length))


def _id3v1_len(source: Source, end: int) -> int:
    if source.read(end - 128, 3) != b"TAG" or source.read(end - 131, 8) == b"APETAGEX":
        return 0  # the second is the middle of an APE header that stands just there
    return 128 + (227 if source.read(end - 355, 4) == b"TAG+" else 0)


def _ape_len(source: Source, end: int) -> int:
    footer = source.read(end - _APE_LEN, _APE_LEN)
    if footer[:8] != b"APETAGEX" or len(footer) < _APE_LEN:
        return 0
    # The length counts items and footer, and not the header, which APEv1 does not have.
    length = int.from_bytes(footer[12:16], "little")
    has_header = source.read(end - length - _APE_LEN, 8) == b"APETAGEX"
    return length + (_APE_LEN if has_header else 0) if length >= _APE_LEN else 0


def _lyrics_len(source: Source, end: int) -> int:
    mark = source.read(end - 9, 9)
    if mark == b"LYRICS200":
        digits = source.read(end - 15, 6)
        length = int(digits) + 15 if digits.isdigit() else 0
        return length if source.read(end - length, 11) == b"LYRICSBEGIN" else 0
    # Lyrics3v1 does not say its length; the text is at most 5,100 bytes, here searched farther.
    if mark == b"LYRICSEND":
        first = max(0, end - _MAX_LYRICS_LEN)
        at = source.read(first, end - first).rfind(b"LYRICSBEGIN")
        return end - first - at if at >= 0 else 0
    return 0


def _id3v2_len(source: Source, end: int) -> int:
    footer = source.read(end - 10, 10)
    if footer[:3] != b"3DI" or len(footer) < 10:
        return 0
    length = 20 + synchsafe(footer[6:10])
    return length if source.read(end - length, 3) == b"ID3" else 0


_FINDERS: Mapping[Kind, Callable[[Source, int], int]] = {
    "id3v1": _id3v1_len,
    "ape": _ape_len,
    "lyrics": _lyrics_len,
    "id3v2": _id3v2_len,
}
"""How long the tag is that ends at an offset; 0 where none does."""
