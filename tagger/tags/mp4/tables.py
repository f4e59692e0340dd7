"""The tables of an MP4 track that say where its samples lie. Format: ISO/IEC 14496-12."""

import struct
from typing import TYPE_CHECKING

from tagger.tags.base import Patch, Range, Source, rewritten
from tagger.tags.mp4.atoms import Atom, all_leaves, atom_data, children

if TYPE_CHECKING:
    import numpy as np

_TABLES = {b"stco": ">u4", b"co64": ">u8"}


def offset_tables(source: Source) -> list[Atom]:
    """The chunk offset tables of all tracks."""
    return [atom for path, atom in all_leaves(source) if path[-1] in _TABLES]


def moved(source: Source, table: Atom, behind: int, delta: int) -> list[Patch]:
    """The offset table after what lies at or behind a place has moved."""
    offsets = _offsets(source, table)
    if not (offsets >= behind).any():
        return []
    import numpy as np  # noqa: PLC0415 - reading tags needs none

    new = np.where(offsets >= behind, offsets.astype(np.int64) + delta, offsets)
    if table.kind == b"stco" and new.max() >= 1 << 32:
        raise ValueError("a chunk would lie behind the 4 GiB that its table can hold")
    old = source.exact(table.content, table.end - table.content)
    data = new.astype(_TABLES[table.kind]).tobytes()
    return rewritten(table.content, old, old[:8] + data + old[8 + len(data) :])


def _offsets(source: Source, table: Atom) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The chunk offsets of a table, shape (n_chunks,)."""
    return _column(source, table, _TABLES[table.kind], 1)[:, 0]


def _column(
    source: Source, table: Atom, dtype: str, n_columns: int, skip: int = 4
) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """A counted table as integers, shape (n_rows, n_columns)."""
    import numpy as np  # noqa: PLC0415 - reading tags needs none

    data = atom_data(source, table)
    count = struct.unpack_from(">I", data, skip)[0]
    start, row = skip + 4, np.dtype(dtype).itemsize * n_columns
    if start + count * row > len(data):
        raise ValueError(f"the table {table.kind!r} is longer than its atom")
    flat = np.frombuffer(data, dtype, count * n_columns, start)
    return flat.astype(np.int64).reshape(count, n_columns)


def chunks_of(source: Source, stbl: Atom) -> list[Range]:
    """Where the chunks of one track lie, in order."""
    import numpy as np  # noqa: PLC0415 - reading tags needs none

    tables = {atom.kind: atom for atom in children(source, stbl)}
    table = tables.get(b"stco") or tables.get(b"co64")
    if table is None or b"stsc" not in tables or b"stsz" not in tables:
        return []
    offsets = _offsets(source, table)
    runs = _column(source, tables[b"stsc"], ">u4", 3)
    if not len(offsets) or not len(runs):
        return []
    # `stsc` names only the first chunk of each run of chunks with as many samples.
    lengths = np.diff(np.append(runs[:, 0], len(offsets) + 1))
    if (lengths < 0).any() or lengths.sum() != len(offsets):
        raise ValueError("the sample-to-chunk table does not fit the chunks")
    ends = np.cumsum(np.repeat(runs[:, 1], lengths))
    starts = np.append(0, ends[:-1])
    uniform, count = struct.unpack_from(">II", atom_data(source, tables[b"stsz"]), 4)
    # Samples of one size (PCM mostly) have no table of sizes.
    if uniform:
        edges = np.minimum(np.append(starts, ends[-1]), count) * uniform
    else:
        sizes = _column(source, tables[b"stsz"], ">u4", 1, skip=8)[:, 0]
        total = np.append(0, np.cumsum(sizes))
        edges = total[np.minimum(np.append(starts, ends[-1]), len(sizes))]
    return list(zip(offsets.tolist(), np.diff(edges).tolist(), strict=True))
