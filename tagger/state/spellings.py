"""The genres that the files in a state hold, as they are spelled, with the number of files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tagger.state.store import Store

_COUNTS = "SELECT CAST(genre AS BLOB), files FROM spelling WHERE files > 0"
_IS_MORE = "SELECT 1 FROM file LIMIT 1 OFFSET ?"
_NAMES = "SELECT folder.path, file.name FROM file JOIN folder ON folder.id = file.folder"


@dataclass(frozen=True, slots=True)
class Census:
    """What a state knew of genres at one time.

    Attributes:
        counts: genre to the number of files that hold it.
        few: the files that it knew, if they are few; None for many.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    few: tuple[Path, ...] | None = ()


def census_of(store: Store, *, few: int) -> Census:
    """What a state knows now, in a few milliseconds however large the library is.

    Args:
        store: the state.
        few: with fewer files than this, they are named.

    Raises:
        StateError: it cannot be read.
    """
    with store.reading() as connection:
        counts = {}
        for genre, n_files in connection.execute(_COUNTS):
            try:
                counts[genre.decode()] = n_files
            except UnicodeDecodeError:  # a lone surrogate, which no file shall be given
                continue
        if connection.execute(_IS_MORE, (few - 1,)).fetchone():
            return Census(counts, None)
        names = [
            Path(os.fsdecode(folder), os.fsdecode(name))
            for folder, name in connection.execute(_NAMES)
        ]
    return Census(counts, tuple(names))
