"""The atoms (boxes) of an MP4 file: walk them, find them, change their length."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tagger.tags.base import Patch, Source

_CONTAINERS = frozenset(b"moov udta meta ilst trak mdia minf stbl edts dinf moof traf".split())
_MAX_DEPTH = 8
_MAX_ATOMS = 100_000
_MAX_BESIDE = 20_000


@dataclass(frozen=True, slots=True)
class Atom:
    """One atom: its kind, where it starts, where its content starts, and where it ends."""

    kind: bytes
    offset: int
    content: int
    end: int


def atoms_in(source: Source, start: int = 0, end: int | None = None) -> Iterator[Atom]:
    """The atoms of a range in order, up to the first that leads out of it.

    Raises:
        ValueError: there are more than any player would step over.
    """
    end, n_atoms = source.size if end is None else end, 0
    while start + 8 <= end:
        n_atoms += 1
        if n_atoms > _MAX_BESIDE:
            raise ValueError(f"more than {_MAX_BESIDE} atoms lie beside one another")
        length, kind = source.unpack(">I4s", start)
        content = start + 8
        # A length of 1 says that 64 bits follow; 0, that the atom goes on to the end.
        if length == 1:
            length, content = source.unpack(">Q", content)[0], content + 8
        stop = end if length == 0 else start + length
        if stop < content:
            return
        if stop > end:
            if end == source.size and kind == b"mdat":
                yield Atom(kind, start, content, end)  # a download that broke off
            return
        yield Atom(kind, start, content, stop)
        start = stop


def children(source: Source, parent: Atom) -> Iterator[Atom]:
    """The atoms inside of one."""
    return atoms_in(source, _inside(source, parent), parent.end)


def along(source: Source, *path: bytes, within: Atom | None = None) -> list[Atom]:
    """The first atoms along a path from the top (or inside `within`), as far as it leads."""
    atoms: list[Atom] = []
    for kind in path:
        parent = atoms[-1] if atoms else within
        level = children(source, parent) if parent else atoms_in(source)
        atom = next((atom for atom in level if atom.kind == kind), None)
        if atom is None:
            break
        atoms.append(atom)
    return atoms


def find(source: Source, *path: bytes, within: Atom | None = None) -> Atom | None:
    """The first atom at a path from the top (or from inside of `within`)."""
    atoms = along(source, *path, within=within)
    return atoms[-1] if len(atoms) == len(path) else None


def all_leaves(source: Source) -> list[tuple[tuple[bytes, ...], Atom]]:
    """All atoms that hold no others (as far as they matter here), with their paths."""
    leaves: list[tuple[tuple[bytes, ...], Atom]] = []

    def walk(path: tuple[bytes, ...], level: Iterator[Atom]) -> None:
        for atom in level:
            here = (*path, atom.kind)
            if len(leaves) > _MAX_ATOMS:
                raise ValueError(f"it has more than {_MAX_ATOMS} atoms")
            # In the list every item holds atoms, whatever it is called.
            holds = atom.kind in _CONTAINERS or b"ilst" in path
            if holds and atom.kind != b"data" and len(here) <= _MAX_DEPTH:
                before = len(leaves)
                walk(here, children(source, atom))
                # An empty container counts as a leaf: whether it is there is a part of the
                # metadata.
                if len(leaves) > before:
                    continue
            leaves.append((here, atom))

    walk((), atoms_in(source))
    return leaves


def atom_bytes(kind: bytes, content: bytes) -> bytes:
    """A new atom."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def atom_data(source: Source, atom: Atom) -> bytes:
    """The content of an atom."""
    return source.exact(atom.content, atom.end - atom.content)


def resized(source: Source, atom: Atom, delta: int) -> list[Patch]:
    """The length of an atom after its content has grown by `delta`."""
    short = source.unpack(">I", atom.offset)[0]
    length = atom.end - atom.offset + delta
    if short == 0:  # to the end of the file
        return []
    if short == 1:
        return [Patch(atom.offset + 8, 8, struct.pack(">Q", length))]
    return [Patch(atom.offset, 4, struct.pack(">I", length))]


def _inside(source: Source, atom: Atom) -> int:
    """Where the children start: `meta` has four bytes before them, except in QuickTime."""
    if atom.kind == b"meta" and source.read(atom.content + 4, 4) != b"hdlr":
        return min(atom.content + 4, atom.end)
    return atom.content


def is_filled(source: Source, parent: Atom) -> bool:
    """Whether atoms lead to the end of another; a terminator of zeros may follow them."""
    end = max((atom.end for atom in children(source, parent)), default=None)
    if end is None:
        return parent.end - parent.content <= 8
    return not source.read(end, parent.end - end).strip(b"\0")
