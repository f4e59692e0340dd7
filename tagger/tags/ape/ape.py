"""Monkey's Audio, WavPack, Musepack, TAK and OptimFROG: an APEv2 tag behind the stream.

Where an ID3 tag, or a second APE tag, has the field too, it gets the same.
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
from tagger.tags.base import Container, Family, Patch, Range, TagFile
from tagger.tags.edges import Edges, edges_of, front_tag
from tagger.tags.extents import check_extent
from tagger.tags.fields import Edits, Field
from tagger.tags.id3.frames import Tag
from tagger.tags.places import GenrePlaces


class ApeFile(TagFile):
    """A stream with an APEv2 tag behind it."""

    @cached_property
    def _edges(self) -> Edges:
        return edges_of(self.source)

    @cached_property
    def _front(self) -> Tag | None:
        return front_tag(self.source)

    def values(self, field: Field) -> tuple[str, ...]:
        """The item's values; where there are none, those of ID3v2 in front."""
        area = self._edges.ape
        texts = items.item_values(self.source, area, field, self.style) if area else ()
        if not texts and (tag := self._front):
            texts = tag.values(field, self.style)
        return texts

    def genre_places(self) -> GenrePlaces:
        """APEv2 counts first, then ID3v2, then ID3v1."""
        around = places_around(self.source, self._edges, self.style)
        return GenrePlaces((*around.ape, *around.front, *around.behind, *around.id3v1))

    def refusal(self) -> str | None:
        """APEv1 and tags whose items cannot be told apart are left alone."""
        edges = self._edges
        area = edges.ape
        return (items.item_refusal(self.source, area) if area else None) or refusal_around(
            self.source, edges, main=area and area[0]
        )

    def plan(self, edits: Edits) -> list[Patch]:
        """Exchange the items, or put a new tag before ID3v1."""
        edges = self._edges
        # A decoder would play the new tag behind a stream that was cut off.
        check_extent(self.source, self.container, edges.start, edges.end)
        area = edges.ape
        patches = patches_around(self.source, edges, edits, self.style, main=area and area[0])
        if area:
            patches += items.item_patches(self.source, area, edits, self.style)
        elif new := items.new_items(edits, self.style):
            patches.append(Patch(edges.end, 0, new))
        return sorted(patches, key=lambda patch: patch.offset)

    def others(self, fields: Collection[Field]) -> list[bytes]:
        """All items and frames but the fields, of every tag around the stream."""
        return others_around(self.source, self._edges, fields, self.style)

    def ranges(self) -> list[Range]:
        """All between the tags in front and behind."""
        edges = self._edges
        return [(edges.start, edges.end - edges.start)]


FAMILY = Family(
    containers=(
        Container("ape", ".ape", (b"MAC ",), None, "ape", "ape"),
        Container("wavpack", ".wv", (b"wvpk",), None, "wv", "wavpack"),
        Container("musepack", ".mpc .mp+ .mpp", (b"MPCK", b"MP+"), None, "mpc", "mpc7 mpc8"),
        Container("tak", ".tak", (b"tBaK",), None, "tak", "tak"),
        Container("optimfrog", ".ofr", (b"OFR ",)),
    ),
    open=ApeFile,
    reads=("APEv2", "ID3v2", "ID3v1"),
    writes="APEv2",
    several="list in one item",
)
