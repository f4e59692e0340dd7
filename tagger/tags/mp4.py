r"""MP4: `moov/udta/meta/ilst` holds the tags, `\xa9gen` the genres, one data atom each.

When the atoms grow by more than the `free` atom beside them, everything behind moves, and
with it the absolute chunk offsets in `stco` and `co64`.
Formats: ISO/IEC 14496-12; QuickTime File Format Specification.
"""

import struct
from collections.abc import Sequence

import numpy as np

from tagger.tags.atoms import (
    Atom,
    all_leaves,
    atom_bytes,
    atom_data,
    atoms_in,
    children,
    find,
    resized,
)
from tagger.tags.base import NEW_PADDING, Patch, Range, Source, kept, rewritten
from tagger.tags.id3text import expanded

_GENRE, _NUMBER = b"\xa9gen", b"gnre"
_TABLES = {b"stco": ">u4", b"co64": ">u8"}
_UTF8, _UTF16 = 1, 2
_HANDLER = atom_bytes(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))


def genres(source: Source, container: str, separator: str) -> tuple[str, ...]:  # noqa: ARG001
    """The values of the text atom, else the genre that iTunes numbers like ID3v1, plus one."""
    ilst = find(source, b"moov", b"udta", b"meta", b"ilst")
    if not ilst:
        return ()
    items = list(children(source, ilst))
    texts = [data for atom in items if atom.kind == _GENRE for data in children(source, atom)]
    if found := kept(_text(source, data) for data in texts):
        return found
    numbers = [
        data for atom in items if atom.kind == _NUMBER for data in children(source, atom)
    ]
    codes = [int.from_bytes(atom_data(source, data)[8:10], "big") for data in numbers]
    return expanded([str(code - 1) for code in codes if code])


def refusal(source: Source, container: str) -> str | None:  # noqa: ARG001
    """Fragments and other kinds of metadata than iTunes' are left alone."""
    if find(source, b"moov") is None:
        return "It has no moov atom: it is cut off, or a fragment of a stream."
    if find(source, b"moof") or find(source, b"moov", b"mvex"):
        return "It is a fragmented MP4, whose fragments could lose their place."
    path = (b"moov", b"udta", b"meta", b"ilst")
    around = [atom for n in range(1, 5) if (atom := find(source, *path[:n]))]
    if not all(_is_filled(source, atom) for atom in around):
        return "Its tag atoms are damaged: they do not fill the atom around them."
    meta = find(source, *path[:3])
    handler = meta and next((a for a in children(source, meta) if a.kind == b"hdlr"), None)
    if handler and atom_data(source, handler)[8:12] not in (b"mdir", bytes(4)):
        return "Its metadata is of another kind than iTunes'."
    return None


def plan(
    source: Source,
    container: str,  # noqa: ARG001
    genres: Sequence[str],
    separator: str,  # noqa: ARG001
) -> list[Patch]:
    """Exchange the genre atom; use the free atom beside it, or move what is behind."""
    parents, start, end, new = _exchange(source, genres)
    old = source.exact(start, end - start)
    delta = len(new) - len(old)
    patches = rewritten(start, old, new)
    if delta:
        patches += [patch for parent in parents for patch in resized(source, parent, delta)]
        for table in _tables(source):
            patches += _moved(source, table, end, delta)
    return sorted(patches, key=lambda patch: patch.offset)


def others(source: Source, container: str) -> list[bytes]:  # noqa: ARG001
    """Every leaf atom but genre, padding, samples and chunk offsets."""
    return [
        kind + content
        for path, atom in all_leaves(source)
        if (kind := b"/".join(path))
        and path[-1] not in {b"free", b"skip", b"mdat", b"stco", b"co64"}
        and not (b"ilst" in path and {_GENRE, _NUMBER} & set(path))
        and kind not in _SCAFFOLD
        for content in [source.digest(atom.content, atom.end - atom.content)]
    ]


def ranges(source: Source, container: str) -> list[Range]:  # noqa: ARG001
    """The chunks of all tracks, where the offset tables say that they are.

    A wrong offset therefore shows as other bytes. Neighbours are joined.
    """
    found: list[Range] = []
    moov = find(source, b"moov")
    for trak in children(source, moov) if moov else ():
        if trak.kind != b"trak":
            continue
        stbl = find(source, b"mdia", b"minf", b"stbl", within=trak)
        for offset, length in _chunks(source, stbl) if stbl else ():
            if found and sum(found[-1]) == offset:
                found[-1] = (found[-1][0], found[-1][1] + length)
            else:
                found.append((offset, length))
    return found or [
        (a.content, a.end - a.content) for a in atoms_in(source) if a.kind == b"mdat"
    ]


_SCAFFOLD = frozenset(
    {b"moov/udta", b"moov/udta/meta", b"moov/udta/meta/ilst", b"moov/udta/meta/hdlr"}
)
"""What may come to be, or to be empty, when a genre is the first or last tag."""


def _is_filled(source: Source, parent: Atom) -> bool:
    """Whether atoms lead to the end of another; a terminator of zeros may follow them."""
    end = max((atom.end for atom in children(source, parent)), default=None)
    if end is None:
        return parent.end - parent.content <= 8
    return not source.read(end, parent.end - end).strip(b"\0")


def _text(source: Source, data: Atom) -> str:
    """The text of a data atom: type, locale, text."""
    content = atom_data(source, data)
    codec = "utf-16-be" if int.from_bytes(content[:4], "big") & 0xFFFFFF == _UTF16 else "utf-8"
    return content[8:].decode(codec, errors="replace") if data.kind == b"data" else ""


def _genre_atom(genres: Sequence[str]) -> bytes:
    values = [
        atom_bytes(b"data", struct.pack(">II", _UTF8, 0) + genre.encode()) for genre in genres
    ]
    return atom_bytes(_GENRE, b"".join(values)) if values else b""


def _exchange(source: Source, genres: Sequence[str]) -> tuple[list[Atom], int, int, bytes]:
    """The atoms around the change, the range that is replaced, and its new bytes."""
    new = _genre_atom(genres)
    moov = find(source, b"moov")
    udta = find(source, b"moov", b"udta")
    meta = find(source, b"moov", b"udta", b"meta")
    ilst = find(source, b"moov", b"udta", b"meta", b"ilst")
    assert moov is not None
    if ilst and meta and udta:
        start, end, new = _with_free(source, meta, ilst, _items(source, ilst, new))
        return [moov, udta, meta], start, end, new
    new = atom_bytes(b"ilst", new) if new else b""
    if meta and udta:
        return [moov, udta, meta], meta.end, meta.end, new
    new = atom_bytes(b"meta", bytes(4) + _HANDLER + new + _free(NEW_PADDING)) if new else b""
    if udta:  # at its front, since it may end with a terminator
        return [moov, udta], udta.content, udta.content, new
    new = atom_bytes(b"udta", new) if new else b""
    return [moov], moov.end, moov.end, new


def _items(source: Source, ilst: Atom, new: bytes) -> bytes:
    """The ilst atom with the genre where the first one stood, or else at the end."""
    parts, placed = [], False
    for atom in children(source, ilst):
        if atom.kind not in (_GENRE, _NUMBER):
            parts.append(source.exact(atom.offset, atom.end - atom.offset))
        elif not placed:
            parts.append(new)
            placed = True
    if not placed:
        parts.append(new)
    return atom_bytes(b"ilst", b"".join(parts))


def _with_free(source: Source, meta: Atom, ilst: Atom, new: bytes) -> tuple[int, int, bytes]:
    """The new ilst and the free atom behind it, together as long as before if possible."""
    following = next((a for a in children(source, meta) if a.offset == ilst.end), None)
    has_free = following is not None and following.kind in (b"free", b"skip")
    end = following.end if following and has_free else ilst.end
    left = end - ilst.offset - len(new)
    if left == 0:
        return ilst.offset, end, new
    return ilst.offset, end, new + _free(left - 8 if left >= 8 else NEW_PADDING)


def _free(length: int) -> bytes:
    return atom_bytes(b"free", bytes(length))


def _tables(source: Source) -> list[Atom]:
    return [atom for path, atom in all_leaves(source) if path[-1] in _TABLES]


def _moved(source: Source, table: Atom, behind: int, delta: int) -> list[Patch]:
    """The offset table after what lies at or behind a place has moved."""
    offsets = _offsets(source, table)
    if not (offsets >= behind).any():
        return []
    moved = np.where(offsets >= behind, offsets.astype(np.int64) + delta, offsets)
    if table.kind == b"stco" and moved.max() >= 1 << 32:
        raise ValueError("a chunk would lie behind the 4 GiB that its table can say")
    old = source.exact(table.content, table.end - table.content)
    data = moved.astype(_TABLES[table.kind]).tobytes()
    return rewritten(table.content, old, old[:8] + data + old[8 + len(data) :])


def _offsets(source: Source, table: Atom) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The chunk offsets of a table, shape (n_chunks,)."""
    return _column(source, table, _TABLES[table.kind], 1)[:, 0]


def _column(
    source: Source, table: Atom, dtype: str, n_columns: int, skip: int = 4
) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """A counted table as integers, shape (n_rows, n_columns)."""
    data = atom_data(source, table)
    count = struct.unpack_from(">I", data, skip)[0]
    start, row = skip + 4, np.dtype(dtype).itemsize * n_columns
    if start + count * row > len(data):
        raise ValueError(f"the table {table.kind!r} is longer than its atom")
    flat = np.frombuffer(data, dtype, count * n_columns, start)
    return flat.astype(np.int64).reshape(count, n_columns)


def _chunks(source: Source, stbl: Atom) -> list[Range]:
    """Where the chunks of one track lie, in order."""
    tables = {atom.kind: atom for atom in children(source, stbl)}
    table = tables.get(b"stco") or tables.get(b"co64")
    if table is None or b"stsc" not in tables or b"stsz" not in tables:
        return []
    offsets = _offsets(source, table)
    runs = _column(source, tables[b"stsc"], ">u4", 3)
    if not len(offsets) or not len(runs):
        return []
    lengths = np.diff(np.append(runs[:, 0], len(offsets) + 1))
    if (lengths < 0).any() or lengths.sum() != len(offsets):
        raise ValueError("the sample-to-chunk table does not fit the chunks")
    ends = np.cumsum(np.repeat(runs[:, 1], lengths))
    starts = np.append(0, ends[:-1])
    uniform, count = struct.unpack_from(">II", atom_data(source, tables[b"stsz"]), 4)
    if uniform:
        edges = np.minimum(np.append(starts, ends[-1]), count) * uniform
    else:
        sizes = _column(source, tables[b"stsz"], ">u4", 1, skip=8)[:, 0]
        total = np.append(0, np.cumsum(sizes))
        edges = total[np.minimum(np.append(starts, ends[-1]), len(sizes))]
    return list(zip(offsets.tolist(), np.diff(edges).tolist(), strict=True))
