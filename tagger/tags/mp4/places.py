"""Genres of an MP4 outside of iTunes' list: QuickTime's and 3GPP's user data, other lists.

Players that know the list ask it first; others show these. A write makes free space of them,
which moves nothing.
Formats: QuickTime File Format Specification (user data); 3GPP TS 26.244 (asset information).
"""

from collections.abc import Iterator

from tagger.tags.base import Patch, Source
from tagger.tags.id3.genres import id3v1_genre
from tagger.tags.mp4.atoms import Atom, atom_data, children, find

_TEXT, _ASSET, _FREE_FORM = b"\xa9gen", b"gnre", b"----"


def elsewhere(source: Source) -> list[tuple[Atom, str]]:
    """Each such atom, and what it says."""
    moov = find(source, b"moov")
    if moov is None:
        return []
    own = find(source, b"udta", b"meta", b"ilst", within=moov)
    places: list[tuple[Atom, str]] = []
    for around in (moov, *_all(source, moov, b"trak")):
        all_user_data = _all(source, around, b"udta")
        for udta in all_user_data:
            places += _in_user_data(source, udta)
        # Of several lists FFmpeg shows the last one, whatever holds it.
        for holder in (around, *all_user_data):
            for meta in _all(source, holder, b"meta"):
                places += _in_lists(source, meta, own)
    return places


def _all(source: Source, parent: Atom, kind: bytes) -> list[Atom]:
    return [atom for atom in children(source, parent) if atom.kind == kind]


def freed(atom: Atom) -> list[Patch]:
    """The atom as free space of the same length."""
    return [
        Patch(atom.offset + 4, 4, b"free"),
        Patch(atom.content, atom.end - atom.content, bytes(atom.end - atom.content)),
    ]


def _in_user_data(source: Source, udta: Atom) -> Iterator[tuple[Atom, str]]:
    for atom in children(source, udta):
        data = atom_data(source, atom) if atom.kind in (_TEXT, _ASSET) else b""
        if atom.kind == _TEXT:  # length, language, text; several of them
            length = int.from_bytes(data[:2], "big")
            yield atom, _decoded(data[4 : 4 + length])
        elif atom.kind == _ASSET:  # version and flags, language, text
            yield atom, _decoded(data[6:])


def _in_lists(source: Source, meta: Atom, own: Atom | None) -> Iterator[tuple[Atom, str]]:
    """Items that are named by atom, or by number in QuickTime's list of keys.

    Those that are named by atom in iTunes' own list are in no second place.
    """
    keys = find(source, b"keys", within=meta)
    numbers = _genre_keys(atom_data(source, keys)) if keys else set()
    for ilst in _all(source, meta, b"ilst"):
        for item in children(source, ilst):
            is_own = own is not None and ilst.offset == own.offset
            if (not is_own and _is_genre(source, item)) or (
                int.from_bytes(item.kind, "big") in numbers
            ):
                yield item, _said(source, item)


def _said(source: Source, item: Atom) -> str:
    data = [atom_data(source, child)[8:] for child in _all(source, item, b"data")]
    if item.kind == _ASSET:  # the number of iTunes' lists
        codes = [int.from_bytes(number[:2], "big") - 1 for number in data]
        return "; ".join(genre for code in codes for genre in id3v1_genre(code))
    return "; ".join(map(_decoded, data))


def _is_genre(source: Source, item: Atom) -> bool:
    return item.kind in (_TEXT, _ASSET) or (
        item.kind == _FREE_FORM and _is_named_genre(source, item)
    )


def _is_named_genre(source: Source, item: Atom) -> bool:
    names = [
        atom_data(source, child)[4:]
        for child in children(source, item)
        if child.kind == b"name"
    ]
    return any(name.lower() == b"genre" for name in names)


def _genre_keys(data: bytes) -> set[int]:
    """The numbers of the keys that are called genre."""
    # Behind version, flags and count; keys are numbered from 1.
    numbers, offset, number = set(), 8, 1
    while offset + 8 <= len(data):
        length = int.from_bytes(data[offset : offset + 4], "big")
        name = data[offset + 8 : offset + length].lower()
        if name.rpartition(b".")[2] == b"genre":
            numbers.add(number)
        if length < 8:
            break
        offset, number = offset + length, number + 1
    return numbers


def _decoded(data: bytes) -> str:
    codec = "utf-16" if data[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8"
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        # QuickTime's texts are older than UTF-8, in Macintosh encodings.
        text = data.decode("mac-roman")
    return text.strip("\0 ")
