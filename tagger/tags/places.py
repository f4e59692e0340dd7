"""The places in which a file says its genre: what they say together, and whether they agree.

Readers ask different places first. What stands in any of them is there for somebody.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from tagger.tags.fields import PLACEHOLDERS

_MARKS = re.compile(r"[;/,|\\]")


@dataclass(frozen=True, slots=True)
class Place:
    """One place and what it says.

    Attributes:
        genres: each value one entry; none where there is no genre.
        is_code: it holds one genre out of a list, whatever the others are.
    """

    genres: tuple[str, ...]
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class GenrePlaces:
    """What a file says of its genre.

    Attributes:
        places: every place in which one can stand, the one that counts first in front.
        is_as_asked: the spelling is that of the style: version, joined or not, RIFF INFO.
        placeholders: what says no genre, in the style's words.
    """

    places: tuple[Place, ...]
    is_as_asked: bool = True
    placeholders: tuple[str, ...] = PLACEHOLDERS

    @property
    def genres(self) -> tuple[str, ...]:
        """What the first place says, and what only others say behind it.

        A code says what a list has for a genre that is spelled out elsewhere: it counts where
        it is alone, or beside nothing but placeholders.
        """
        texts = [place.genres for place in self.places if place.genres and not place.is_code]
        if not texts:
            return next((place.genres for place in self.places if place.genres), ())
        if self._says_nothing(genre for genres in texts for genre in genres):
            codes = (place.genres for place in self.places if place.is_code and place.genres)
            texts += [genres for genres in codes if not self._says_nothing(genres)][:1]
        together = list(texts[0])
        for genres in texts[1:]:
            held = set(_parts(together)) | {genre.casefold() for genre in together}
            # What is there already as a part of a joined name (`Rock/Pop`) is not added once
            # more.
            together += [genre for genre in genres if not held.issuperset(_parts([genre]))]
        return tuple(together)

    @property
    def is_consistent(self) -> bool:
        """Whether nothing is left to do where a file shall hold what it says."""
        return self.is_as_asked and all(agrees(place, self.genres) for place in self.places)

    def _says_nothing(self, genres: Iterable[str]) -> bool:
        words = _folded(self.placeholders)
        return all(genre.strip().casefold() in words for genre in genres)


@cache
def _folded(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.strip().casefold() for word in words)


def agrees(place: Place, genres: Sequence[str]) -> bool:
    """Whether a place says these genres, and no other."""
    if not place.genres:
        return True
    # A list of codes knows a handful of genres: it agrees if its one is among ours.
    if place.is_code:
        return {letters_of(genre) for genre in place.genres} <= {
            letters_of(genre) for genre in genres
        }
    return _parts(place.genres) == _parts(genres)


def letters_of(genre: str) -> str:
    """What spellings of one genre in lists of codes have in common."""
    return re.sub(r"[\W_]", "", genre).casefold()


def _parts(genres: Iterable[str]) -> list[str]:
    """The names in genres, joined ones apart, for comparing."""
    parts = (part.strip().casefold() for genre in genres for part in _MARKS.split(genre))
    return [part for part in parts if part]
