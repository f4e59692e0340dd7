"""What ID3's genre strings mean, and how a genre is spelled as one.

ID3v2 inherited the numbers of ID3v1: `(17)`, `17`, `(RX)` and `CR` stand for words, and a text
that begins with a bracket has another one in front of it. What is in no list is what it says.
Formats: https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-frames.
"""

import re
from collections.abc import Sequence

from mutagen.id3 import TCON

from tagger.tags.fields import Style, kept
from tagger.tags.places import letters_of
from tagger.tags.undecoded import shown

NO_GENRE = 255
"""ID3v1's code for a track without a genre."""

_REFERENCE = re.compile(r"\(([0-9]+|RX|CR)\)")
_NUMBER = re.compile(r"[0-9]{1,3}")
_WORDS = {"RX": "Remix", "CR": "Cover"}
_CODES = {letters_of(name): code for code, name in enumerate(TCON.GENRES)}


def expanded(texts: Sequence[str]) -> tuple[str, ...]:
    """The genres that ID3 strings mean; a number that is in no list stays as it stands."""
    return kept(genre for text in texts for genre in _meant(text))


def spelled(genre: str) -> str:
    """The genre so that a reader of ID3's old numeric forms gets it back.

    Raises:
        ValueError: no spelling of it is read back.
    """
    for candidate in (genre, "(" + genre):
        # By two readers: our own and mutagen, which others build on.
        if _meant(candidate) == TCON(encoding=3, text=[candidate]).genres == [genre]:
            return candidate
    raise ValueError(f"the genre {genre!r} means something else in ID3")


def spelled_as_before(genres: Sequence[str], old: Sequence[str]) -> list[str]:
    """The strings of genres: the old ones that mean them, letter by letter, or new ones.

    An old string that means several genres stands for them where they follow one another.
    """
    meant = [(text, names) for text in old if (names := expanded([shown(text)]))]
    strings: list[str] = []
    rest = tuple(genres)
    while rest:
        # `(17)` in the file stays `(17)`: who reads it sees Rock before and after.
        as_it_stands = (genre for genre in meant if rest[: len(genre[1])] == genre[1])
        text, spelling = next(as_it_stands, None) or (spelled(rest[0]), rest[:1])
        strings.append(text)
        rest = rest[len(spelling) :]
    return strings


def spelled_in_one(genres: Sequence[str], old: Sequence[str], style: Style) -> list[str]:
    """The same for a version that joins all to one string.

    References count at the start of a string only, and all that follows is one name then:
    beside others they become the words that they mean.
    """
    mark = style.separator.strip()
    parts = [part.strip() for text in old for part in (text.split(mark) if mark else [text])]
    if len(genres) == 1:
        return spelled_as_before(genres, parts)
    strings: list[str] = []
    for genre in genres:
        as_it_stands = (
            part
            for part in parts
            if shown(part) in (genre, "(" + genre)
            and _meant(shown(part)) == [genre]
            and (strings or not _REFERENCE.match(part))
        )
        strings.append(next(as_it_stands, None) or spelled(genre))
    return strings


def id3v1_genre(code: int) -> tuple[str, ...]:
    """The genre of a code of ID3v1; none for codes that are in no list."""
    return (TCON.GENRES[code],) if 0 <= code < len(TCON.GENRES) else ()


def id3v1_code(genres: Sequence[str]) -> int:
    """The code of the first genre that has one, whatever its case and hyphens."""
    keys = map(letters_of, genres)
    return next((_CODES[key] for key in keys if key in _CODES), NO_GENRE)


def _meant(text: str) -> list[str]:
    """The genres of one string: a number, or references and then a name."""
    if _NUMBER.fullmatch(text) or text in _WORDS:
        word = _word(text)
        return [text] if word is None else [word] * bool(word)
    names: list[str] = []
    while (reference := _REFERENCE.match(text)) and (word := _word(reference[1])) is not None:
        names.append(word)
        text = text[reference.end() :].lstrip()  # `(17) Rock` is `(17)Rock`
    # A doubled bracket is a bracket that begins a name.
    names.append(text[1:] if text.startswith("((") else text)
    # Old taggers wrote reference and word, `(17)Rock`, for one genre.
    first: dict[str, str] = {}
    for genre in names:
        first.setdefault(genre.casefold(), genre)
    return [genre for genre in first.values() if genre]


def _word(reference: str) -> str | None:
    """What a number or an abbreviation means; '' for no genre, None for what is in no list."""
    if not reference.isdecimal():
        return _WORDS[reference]
    code = int(reference)
    if code == NO_GENRE:
        return ""
    return TCON.GENRES[code] if code < len(TCON.GENRES) else None
