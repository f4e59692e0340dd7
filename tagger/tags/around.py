"""The tags in front of and behind a stream: any of them may say what is asked for.

A family writes one of them, the main tag. Another one that says something else follows it;
one that says nothing of it is left alone. What has no room for a genre of any name (ID3v1's
list of codes, ID3v2.2) no longer says one.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from tagger.tags.ape.items import item_patches, item_refusal, item_values, other_items
from tagger.tags.base import Patch, Range, Source, rewritten
from tagger.tags.edges import Edges, front_tags, tag_at
from tagger.tags.fields import FIELDS, GENRE, Edits, Field, Style
from tagger.tags.id3.frames import Tag
from tagger.tags.id3.genres import NO_GENRE, id3v1_code, id3v1_genre
from tagger.tags.places import Place, agrees
from tagger.tags.undecoded import RefusedError

_EXTENSION_LEN = 227
_TEXT_AT, _TEXT_LEN = 185, 30
"""Where the extension (TAG+) has a text for it."""


@dataclass(frozen=True, slots=True)
class Around:
    """What the tags around a stream say of the genre, by kind."""

    front: tuple[Place, ...]
    ape: tuple[Place, ...]
    behind: tuple[Place, ...]
    id3v1: tuple[Place, ...]


def places_around(source: Source, edges: Edges, style: Style) -> Around:
    """All places around a stream in which a genre can stand."""
    tags = [tag for _, tag in front_tags(source, edges)]
    behind = [tag_at(source, place[0]) for place in edges.all_of("id3v2")]
    items = [item_values(source, area, GENRE, style) for area in edges.all_of("ape")]
    codes = [_codes(source, area) for area in edges.all_of("id3v1")]
    return Around(
        front=tuple(Place(tag.values(GENRE, style)) for tag in tags),
        ape=tuple(map(Place, items)),
        behind=tuple(Place(tag.values(GENRE, style)) for tag in behind),
        id3v1=tuple(place for of_one_tag in codes for place in of_one_tag),
    )


def refusal_around(source: Source, edges: Edges, *, main: int | None) -> str | None:
    """Why a tag that says the genre beside the main one (at `main`) cannot follow it."""
    tags = [
        *front_tags(source, edges),
        *((place[0], tag_at(source, place[0])) for place in edges.all_of("id3v2")),
    ]
    for offset, tag in tags:
        if offset != main and (reason := why_stuck(tag)) is not None:
            return reason
    for area in edges.all_of("ape"):
        is_second = area[0] != main and _has_any(source, area)
        if is_second and (reason := item_refusal(source, area)) is not None:
            return reason
    return None


def patches_around(
    source: Source, edges: Edges, edits: Edits, style: Style, *, main: int | None
) -> list[Patch]:
    """What makes every tag but the main one (at `main`) say the same, if it says another."""
    patches = patches_of_tags(source, front_tags(source, edges), edits, style, main)
    for kind, area in edges.behind:
        if area[0] == main:
            continue
        if kind == "ape":
            patches += _item_patches(source, area, edits, style)
        elif kind == "id3v2":
            patches += _patches_behind(source, area, edits, style)
        elif kind == "id3v1" and GENRE in edits:
            patches += _code_patches(source, area, edits[GENRE])
    return patches


def patches_of_tags(
    source: Source,
    tags: Collection[tuple[int, Tag]],
    edits: Edits,
    style: Style,
    main: int | None = None,
) -> list[Patch]:
    """The same for ID3v2 tags at their offsets."""
    patches: list[Patch] = []
    end: int | None = None
    for offset, tag in tags:
        if offset != main and (new := followed(tag, edits, style)) is not None:
            # Zeros between two tags go with the second one: else they would stand before
            # the audio, as a part of it.
            start = offset if new or end is None else end
            patches += rewritten(start, source.exact(start, offset + tag.total - start), new)
        end = offset + tag.total
    return patches


def followed(tag: Tag, edits: Edits, style: Style) -> bytes | None:
    """A second ID3v2 tag as it has to be; None where it may stay.

    Raises:
        ValueError: it cannot be changed.
    """
    there = _differing(edits, lambda field: tag.values(field, style))
    if not there:
        return None
    if (reason := why_stuck(tag)) is not None:
        raise RefusedError(reason.rstrip("."))
    # No reader asks a second tag of 2.2 first, and nothing is written in that version: the
    # field is taken out.
    there = dict.fromkeys(there, ()) if tag.version == 2 else there
    return tag.exchanged(there, unconverted(style))


def unconverted(style: Style) -> Style:
    """The style for tags that keep their version whatever the first one gets."""
    return replace(style, id3v2_version="keep")


def why_stuck(tag: Tag) -> str | None:
    """Why a second tag that says a genre cannot follow the first; None if it can."""
    if not tag.values(GENRE, Style()):
        return None
    if tag.version == 2:
        return "It has a second ID3v2.2 tag that is unsynchronised." if tag.unsync else None
    return tag.refusal(Style())


def others_around(
    source: Source,
    edges: Edges,
    fields: Collection[Field],
    style: Style,
    *,
    main: int | None = None,
) -> list[bytes]:
    """All frames and items but the fields; of the tag at `main` as the style words it."""
    kept = unconverted(style)
    raw, end = [], 0
    for offset, tag in front_tags(source, edges):
        raw += tag.others(fields, style if offset == main else kept)
        end = offset + tag.total
    raw.append(source.digest(end, edges.start - end))
    for kind, area in reversed(edges.behind):
        if kind == "ape":
            raw += other_items(source, area, fields)
        elif kind == "id3v2":
            raw += tag_at(source, area[0]).others(fields, kept)
        elif kind == "id3v1" and GENRE in fields:
            raw.append(_without_genre(source, area))
        else:
            raw.append(source.digest(*area))
    return raw


def _differing(edits: Edits, values_of: Callable[[Field], tuple[str, ...]]) -> Edits:
    """The fields of which a tag says something else."""
    return {
        field: values
        for field, values in edits.items()
        if (old := values_of(field)) and old != values
        if field is not GENRE or not agrees(Place(old), values)
    }


def _has_any(source: Source, area: Range) -> bool:
    return any(item_values(source, area, field, Style()) for field in FIELDS.values())


def _item_patches(source: Source, area: Range, edits: Edits, style: Style) -> list[Patch]:
    there = _differing(edits, lambda field: item_values(source, area, field, style))
    if there and (reason := item_refusal(source, area)) is not None:
        raise RefusedError(reason.rstrip("."))
    return item_patches(source, area, there, style) if there else []


def _patches_behind(source: Source, area: Range, edits: Edits, style: Style) -> list[Patch]:
    """A tag at the end is found by its footer, so that it needs one."""
    new = followed(tag_at(source, area[0]), edits, style)
    if new is None:
        return []
    if new:
        # Flag 0x10 says that there is a footer: the header once more, spelled backwards.
        head = new[:5] + bytes([new[5] | 0x10]) + new[6:10]
        new = head + new[10:] + b"3DI" + head[3:]
    return rewritten(area[0], source.exact(*area), new)


def _codes(source: Source, area: Range) -> list[Place]:
    """What an ID3v1 tag says: a code, and a text in its extension."""
    end = sum(area)
    # The last byte of ID3v1 is its genre.
    code = source.exact(end - 1, 1)[0]
    places = [Place(id3v1_genre(code), is_code=True)]
    if area[1] > _EXTENSION_LEN:
        raw = source.exact(area[0] + _TEXT_AT, _TEXT_LEN)
        text = raw.split(b"\0")[0].decode("latin-1").strip()
        places.append(Place((text,) if text else (), is_code=True))
    return places


def _code_patches(source: Source, area: Range, genres: tuple[str, ...]) -> list[Patch]:
    places = _codes(source, area)
    patches = []
    if not all(agrees(place, genres) for place in places[1:]):
        # The text is emptied, not replaced: 30 bytes of Latin-1 have no room for many a genre.
        patches.append(Patch(area[0] + _TEXT_AT, _TEXT_LEN, bytes(_TEXT_LEN)))
    if not agrees(places[0], genres):
        patches.append(Patch(sum(area) - 1, 1, bytes([id3v1_code(genres)])))
    return patches


def _without_genre(source: Source, area: Range) -> bytes:
    raw = bytearray(source.exact(*area))
    if area[1] > _EXTENSION_LEN:
        raw[_TEXT_AT : _TEXT_AT + _TEXT_LEN] = bytes(_TEXT_LEN)
    raw[-1] = NO_GENRE
    return bytes(raw)
