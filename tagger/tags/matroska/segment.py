"""The segment of a Matroska file: what lies in it, and where its index says so.

https://www.rfc-editor.org/rfc/rfc9559
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tagger.tags.base import Patch, Source, rewritten
from tagger.tags.matroska.ebml import (
    CRC32,
    VOID,
    Element,
    content_of,
    element_at,
    element_bytes,
    fitted,
    has_right_checksum,
    joined,
    number_bytes,
    number_in,
    parts_of,
    size_bytes,
)
from tagger.tags.undecoded import RefusedError

HEADER, SEGMENT = 0x1A45DFA3, 0x18538067
SEEK_HEAD, CLUSTER, TAGS = 0x114D9B74, 0x1F43B675, 0x1254C367
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_DOC_TYPE = 0x4282
_LEVEL_1 = {
    SEEK_HEAD, CLUSTER, TAGS, HEADER, SEGMENT, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1043A770,
    0x1941A469,
}  # fmt: skip
"""What ends a cluster whose length is not given: info, tracks, cues, chapters, attachments."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The segment and what lies in it.

    Attributes:
        own: the segment itself.
        doc_type: what the file calls itself.
        children: in order; open clusters end where they do.
        is_whole: the children lead to the segment's end, and that is in the file.
    """

    own: Element
    doc_type: str
    children: tuple[Element, ...]
    is_whole: bool

    def all_of(self, number: int) -> list[Element]:
        """The children with an id."""
        return [child for child in self.children if child.id == number]

    def room_of(self, child: Element) -> int:
        """Where the padding behind a child ends, if there is some, or the child itself."""
        end = child.end
        for element in self.children:
            if element.offset == end and element.id == VOID:
                end = element.end
        return end


def segment_of(source: Source) -> Segment:
    """The segment of a file.

    Raises:
        ValueError: there is none.
    """
    header = element_at(source, 0, source.size)
    named = dict(parts_of(source.exact(header.content, header.end - header.content)))
    doc_type = content_of(named[_DOC_TYPE]).rstrip(b"\0").decode("ascii", "replace")
    own = element_at(source, header.end, source.size)
    # Some writers leave room between header and segment.
    while own.id == VOID:
        own = element_at(source, own.end, source.size)
    if own.id != SEGMENT:
        raise ValueError("no segment follows its EBML header")
    children, end = [], min(own.end, source.size)
    offset, is_whole = own.content, own.end <= source.size
    while offset < end:
        try:
            child = _child_at(source, offset, end)
        except ValueError:
            child = None
        if child is None or child.end > end:
            is_whole = False
            if child is not None and child.id == CLUSTER:
                children.append(child)
            break
        children.append(child)
        offset = child.end
    return Segment(own, doc_type, tuple(children), is_whole)


def _child_at(source: Source, offset: int, end: int) -> Element:
    child = element_at(source, offset, end)
    if not child.is_open:
        return child
    # Live streams leave clusters open; of nothing else is the end to be found.
    if child.id != CLUSTER:
        raise ValueError(f"the element at {offset} does not say how long it is")
    at = child.content
    while at < end:
        inner = element_at(source, at, end)
        # What can only stand in the segment ends the cluster.
        if inner.id in _LEVEL_1:
            break
        if inner.is_open or inner.end > end:
            raise ValueError(f"the element at {at} leads out of its cluster")
        at = inner.end
    return Element(CLUSTER, offset, child.content, at, is_open=True)


def refusal_of(source: Source, segment: Segment) -> str | None:
    """Why nothing in a segment can be changed; None if something can."""
    if segment.doc_type not in {"matroska", "webm"}:
        return "It is an EBML file of another kind than Matroska and WebM."
    if not segment.is_whole:
        return "It is cut off, or one of its elements says a wrong length."
    if segment.children and segment.children[0].id == CRC32:
        return "It has a checksum over all of it, audio included."
    for child in (*segment.all_of(TAGS), *segment.all_of(SEEK_HEAD)):
        content = source.exact(child.content, child.end - child.content)
        if not has_right_checksum(content):
            return "It is damaged: a checksum of its tags, or of its index, is wrong."
    return None


def seek_entries(source: Source, segment: Segment) -> list[tuple[int, int]]:
    """What the index says: ids, and offsets in the file."""
    return [
        (_seek_id(raw), segment.own.content + _seek_position(raw))
        for head in segment.all_of(SEEK_HEAD)
        for number, raw in parts_of(source.exact(head.content, head.end - head.content))
        if number == _SEEK
    ]


def seek_patches(
    source: Source, segment: Segment, moved: Mapping[int | None, int | None]
) -> list[Patch]:
    """What makes the index say where tags are.

    Args:
        source: the file.
        segment: its segment.
        moved: old to new offsets; None as the old one for tags that are new, None as the new
            one for tags that are gone.

    Raises:
        RefusedError: there is no index, or it has no room; players would not find the tags.
    """
    heads = segment.all_of(SEEK_HEAD)
    places = {place for number, place in seek_entries(source, segment) if number == TAGS}
    new = [to for place, to in moved.items() if to is not None and place not in places]
    if new and not heads:
        raise RefusedError(
            "it has no index (SeekHead), and players would not find tags behind its audio"
        )
    patches: list[Patch] = []
    for head in heads:
        parts = _moved_parts(source, segment, head, moved)
        if head is heads[0]:
            parts += [(_SEEK, _seek(to - segment.own.content)) for to in new]
        room = segment.room_of(head) - head.offset
        fit = fitted(element_bytes(SEEK_HEAD, joined(parts)), room)
        if fit is None:
            raise RefusedError(
                "its index (SeekHead) has no room for the place that the longer tags would get"
            )
        patches += rewritten(head.offset, source.exact(head.offset, room), fit)
    return patches


def _moved_parts(
    source: Source, segment: Segment, head: Element, moved: Mapping[int | None, int | None]
) -> list[tuple[int, bytes]]:
    """What is in an index, with the new places of tags, and without tags that are gone."""
    parts: list[tuple[int, bytes]] = []
    for number, raw in parts_of(source.exact(head.content, head.end - head.content)):
        place = segment.own.content + _seek_position(raw) if number == _SEEK else -1
        if number != _SEEK or _seek_id(raw) != TAGS or place not in moved:
            parts.append((number, raw))
        elif (to := moved[place]) is not None:
            parts.append((_SEEK, _seek(to - segment.own.content)))
    return parts


def length_patches(source: Source, segment: Segment, grown: int) -> list[Patch]:
    """The segment's own length after a change.

    Raises:
        RefusedError: its bytes cannot say it.
    """
    own = segment.own
    if own.is_open or not grown:
        return []
    try:
        new = size_bytes(own.end - own.content + grown, own.size_width)
    except ValueError as error:
        raise RefusedError("its length would take more bytes than it has") from error
    return rewritten(own.size_at, source.exact(own.size_at, own.size_width), new)


def closing_patches(source: Source, segment: Segment) -> list[Patch]:
    """The length of a last cluster that does not say it, so that something can follow it.

    mkvtoolnix takes what follows for a part of it otherwise.

    Raises:
        RefusedError: its bytes cannot say it.
    """
    last = segment.children[-1] if segment.children else segment.own
    if last.id != CLUSTER or not last.is_open:
        return []
    try:
        new = size_bytes(last.end - last.content, last.size_width)
    except ValueError as error:
        raise RefusedError("its last cluster has no room to say where it ends") from error
    return rewritten(last.size_at, source.exact(last.size_at, last.size_width), new)


def head_bytes(source: Source, segment: Segment) -> bytes:
    """The EBML header, with whatever stands before the segment."""
    return source.exact(0, segment.own.offset)


def _seek(position: int) -> bytes:
    seek_id = element_bytes(_SEEK_ID, TAGS.to_bytes(4, "big"))
    return element_bytes(_SEEK, seek_id + number_bytes(_SEEK_POSITION, position))


def _seek_id(raw: bytes) -> int:
    return _number_of(raw, _SEEK_ID)


def _seek_position(raw: bytes) -> int:
    return _number_of(raw, _SEEK_POSITION)


def _number_of(raw: bytes, number: int) -> int:
    parts = dict(parts_of(content_of(raw)))
    return number_in(parts[number]) if number in parts else -1
