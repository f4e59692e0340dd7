"""What teachers say of the clips of a set, in the form in which it is learned."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Half = NDArray[np.float16]
Array = NDArray[np.float32]

TARGET_S = 10.0
"""About as long is a stretch of which a teacher's answers are averaged, in seconds."""

FARTHEST = 5.0
"""Standardised embeddings are cut there: half precision, and a loss, want no outliers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some columns of the lessons: the scores or the embedding of one teacher.

    Attributes:
        teacher: its name.
        kind: 'scores' or 'embedding'.
        start: the first column.
        stop: the one behind the last.
        weight: of its loss.
        temperature: of scores.
        labels: names of the scores.
    """

    teacher: str
    kind: str
    start: int
    stop: int
    weight: float
    temperature: float = 1.0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """Of each clip rows of the teachers' answers, one a target.

    Attributes:
        parts: what the columns are.
        of_clip: one array a clip, shape (n_targets, n_columns), NaN where a teacher says
            nothing; the targets are equally long and follow each other.
    """

    parts: tuple[Part, ...]
    of_clip: Sequence[Half]

    @property
    def n_columns(self) -> int:
        """Numbers in a row."""
        return max((part.stop for part in self.parts), default=0)

    def take(self, index: NDArray[np.integer]) -> "Lessons":
        """Those of the clips at `index`."""
        return replace(self, of_clip=[self.of_clip[i] for i in index])

    def of_stretch(self, i: int, start: float, stop: float) -> Array:
        """The lesson of a part of clip `i`, in shares of the clip, shape (n_columns,).

        The mean of its targets by how much of each lies in the stretch.
        """
        rows = self.of_clip[i]
        bounds = np.linspace(0, 1, len(rows) + 1)
        shared = np.minimum(bounds[1:], stop) - np.maximum(bounds[:-1], start)
        touched = np.flatnonzero(shared > 1e-9)
        if len(touched) <= 1:
            at = touched[0] if len(touched) else 0
            row: Array = rows[at].astype(np.float32)
            return row
        weights = (shared[touched] / shared[touched].sum()).astype(np.float32)
        mean: Array = weights @ rows[touched].astype(np.float32)
        return mean


def n_targets_of(seconds: float, n_pieces: int) -> int:
    """Targets of a clip of some pieces: as many of about ten seconds as fit each piece."""
    return n_pieces * max(1, round(seconds / n_pieces / TARGET_S))


def join_lessons(parts: Sequence[tuple[Lessons | None, int]]) -> Lessons | None:
    """Lessons of several sets with so many clips each; a set without any learns from nobody."""
    known = [part for part, _ in parts if part is not None]
    if not known:
        return None
    nothing = np.full((1, known[0].n_columns), np.nan, dtype=np.float16)
    rows: list[Half] = []
    for part, n_clips in parts:
        rows += [nothing] * n_clips if part is None else list(part.of_clip)
    return replace(known[0], of_clip=rows)


def standardised(rows: Sequence[Half], columns: slice, is_learned: NDArray[np.bool_]) -> None:
    """Bring columns to mean 0 and deviation 1 over the clips that are learned, in place.

    Args:
        rows: of each clip, shape (n_targets, n_columns).
        columns: those of one embedding.
        is_learned: which clips are, shape (n_clips,).
    """
    learned = [row[:, columns] for row, is_in in zip(rows, is_learned, strict=True) if is_in]
    every = np.concatenate([*learned, rows[0][:0, columns]]).astype(np.float32)
    every = every[np.isfinite(every).all(axis=1)]
    if not len(every):
        return
    mean, deviation = every.mean(axis=0), every.std(axis=0) + 1e-3
    for row in rows:
        scaled = (row[:, columns].astype(np.float32) - mean) / deviation
        row[:, columns] = scaled.clip(-FARTHEST, FARTHEST)
