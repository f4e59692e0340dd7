"""Exact search among embeddings: what sounds alike, and what is there twice.

Embeddings are compared by their direction from the mean of the library: what all music has in
common says nothing. They are kept as float16, in memory or mapped from a file.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tagger.system.cores import usable_cores
from tagger.system.leftovers import remove_old
from tagger.system.whole_file import whole_file

Matrix = NDArray[np.float32]
Half = NDArray[np.float16]

Pairs = dict[int, dict[int, float]]
"""Row of a track -> row of another one that is like it -> how alike; each pair both ways."""

BLOCK = 1 << 14
"""Rows that are compared at once: 32 MiB of 512 numbers in float32."""

_LEFT_S = 3600.0
"""Writing an index takes seconds."""

SAME = 0.97
"""How alike two tracks are from which on they are taken for the same recording."""

SAME_S = 3.0
"""By how many seconds the lengths of two masters of a recording may differ."""


@dataclass(frozen=True, slots=True)
class Index:
    """Embeddings that can be searched.

    Attributes:
        paths: the files.
        vectors: directions from `mean`, of length 1, shape (n_tracks, n_embedding).
        durations_s: lengths of the tracks, NaN where they are not known, shape (n_tracks,).
        mean: of the library, shape (n_embedding,).
    """

    paths: Sequence[str]
    vectors: Half
    durations_s: Matrix
    mean: Matrix

    def direction(self, embedding: Matrix) -> Matrix:
        """An embedding as the index compares it, shape (n_embedding,)."""
        unit: Matrix = _directions(embedding[None], self.mean)[0]
        return unit


@dataclass(frozen=True, slots=True)
class Match:
    """A track that was found, and how alike it is, -1..1."""

    path: Path
    likeness: float


def index_of(
    rows: Iterable[tuple[str, NDArray[np.floating], float | None]], *, n_embedding: int
) -> Index:
    """Make an index of (path, embedding, duration in seconds)."""
    paths, vectors, durations = [], [], []
    for path, vector, duration_s in rows:
        paths.append(path)
        vectors.append(vector.astype(np.float16))
        durations.append(np.nan if duration_s is None else duration_s)
    if not paths:
        empty = np.zeros((0, n_embedding))
        zero = np.zeros(0, np.float32)
        return Index([], empty.astype(np.float16), zero, np.zeros(n_embedding, np.float32))
    table = np.stack(vectors)
    # In double precision: a million halves added up in float16 overflow.
    mean = table.mean(axis=0, dtype=np.float64).astype(np.float32)
    for start in range(0, len(table), BLOCK):
        block = table[start : start + BLOCK]
        block[:] = _directions(block.astype(np.float32), mean)
    return Index(paths, table, np.array(durations, np.float32), mean)


def _directions(embeddings: Matrix, mean: Matrix) -> Matrix:
    centred = embeddings - mean
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    directions: Matrix = (centred / np.maximum(length, 1e-9)).astype(np.float32)
    return directions


def save_index(index: Index, path: Path, *, stamp: Sequence[int]) -> None:
    """Write an index to a file that can be mapped: NumPy's, and behind it what the rows are.

    One file, since of two those of different runs could lie together.

    Args:
        index: what is written.
        path: the file, `.npy`.
        stamp: numbers of the state that it was made of.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    about = {
        "stamp": list(stamp),
        "paths": list(index.paths),
        "durations_s": [
            None if np.isnan(duration_s) else float(duration_s)
            for duration_s in index.durations_s
        ],
        "mean": index.mean.tolist(),
    }
    # Of a large library it is a hundred megabytes.
    remove_old(path.parent.glob(f".{path.name}.*.tmp"), older_than_s=_LEFT_S)
    with whole_file(path) as part, part.open("wb") as file:
        np.save(file, index.vectors)
        file.write(json.dumps(about).encode())


def load_index(path: Path, *, stamp: Sequence[int]) -> Index | None:
    """Map an index that was saved; None if there is none of that stamp."""
    try:
        with path.open("rb") as file:
            vectors = _mapped(file)
            file.seek(vectors.offset + vectors.nbytes)
            about = json.load(file)
        if about["stamp"] != list(stamp):
            return None
        durations = [
            np.nan if duration_s is None else duration_s for duration_s in about["durations_s"]
        ]
        mean = np.array(about["mean"], np.float32)
    except (OSError, ValueError, KeyError):
        return None
    return Index(about["paths"], vectors, np.array(durations, np.float32), mean)


def _mapped(file: BinaryIO) -> "np.memmap[Any, np.dtype[np.float16]]":
    """The table of an open file; `np.load` maps by name, which may be another file by now."""
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("it was not written by `save_index`")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return np.memmap(file, dtype, mode="r", offset=file.tell(), shape=shape)


def search(index: Index, direction: Matrix, *, top: int) -> list[Match]:
    """The tracks that are most alike, the most alike first; every track is compared.

    Args:
        index: what is searched.
        direction: of the track that is asked for, as `Index.direction` gives it.
        top: how many are wanted.
    """
    n_tracks = len(index.paths)
    likeness = np.empty(n_tracks, np.float32)

    def compare(start: int) -> None:
        block = index.vectors[start : start + BLOCK].astype(np.float32)
        np.dot(block, direction, out=likeness[start : start + BLOCK])

    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(compare, range(0, n_tracks, BLOCK)))
    top = min(top, n_tracks)
    if top < 1:
        return []
    # A partition, not a sort: of a million only the first few are needed in order.
    best = np.argpartition(-likeness, top - 1)[:top]
    order = best[np.argsort(-likeness[best], kind="stable")]
    return [Match(Path(index.paths[row]), float(likeness[row])) for row in order.tolist()]


def near_duplicates(
    index: Index,
    *,
    likeness: float = SAME,
    apart_s: float = SAME_S,
    is_there: Callable[[Path], bool] = lambda _path: True,
) -> Iterator[list[Match]]:
    """Groups of tracks that are the same recording, in other formats or masters.

    Only tracks of about the same length are compared, so that the time grows with the library
    and not with its square.

    Args:
        index: what is searched.
        likeness: from which on two tracks are taken for the same.
        apart_s: by how many seconds their lengths may differ.
        is_there: asked of each track that is like another one; those that are not there are
            in no group, and hold none together.

    Yields:
        Each group by path, with how alike each track is to the one in it that is most alike.
    """
    pairs = _without_gone(_pairs(index, likeness, apart_s), index, is_there)
    for group in _groups(pairs):
        yield [
            Match(Path(index.paths[row]), max(pairs[row].values()))
            for row in sorted(group, key=lambda row: index.paths[row])
        ]


def _pairs(index: Index, likeness: float, apart_s: float) -> Pairs:
    """All pairs of tracks that are alike enough."""
    # By length: only neighbours in this order can be the same recording.
    order = np.argsort(index.durations_s, kind="stable")
    durations = index.durations_s[order]
    n_known = int(np.isfinite(durations).sum())
    pairs: Pairs = {}
    for start in range(0, n_known, BLOCK // 8):
        rows = order[start : start + BLOCK // 8][: n_known - start]
        last = float(durations[start + len(rows) - 1])
        end = int(np.searchsorted(durations[:n_known], last + apart_s, side="right"))
        others = order[start:end]
        for first, other, alike in _pairs_in(index, rows, others, likeness, apart_s):
            pairs.setdefault(first, {})[other] = alike
            pairs.setdefault(other, {})[first] = alike
    return pairs


def _without_gone(pairs: Pairs, index: Index, is_there: Callable[[Path], bool]) -> Pairs:
    """The pairs of which both are there."""
    there = {row for row in pairs if is_there(Path(index.paths[row]))}
    left = {
        row: {other: alike for other, alike in pairs[row].items() if other in there}
        for row in there
    }
    return {row: others for row, others in left.items() if others}


def _pairs_in(
    index: Index,
    rows: NDArray[np.intp],
    others: NDArray[np.intp],
    likeness: float,
    apart_s: float,
) -> Iterator[tuple[int, int, float]]:
    """(row, other row, likeness) of pairs that are alike enough; `others` begin with `rows`."""
    these = index.vectors[rows].astype(np.float32)
    for start in range(0, len(others), BLOCK // 8):
        those = others[start : start + BLOCK // 8]
        likenesses = these @ index.vectors[those].astype(np.float32).T
        for i, j in np.argwhere(likenesses >= likeness).tolist():
            if start + j <= i:  # each pair once, and none with itself
                continue
            first, other = int(rows[i]), int(those[j])
            if abs(index.durations_s[first] - index.durations_s[other]) <= apart_s:
                yield first, other, float(likenesses[i, j])


def _groups(pairs: Pairs) -> Iterator[set[int]]:
    """Tracks that hang together by pairs, the groups by their first row."""
    seen: set[int] = set()
    for first in sorted(pairs):
        if first in seen:
            continue
        group, waiting = set(), [first]
        while waiting:
            row = waiting.pop()
            if row not in group:
                group.add(row)
                waiting += pairs[row]
        seen |= group
        yield group
