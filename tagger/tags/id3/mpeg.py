"""MPEG audio and True Audio: ID3v2 in front, APEv2 and ID3v1 behind.

Read is the first of ID3v2, APEv2, ID3v2 behind and (for genres) ID3v1 that has the field.
Written is the ID3v2 tag in front; another tag that has the field too gets the same, since some
players ask it first. Where APEv2 is the only tag, it alone is written: the owner chose it, and
nothing has to move. A new tag is ID3v2.4 unless the style says more, and says what ID3v1 says.
"""

from collections.abc import Collection
from functools import cached_property

from tagger.tags.ape import items
from tagger.tags.around import (
    others_around,
    patches_around,
    places_around,
    refusal_around,
)
from tagger.tags.base import Container, Family, Patch, Range, Source, TagFile, rewritten
from tagger.tags.edges import Edges, edges_of, front_tag, tag_at
from tagger.tags.fields import AS_IS, Edits, Field
from tagger.tags.id3.begun import begun_with_id3v1
from tagger.tags.id3.frames import Tag
from tagger.tags.id3.make import ID3_SEVERAL, new_tag
from tagger.tags.id3.mpeg_frames import first_frame, frames_behind
from tagger.tags.places import GenrePlaces
from tagger.tags.reach import check_reach
from tagger.tags.undecoded import RefusedError

_ADTS = "It is raw AAC (ADTS) without a tag, and few players look for one there."


class MpegFile(TagFile):
    """The tags in front of and behind MPEG audio."""

    @cached_property
    def _edges(self) -> Edges:
        return edges_of(self.source)

    @cached_property
    def _front(self) -> Tag | None:
        return front_tag(self.source)

    @cached_property
    def _begun(self) -> Tag | None:
        """What a new tag in front begins with, since it hides ID3v1."""
        front, edges = self._front, self._edges
        if edges.id3v1 is None or _is_ape_alone(edges):
            return None
        if front and front.total != edges.start:  # a second tag in front says more
            return None
        return begun_with_id3v1(self.source.exact(*edges.id3v1), front)

    @cached_property
    def _main(self) -> Tag | None:
        """The tag in front that is changed; one that says nothing counts as a new one."""
        front = self._front
        if front and (any(front.frames()) or front.others((), AS_IS)):
            return front
        return self._begun or front

    def values(self, field: Field) -> tuple[str, ...]:
        """The values of the first tag that has the field."""
        tag = self._main
        texts = tag.values(field, self.style) if tag else ()
        if texts:
            return texts
        edges = self._edges
        if edges.ape:
            texts = items.item_values(self.source, edges.ape, field, self.style)
        if not texts and edges.id3v2_behind:
            texts = tag_at(self.source, edges.id3v2_behind[0]).values(field, self.style)
        return texts

    def genre_places(self) -> GenrePlaces:
        """The first ID3v2 tag counts first, then APEv2, then the others, ID3v1 last."""
        tag = self._front
        around = places_around(self.source, self._edges, self.style)
        return GenrePlaces(
            (*around.front[:1], *around.ape, *around.behind, *around.front[1:], *around.id3v1),
            is_as_asked=tag is None or tag.is_as_asked(self.style),
        )

    def refusal(self) -> str | None:
        """ID3v2.2, damaged APE tags and raw AAC that nobody has tagged are left alone."""
        tag, edges = self._front, self._edges
        if self.container == "aac" and tag is None and edges.ape is None:
            return _ADTS
        if tag and (reason := tag.refusal(self.style)):
            return reason
        if (
            _is_ape_alone(edges)
            and edges.ape
            and (reason := items.item_refusal(self.source, edges.ape))
        ):
            return reason
        return refusal_around(self.source, edges, main=0 if tag else None)

    def plan(self, edits: Edits) -> list[Patch]:
        """Exchange the fields in front, or in APEv2 if alone, and wherever they stand."""
        first = first_frame(self.source)
        # Behind a longer tag, decoders that look no farther would play nothing.
        if self.container == "mp3" and first is None:
            raise RefusedError(
                "no MPEG audio is found in the first mebibyte behind its tags, and decoders"
                " look no farther"
            )
        tag, edges = self._main, self._edges
        # Beside an ID3v2 tag the APE tag is a second place, which follows.
        area = edges.ape if _is_ape_alone(edges) else None
        main = 0 if tag else area and area[0]
        patches = patches_around(self.source, edges, edits, self.style, main=main)
        if tag:
            is_needed = tag is self._front or any(edits.values())
            if is_needed and not tag.holds(edits, self.style):
                old = self.source.exact(0, self._front.total if self._front else 0)
                patches += rewritten(0, old, tag.exchanged(edits, self.style))
        elif area:
            if reason := items.item_refusal(self.source, area):
                raise RefusedError(reason.rstrip("."))
            patches += items.item_patches(self.source, area, edits, self.style)
        elif data := new_tag(edits, self.style):
            patches.append(Patch(0, 0, data))
        check_reach(self.source, first, patches)
        return sorted(patches, key=lambda patch: patch.offset)

    def others(self, fields: Collection[Field]) -> list[bytes]:
        """All frames and items but the fields, and every tag that is never changed."""
        raw = others_around(self.source, self._edges, fields, self.style, main=0)
        in_front = self._front.others(fields, self.style) if self._front else []
        # A tag that says no more than ID3v1, which follows, is as good as none.
        is_begun = self._begun and in_front == self._begun.others(fields, self.style)
        return raw[len(in_front) :] if is_begun else raw

    def ranges(self) -> list[Range]:
        """All between the tags in front and behind."""
        edges = self._edges
        return [(edges.start, edges.end - edges.start)]


def _recognised(source: Source, start: int, _head: bytes) -> str | None:
    """MPEG audio and ADTS have no magic: frames that follow one another tell."""
    kind_and_place = frames_behind(source, start)
    if kind_and_place is None:  # a tag whose audio is not to be recognised is still a tag
        return "mp3" if start else None
    return kind_and_place[0]


FAMILY = Family(
    containers=(
        Container("mp3", ".mp3 .mp2 .mp1 .mpga", (), "MP3", "mp3", "mp3 mp2"),
        Container("tta", ".tta", (b"TTA1", b"TTA2"), None, "tta", "tta"),
        Container(
            "aac",
            ".aac .adts",
            (),
            None,
            "aac",
            "aac",
            limits="only where it has a tag already: few players look for one in raw AAC",
        ),
    ),
    open=MpegFile,
    reads=("ID3v2", "APEv2", "ID3v1"),
    writes="ID3v2 in front; APEv2 where it is alone",
    several=ID3_SEVERAL,
    recognise=_recognised,
)


def _is_ape_alone(edges: Edges) -> bool:
    """Whether there is no ID3v2 tag beside the APE tag."""
    return edges.ape is not None and edges.start == 0 and edges.id3v2_behind is None
