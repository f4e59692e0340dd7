"""How the files of a library spell genres: from the state, and where it knows few, a sample."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import InputError, StateError
from tagger.genres.spelling import SAMPLE, Spelling, count_sample
from tagger.state.spellings import Census, census_of
from tagger.state.store import Store


def library_spelling(
    store: Store | None, list_tracks: Callable[[], Iterable[Path]]
) -> Spelling:
    """The spellings of the files that are scanned, found out when the first name is written.

    Args:
        store: the state, as it is when the scan begins; None without one.
        list_tracks: walks over the files of the scan once more.
    """
    try:
        census = Census() if store is None else census_of(store, few=SAMPLE)
    except StateError:  # the scan meets it again, and says so
        census = Census()
    return Spelling(_Count(census, list_tracks))


@dataclass(frozen=True, slots=True)
class _Count:
    """Counts genres when it is called."""

    census: Census
    list_tracks: Callable[[], Iterable[Path]]

    def __call__(self) -> Mapping[str, int]:
        """Each genre with the number of files that hold it."""
        if (few := self.census.few) is None:
            return self.census.counts
        try:  # `resolve` would ask the disk
            tracks = (Path(os.path.abspath(track)) for track in self.list_tracks())  # noqa: PTH100
        except InputError:  # what was to be scanned is gone by now: the scan says so
            return self.census.counts
        return Counter(self.census.counts) + count_sample(tracks, few)
