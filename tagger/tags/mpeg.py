"""MPEG audio and True Audio: ID3v2 in front, APEv2 and ID3v1 behind.

Read is the first of ID3v2, APEv2, ID3v2 behind and (for genres) ID3v1 that has the field.
Written is the ID3v2 tag in front; an APEv2 tag that has the field too gets the same, since some
players ask it first. Where APEv2 is the only tag, it alone is written: the owner chose it, and
nothing has to move. A new tag is ID3v2.4 unless the style says more. ID3v1 is left as it is.
"""

from collections.abc import Collection, Iterable

from tagger.tags import ape
from tagger.tags.base import About, Patch, Range, Source, rewritten
from tagger.tags.detect import first_frame
from tagger.tags.edges import edges_of, front_tag, tag_at
from tagger.tags.fields import FIELDS, GENRE, Edits, Field, Style
from tagger.tags.id3genres import id3v1_genre
from tagger.tags.id3make import ID3_SEVERAL, new_tag
from tagger.tags.reach import check_reach
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
        found = ape.item_values(source, edges.ape, field, style)
    if not found and edges.id3v2_behind:
        found = tag_at(source, edges.id3v2_behind[0]).values(field, style)
    if not found and edges.id3v1 and field is GENRE:
        found = id3v1_genre(source.exact(*edges.id3v1)[127])
    return found


def refusal(source: Source, container: str, style: Style) -> str | None:
    """ID3v2.2, damaged APE tags and raw AAC that nobody has tagged are left alone."""
    tag, area = front_tag(source), edges_of(source).ape
    if container == "aac" and tag is None and area is None:
        return _ADTS
    if tag and (reason := tag.refusal(style)):
        return reason
    is_written = area and (_is_ape_alone(source) or _has_any(source, area, FIELDS.values()))
    return ape.item_refusal(source, area) if area and is_written else None


def plan(
    source: Source,
    container: str,
    edits: Edits,
    style: Style,
) -> list[Patch]:
    """Exchange the fields in front, and in APEv2 where that has them or is alone."""
    first = first_frame(source)
    if container == "mp3" and first is None:
        raise RefusedError("no MPEG audio is found in it, and a decoder may find another")
    tag, area = front_tag(source), edges_of(source).ape
    alone = area is not None and _is_ape_alone(source)
    patches: list[Patch] = []
    if tag:
        old = source.exact(0, tag.total)
        patches = rewritten(0, old, tag.exchanged(edits, style))
    elif not alone and (data := new_tag(edits, style)):
        patches = [Patch(0, 0, data)]
    check_reach(source, first, patches)
    if area is None:
        return patches
    there = {
        field: values
        for field, values in edits.items()
        if alone or _has_any(source, area, [field])
    }
    if there and (reason := ape.item_refusal(source, area)):
        raise ValueError(reason)
    return patches + (ape.item_patches(source, area, there, style) if there else [])


def others(
    source: Source,
    container: str,  # noqa: ARG001
    fields: Collection[Field],
    style: Style,
) -> list[bytes]:
    """All frames and items but the fields, and every tag that is never changed."""
    tag, edges = front_tag(source), edges_of(source)
    raw, end = (tag.others(fields, style), tag.total) if tag else ([], 0)
    raw.append(source.digest(end, edges.start - end))
    if edges.ape:
        raw += ape.other_items(source, edges.ape, fields)
        behind = edges.ape[0] + edges.ape[1]
        raw.append(source.digest(edges.end, edges.ape[0] - edges.end))
        return [*raw, source.digest(behind, source.size - behind)]
    return [*raw, source.digest(edges.end, source.size - edges.end)]


def ranges(source: Source, container: str) -> list[Range]:  # noqa: ARG001
    """All between the tags in front and behind."""
    edges = edges_of(source)
    return [(edges.start, edges.end - edges.start)]


def _is_ape_alone(source: Source) -> bool:
    """Whether there is no ID3v2 tag beside the APE tag."""
    return front_tag(source) is None and edges_of(source).id3v2_behind is None


def _has_any(source: Source, area: Range, fields: Iterable[Field]) -> bool:
    """Whether an APE tag has one of some fields."""
    return any(ape.item_values(source, area, field, Style()) for field in fields)
