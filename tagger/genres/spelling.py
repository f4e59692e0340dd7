"""How a library spells its genres, so that no scan adds a second spelling of one.

What is known of the library counts as it was when the scan began: the same files, asked again,
give the same answer whatever is found out meanwhile. Where little is known yet, the tags of a
sample of the files are read before the first name is chosen.
"""

import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from tagger.errors import TrackError
from tagger.genres.rules import GenreRules, read_apart, spelling_key
from tagger.tags import read_tags

FEWEST = 3
"""Files from which a spelling counts as this library's."""

SAMPLE = 1_000
"""Files whose tags are read where the state knows fewer: it takes a second, on a share ten."""

_MOST_WALKED = 200_000
_N_THREADS = 8
_LIMIT_S = 30.0
"""A share that does not answer must not keep the scan from saying so."""


class Spelling:
    """The usual spellings of a library, found out when the first name is to be written.

    May be asked by several threads.
    """

    def __init__(self, count: Callable[[], Mapping[str, int]]) -> None:
        """Count nothing yet.

        Args:
            count: gives the genres that the files hold, each with its number of files; called
                once, or never where nothing is to be written.
        """
        self._count = count
        self._lock = threading.Lock()
        self._usual: Mapping[str, str] | None = None

    def over(self, rules: GenreRules) -> GenreRules:
        """The rules with these spellings; those that the owner names come first."""
        with self._lock:
            if self._usual is None:
                self._usual = usual_spellings(self._count(), rules)
        return replace(rules, usual=self._usual) if self._usual else rules


def no_spelling() -> Spelling:
    """That of no library: genres are named as the model and the owner name them."""
    return Spelling(dict)


def usual_spellings(counts: Mapping[str, int], rules: GenreRules) -> dict[str, str]:
    """`spelling_key` to the spelling that a library uses, where there is one.

    It stands in at least `FEWEST` files and in more than any other spelling of the genre;
    otherwise none is this library's.

    Args:
        counts: the genres that files hold, each with its number of files.
        rules: the owner's, which say what one string stands for and what is no genre.
    """
    groups: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for genre, n_files in counts.items():
        for part in read_apart(genre, rules):
            if _is_plain(part) and not rules.say_nothing([part]):
                groups[spelling_key(part)][part.strip()] += n_files
    usual = {}
    for key, spellings in groups.items():
        (first, most), *others = spellings.most_common(2)
        # Of two that are equally frequent neither is the library's own.
        if most >= FEWEST and (not others or most > others[0][1]):
            usual[key] = first
    return usual


def _is_plain(genre: str) -> bool:
    """Whether nothing in a genre is damage, or a sign that no one sees."""
    return genre.isprintable() and "\ufffd" not in genre


def count_sample(
    tracks: Iterable[Path], counted: Iterable[Path], *, limit_s: float = _LIMIT_S
) -> Counter[str]:
    """The genres of a sample of files: the first of each folder, then the second, and so on.

    Args:
        tracks: all files of the library, folder by folder.
        counted: files that count already.
        limit_s: what has not answered by then is left out.
    """
    is_counted = set(counted)
    chosen = [path for path in _spread(tracks) if path not in is_counted]
    return _counted(iter(chosen[:SAMPLE]), limit_s)


def _spread(tracks: Iterable[Path]) -> list[Path]:
    """Files of a library, as many of one folder as of another, in a fixed order."""
    ranked: list[tuple[int, Path]] = []
    # A sample need not know the end of a library of millions.
    walked = itertools.islice(tracks, _MOST_WALKED)
    for _, files in itertools.groupby(walked, key=lambda path: path.parent):
        ranked += enumerate(files)
    return [path for _, path in sorted(ranked, key=lambda pair: pair[0])]


def _counted(paths: Iterator[Path], limit_s: float) -> Counter[str]:
    """Genres of files, read side by side; threads that hang are left behind."""
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                path = next(paths, None)
            if path is None:
                return
            try:
                genres = set(read_tags(path).genres)
            except TrackError:
                continue
            with lock:
                counts.update(genres)

    threads = [
        threading.Thread(target=work, name="spelling", daemon=True) for _ in range(_N_THREADS)
    ]
    until = time.monotonic() + limit_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    with lock:
        return Counter(counts)
