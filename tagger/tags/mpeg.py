"""MPEG audio and True Audio: ID3v2 in front, APEv2 and ID3v1 behind.

Read is the first of ID3v2, APEv2, ID3v2 behind and ID3v1 that names a genre. Written is the
ID3v2 tag in front; an APEv2 tag that names a genre too gets the same, since some players ask
it first. Where APEv2 is the only tag, it alone is written: the owner chose it, and nothing
has to move. A new tag is ID3v2.4. ID3v1 is left as it is.
"""

from collections.abc import Sequence

from tagger.tags import ape
from tagger.tags.base import Patch, Range, Source, rewritten
from tagger.tags.edges import edges_of, front_tag, tag_at
from tagger.tags.id3frames import new_tag
from tagger.tags.id3text import id3v1_genre

_ADTS = "It is raw AAC (ADTS), which has no place for tags that players agree on."


def genres(source: Source, container: str, separator: str) -> tuple[str, ...]:  # noqa: ARG001
    """The genres of the first tag that names one."""
    tag = front_tag(source)
    found = tag.genres(separator) if tag else ()
    if found:
        return found
    edges = edges_of(source)
    if edges.ape:
        found = ape.item_genres(source, edges.ape)
    if not found and edges.id3v2_behind:
        found = tag_at(source, edges.id3v2_behind[0]).genres(separator)
    if not found and edges.id3v1:
        found = id3v1_genre(source.exact(*edges.id3v1))
    return found


def refusal(source: Source, container: str) -> str | None:
    """ID3v2.2, damaged APE tags and raw AAC are left alone."""
    if container == "aac":
        return _ADTS
    tag, area = front_tag(source), _written_ape(source)
    if tag and (reason := tag.refusal()):
        return reason
    return ape.item_refusal(source, area) if area else None


def plan(
    source: Source,
    container: str,  # noqa: ARG001
    genres: Sequence[str],
    separator: str,
) -> list[Patch]:
    """Exchange the genre in front, and in APEv2 where that names one or is alone."""
    tag, area = front_tag(source), _written_ape(source)
    patches: list[Patch] = []
    if tag:
        old = source.exact(0, tag.total)
        patches = rewritten(0, old, tag.exchanged(genres, separator))
    elif genres and not (area and _is_ape_alone(source)):
        patches = [Patch(0, 0, new_tag(genres))]
    return patches + (ape.item_patches(source, area, genres) if area else [])


def others(source: Source, container: str) -> list[bytes]:  # noqa: ARG001
    """All frames and items but the genre, and every tag that is never changed."""
    tag, edges = front_tag(source), edges_of(source)
    raw, end = (tag.others(), tag.total) if tag else ([], 0)
    raw.append(source.digest(end, edges.start - end))
    if edges.ape:
        raw += ape.other_items(source, edges.ape)
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


def _written_ape(source: Source) -> Range | None:
    """The APE tag, if it is the only one or names a genre as well."""
    area = edges_of(source).ape
    if area and (_is_ape_alone(source) or ape.item_genres(source, area)):
        return area
    return None
