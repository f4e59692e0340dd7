"""Monkey's Audio, WavPack, Musepack, TAK and OptimFROG: an APEv2 tag behind the stream.

Where an ID3 tag, or a second APE tag, has the field too, it gets the same.
"""

from collections.abc import Collection

from tagger.tags.ape import items
from tagger.tags.around import (
    others_around,
    patches_around,
    places_around,
    refusal_around,
)
from tagger.tags.base import About, Patch, Range, Source
from tagger.tags.edges import edges_of, front_tag
from tagger.tags.extents import check_extent
from tagger.tags.fields import Edits, Field, Style
from tagger.tags.places import Told

ABOUT = About(
    reads=("APEv2", "ID3v2", "ID3v1"),
    writes="APEv2",
    several="list in one item",
)


def values(
    source: Source,
    container: str,  # noqa: ARG001
    field: Field,
    style: Style,
) -> tuple[str, ...]:
    """The item's values; where there are none, those of ID3v2 in front."""
    area = edges_of(source).ape
    found = items.item_values(source, area, field, style) if area else ()
    if not found and (tag := front_tag(source)):
        found = tag.values(field, style)
    return found


def told(source: Source, container: str, style: Style) -> Told:  # noqa: ARG001
    """APEv2 counts first, then ID3v2, then ID3v1."""
    around = places_around(source, edges_of(source), style)
    return Told((*around.ape, *around.front, *around.behind, *around.id3v1))


def refusal(source: Source, container: str, style: Style) -> str | None:  # noqa: ARG001
    """APEv1 and tags whose items cannot be told apart are left alone."""
    edges = edges_of(source)
    area = edges.ape
    return (items.item_refusal(source, area) if area else None) or refusal_around(
        source, edges, main=area and area[0]
    )


def plan(
    source: Source,
    container: str,
    edits: Edits,
    style: Style,
) -> list[Patch]:
    """Exchange the items, or put a new tag before ID3v1."""
    edges = edges_of(source)
    check_extent(source, container, edges.start, edges.end)
    area = edges.ape
    patches = patches_around(source, edges, edits, style, main=area and area[0])
    if area:
        patches += items.item_patches(source, area, edits, style)
    elif new := items.new_items(edits, style):
        patches.append(Patch(edges.end, 0, new))
    return sorted(patches, key=lambda patch: patch.offset)


def others(
    source: Source,
    container: str,  # noqa: ARG001
    fields: Collection[Field],
    style: Style,
) -> list[bytes]:
    """All items and frames but the fields, of every tag around the stream."""
    return others_around(source, edges_of(source), fields, style)


def ranges(source: Source, container: str) -> list[Range]:  # noqa: ARG001
    """All between the tags in front and behind."""
    edges = edges_of(source)
    return [(edges.start, edges.end - edges.start)]
