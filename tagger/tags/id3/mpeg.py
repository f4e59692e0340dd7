"""MPEG audio and True Audio: ID3v2 in front, APEv2 and ID3v1 behind.

Read is the first of ID3v2, APEv2, ID3v2 behind and (for genres) ID3v1 that has the field.
Written is the ID3v2 tag in front; another tag that has the field too gets the same, since some
players ask it first. Where APEv2 is the only tag, it alone is written: the owner chose it, and
nothing has to move. A new tag is ID3v2.4 unless the style says more.
"""

from collections.abc import Collection

from tagger.tags.ape import items
from tagger.tags.around import (
    others_around,
    patches_around,
    places_around,
    refusal_around,
)
from tagger.tags.base import About, Patch, Range, Source, rewritten
from tagger.tags.edges import Edges, edges_of, front_tag, tag_at
from tagger.tags.fields import Edits, Field, Style
from tagger.tags.id3.make import ID3_SEVERAL, new_tag
from tagger.tags.places import Told
from tagger.tags.reach import check_reach
from tagger.tags.sniff import first_frame
from tagger.tags.undecoded import RefusedError

ABOUT = About(
    reads=("ID3v2", "APEv2", "ID3v1"),
    writes="ID3v2 in front; APEv2 where it is alone",
    several=ID3_SEVERAL,
    limits={"aac": "only where it has a tag already: few players look for one in raw AAC"},
)
_ADTS = "It is raw AAC (ADTS) without a tag, and few players look for one there."


def values(
    source: Source,
    container: str,  # noqa: ARG001
    field: Field,
    style: Style,
) -> tuple[str, ...]:
    """The values of the first tag that has the field."""
    tag = front_tag(source)
    found = tag.values(field, style) if tag else ()
    if found:
        return found
    edges = edges_of(source)
    if edges.ape:
        found = items.item_values(source, edges.ape, field, style)
    if not found and edges.id3v2_behind:
        found = tag_at(source, edges.id3v2_behind[0]).values(field, style)
    return found


def told(source: Source, container: str, style: Style) -> Told:  # noqa: ARG001
    """The first ID3v2 tag counts first, then APEv2, then the others, ID3v1 last."""
    tag = front_tag(source)
    around = places_around(source, edges_of(source), style)
    return Told(
        (*around.front[:1], *around.ape, *around.behind, *around.front[1:], *around.id3v1),
        is_as_asked=tag is None or tag.is_as_asked(style),
    )


def refusal(source: Source, container: str, style: Style) -> str | None:
    """ID3v2.2, damaged APE tags and raw AAC that nobody has tagged are left alone."""
    tag, edges = front_tag(source), edges_of(source)
    if container == "aac" and tag is None and edges.ape is None:
        return _ADTS
    if tag and (reason := tag.refusal(style)):
        return reason
    if _is_ape_alone(edges) and edges.ape and (reason := items.item_refusal(source, edges.ape)):
        return reason
    return refusal_around(source, edges, main=0 if tag else None)


def plan(
    source: Source,
    container: str,
    edits: Edits,
    style: Style,
) -> list[Patch]:
    """Exchange the fields in front, or in APEv2 where that is alone, and where they stand."""
    first = first_frame(source)
    if container == "mp3" and first is None:
        raise RefusedError("no MPEG audio is found in it, and a decoder may find another")
    tag, edges = front_tag(source), edges_of(source)
    area = edges.ape if _is_ape_alone(edges) else None
    main = 0 if tag else area and area[0]
    patches = patches_around(source, edges, edits, style, main=main)
    if tag:
        if not tag.holds(edits, style):
            patches += rewritten(0, source.exact(0, tag.total), tag.exchanged(edits, style))
    elif area:
        if reason := items.item_refusal(source, area):
            raise RefusedError(reason.rstrip("."))
        patches += items.item_patches(source, area, edits, style)
    elif data := new_tag(edits, style):
        patches.append(Patch(0, 0, data))
    check_reach(source, first, patches)
    return sorted(patches, key=lambda patch: patch.offset)


def others(
    source: Source,
    container: str,  # noqa: ARG001
    fields: Collection[Field],
    style: Style,
) -> list[bytes]:
    """All frames and items but the fields, and every tag that is never changed."""
    return others_around(source, edges_of(source), fields, style, main=0)


def ranges(source: Source, container: str) -> list[Range]:  # noqa: ARG001
    """All between the tags in front and behind."""
    edges = edges_of(source)
    return [(edges.start, edges.end - edges.start)]


def _is_ape_alone(edges: Edges) -> bool:
    """Whether there is no ID3v2 tag beside the APE tag."""
    return edges.ape is not None and edges.start == 0 and edges.id3v2_behind is None
