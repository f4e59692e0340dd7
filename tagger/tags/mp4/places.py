"""Genres of an MP4 outside of iTunes' list: QuickTime's and 3GPP's user data, other lists.

Players that know the list ask it first; others show these. A write makes free space of them,
which moves nothing.
Formats: QuickTime File Format Specification (user data); 3GPP TS 26.244 (asset information).
"""

from collections.abc import Iterator

from tagger.tags.base import Patch, Source
from tagger.tags.mp4.atoms import Atom, atom_data, children, find

_TEXT, _ASSET, _FREE_FORM = b"\xa9gen", b"gnre", b"----"


def elsewhere(source: Source) -> list[tuple[Atom, str]]:
    """Each such atom, and what it says."""
    moov = find(source, b"moov")
    if moov is None:
        return []
    tracks = [atom for atom in children(source, moov) if atom.kind == b"trak"]
    places: list[tuple[Atom, str]] = []
    for around in (moov, *tracks):
        udta = find(source, b"udta", within=around)
        if udta:
            places += _in_user_data(source, udta)
        metas = [find(source, b"meta", within=around)]
        # `moov/udta/meta` is iTunes' own list, which is no second place.
        metas += [find(source, b"meta", within=udta)] if udta and around is not moov else []
        for meta in filter(None, metas):
            places += _in_list(source, meta)
    return places


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


def _in_list(source: Source, meta: Atom) -> Iterator[tuple[Atom, str]]:
    """Items of a list that names them by atom, or by number in QuickTime's list of keys."""
    ilst, keys = (find(source, kind, within=meta) for kind in (b"ilst", b"keys"))
    numbers = _genre_keys(atom_data(source, keys)) if keys else set()
    for item in children(source, ilst) if ilst else ():
        is_named = item.kind == _TEXT or (
            item.kind == _FREE_FORM and _is_named_genre(source, item)
        )
        if is_named or int.from_bytes(item.kind, "big") in numbers:
            data = [atom_data(source, child) for child in children(source, item)
                    if child.kind == b"data"]  # fmt: skip
            yield item, "; ".join(_decoded(atom[8:]) for atom in data)


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
