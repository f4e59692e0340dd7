"""What beets' items hold of genres, in the version at hand."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from beets.library import Item

from tagger import TrackResult
from tagger.model.spec import ModelSpec

HAS_LIST = "genres" in Item._fields
"""Whether this beets has a list of genres (2.7 and later); before, one string."""

SEPARATOR = "; "
SCORES, MODEL = "tagger_scores", "tagger_model"
"""Flexible attributes: what the model said, and which it was."""

N_SCORES = 5


def path_of(item: Any) -> Path:
    """Where an item's file is."""
    return Path(os.fsdecode(item.path))


def genres_of(item: Any) -> tuple[str, ...]:
    """The genres of an item or album, in order."""
    if HAS_LIST:
        return tuple(item.get("genres") or ())
    return tuple(part for part in (item.get("genre") or "").split(SEPARATOR) if part)


def set_genres(item: Any, genres: Sequence[str]) -> None:
    """Give an item or album genres; it is not stored yet."""
    if HAS_LIST:
        item["genres"] = list(genres)
    else:
        item["genre"] = SEPARATOR.join(genres)


def remember(item: Any, result: TrackResult, spec: ModelSpec) -> None:
    """Note the best scores, `Rock 0.82, Metal 0.40`, and the model that gave them."""
    best = list((result.scores or {}).items())[:N_SCORES]
    item[SCORES] = ", ".join(f"{label} {score:.2f}" for label, score in best)
    item[MODEL] = f"{spec.name} {spec.revision}"


def album_genres(items: Sequence[Any], *, limit: int) -> tuple[str, ...]:
    """The genres that at least half of an album's items have, else the most frequent one."""
    counts = Counter(genre for item in items for genre in genres_of(item))
    ranked = counts.most_common()
    common = [genre for genre, n in ranked if 2 * n >= len(items)]
    return tuple((common or [genre for genre, _ in ranked[:1]])[:limit])


def line_of(item: Any, new: Iterable[str], result: TrackResult) -> str:
    """One line for people: the item, what it has, what it would have, and how sure."""
    before = "; ".join(genres_of(item)) or "(none)"
    scores = result.scores or {}
    told = [f"{genre} {scores[genre]:.2f}" if genre in scores else genre for genre in new]
    return f"{item}: {before} -> {'; '.join(told)}"
