"""What the owner of a library wants genres to be called, and which of them are written.

Pure functions over names. Two names are the same genre when they differ in nothing but case
and outer blanks; `spelling_key` is the looser comparison that an audit uses.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tagger.genres.choose import Policy, merge_genres
from tagger.tags.fields import PLACEHOLDERS

TreeLevel = Literal["specific", "general", "both"]
TREE_LEVELS: tuple[TreeLevel, ...] = ("specific", "general", "both")
LetterCase = Literal["model", "title"]
LETTER_CASES: tuple[LetterCase, ...] = ("model", "title")

_SMALL_WORDS = frozenset({
    "a", "an", "and", "as", "at", "but", "by", "de", "du", "e", "et", "for", "from", "in", "la",
    "le", "n", "'n'", "nor", "of", "on", "or", "the", "to", "und", "with", "y",
})  # fmt: skip
_LONGEST_ACRONYM = 4
_WORD = re.compile(r"[^\s\-/&+.,()]+")
_AND = re.compile(
    r"\s*(?:&|\+|['\u2019]n['\u2019]?|\b(?:n|and|und)\b)\s*|(?<=\b[a-z])n(?=[a-z]\b)"
)


def fold(name: str) -> str:
    """The name for comparing: case and outer blanks do not count."""
    return name.strip().casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreRules:
    """The owner's rules; every key is folded (`fold`), every value spelled as it is written.

    Attributes:
        aliases: a name to the one that is written instead.
        tree: a name to its more general parents, the nearest.
        allow: the only genres that are written; None for all.
        block: genres that are never written.
        protected: genres that are never removed from a file.
        spellings: a name to its exact spelling, whatever `letter_case` says.
        usual: `spelling_key` of a name to the spelling that the library has already.
        tree_level: what was predicted (the most specific), its most general ancestors, or both.
        letter_case: as the model spells, or in title case.
        separators: what parts several genres in one string of a file.
        placeholders: what stands in a genre's place and says none.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    tree: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    allow: frozenset[str] | None = None
    block: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    spellings: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)
    tree_level: TreeLevel = "specific"
    letter_case: LetterCase = "model"
    separators: tuple[str, ...] = ()
    placeholders: frozenset[str] = frozenset(map(fold, PLACEHOLDERS))

    def say_nothing(self, names: Iterable[str]) -> bool:
        """Whether there is no genre among names; a protected placeholder is one."""
        return all(
            key in self.placeholders and key not in self.protected for key in map(fold, names)
        )


def spelling_key(name: str) -> str:
    """The name without what spellings differ in: 'Hip-Hop', 'hip hop' and 'HipHop' are one.

    So are 'Drum & Bass', 'drum n bass' and 'Drum and Bass', and 'R&B', 'RnB' and "R'n'B".
    """
    words = _AND.sub("and", name.casefold())
    return re.sub(r"[\W_]+", "", words) or fold(name)


def chosen_names(predicted: Sequence[str], rules: GenreRules, *, limit: int) -> tuple[str, ...]:
    """The genres that are written for what was predicted.

    Args:
        predicted: the labels that are believed, best first.
        rules: the owner's.
        limit: the most genres wanted.

    Returns:
        0..limit names without duplicates, in the order of `predicted`; of `both`, the specific
        ones come first. A name that may not be written gives way to its nearest ancestors
        that may. A name is not written beside one that is below it in the tree, unless both
        are asked for; the one below then stands where the other one stood.
    """
    # The order counts: aliases first, then the lists, the tree, the spelling, the limit.
    names = [canonical(name, rules) for name in predicted]
    writable = [genre for name in names for genre in specific_of(name, rules)]
    places: dict[str, int] = {}
    for place, name in enumerate(writable):
        places.setdefault(fold(name), place)
    specific = sorted(
        without_general(writable, rules), key=lambda genre: _place(genre, places, rules)
    )
    general = [above for name in names for above in general_of(name, rules)]
    by_level = {"specific": specific, "general": general, "both": [*specific, *general]}
    return unique(spelled(name, rules) for name in by_level[rules.tree_level])[:limit]


def _place(name: str, places: Mapping[str, int], rules: GenreRules) -> int:
    """The first place of a name and of what stands above it."""
    line = (name, *ancestors(name, rules))
    return min(places[fold(genre)] for genre in line if fold(genre) in places)


def without_general(names: Iterable[str], rules: GenreRules) -> tuple[str, ...]:
    """The names without those that stand above another one; in a circle none does."""
    distinct = unique(names)
    above = {fold(name): set(map(fold, ancestors(name, rules))) for name in distinct}
    return tuple(
        name
        for name in distinct
        if not any(
            fold(name) in line and key not in above[fold(name)] for key, line in above.items()
        )
    )


def canonical(name: str, rules: GenreRules) -> str:
    """The name after all aliases; of aliases that run in a circle, the first name."""
    current, seen = name, {fold(name)}
    while (target := rules.aliases.get(fold(current))) is not None:
        if fold(target) in seen:
            return target if fold(target) == fold(current) else name
        seen.add(fold(target))
        current = target
    return current


def ancestors(name: str, rules: GenreRules) -> tuple[str, ...]:
    """All more general names, the nearest first; never the name itself."""
    above: dict[str, str] = {}
    level = [name]
    while level:
        parents = [parent for genre in level for parent in rules.tree.get(fold(genre), ())]
        level = [parent for parent in parents if fold(parent) not in {fold(name), *above}]
        above |= {fold(parent): parent for parent in reversed(level)}
        level = list(unique(level))
    return tuple(above.values())


def may_write(name: str, rules: GenreRules) -> bool:
    """Whether the lists let a name into a file."""
    key = fold(name)
    return key not in rules.block and (rules.allow is None or key in rules.allow)


def specific_of(name: str, rules: GenreRules) -> tuple[str, ...]:
    """The name itself, or its nearest ancestors that may be written."""
    level, seen = [name], {fold(name)}
    while level:
        if usable := [genre for genre in level if may_write(genre, rules)]:
            return unique(usable)
        parents = [parent for genre in level for parent in rules.tree.get(fold(genre), ())]
        level = [parent for parent in parents if fold(parent) not in seen]
        seen |= {fold(parent) for parent in level}
    return ()


def general_of(name: str, rules: GenreRules) -> tuple[str, ...]:
    """The most general names above one, or itself, that may be written."""
    line = [genre for genre in (name, *ancestors(name, rules)) if may_write(genre, rules)]
    tops = [genre for genre in line if not _usable_above(genre, rules)]
    return unique(tops or line[:1])


def _usable_above(name: str, rules: GenreRules) -> bool:
    return any(may_write(ancestor, rules) for ancestor in ancestors(name, rules))


def spelled(name: str, rules: GenreRules) -> str:
    """The name as it is written: as the owner spells it, else as the library does."""
    if (exact := rules.spellings.get(fold(name))) is not None:
        return exact
    usual = rules.usual.get(spelling_key(name), name) if rules.usual else name
    # A spelling that the owner has blocked is not brought back by being usual.
    if fold(usual) in rules.block:
        usual = name
    return title_case(usual) if rules.letter_case == "title" else usual


def title_case(name: str) -> str:
    """'drum and bass' -> 'Drum and Bass'; short words in capitals (EDM, R&B) stay."""
    return _WORD.sub(lambda word: _titled(word[0], is_first=word.start() == 0), name)


def _titled(word: str, *, is_first: bool) -> str:
    if word.isupper() and len(word) <= _LONGEST_ACRONYM:
        return word
    if not is_first and word.casefold() in _SMALL_WORDS:
        return word.lower()
    first, rest = word[0].upper(), word[1:].lower()
    return first + rest if len(first) == 1 else word  # a letter without a capital of its own


def merged(
    previous: Sequence[str], predicted: Sequence[str], rules: GenreRules, *, policy: Policy
) -> tuple[str, ...]:
    """What a file holds after tagging: `merge_genres` with the owner's rules.

    Protected genres stay, in front of what is new, whatever the policy. A string that is read
    as several genres is compared as several, and stays as it stands unless `replace` replaces
    it. Placeholders are no genre that `fill` would keep.
    """
    if not predicted:
        return tuple(previous)
    if policy == "fill" and rules.say_nothing(previous):
        previous = ()
    parts = [part for genre in previous for part in read_apart(genre, rules)]
    if policy == "append":
        parents = {spelling_key(genre) for part in parts for genre in _implied(part, rules)}
        predicted = [genre for genre in predicted if spelling_key(genre) not in parents]
    if policy == "replace":
        new = {fold(genre) for genre in predicted}
        # What is predicted as well keeps the place that the prediction gives it.
        kept = [part for part in parts if fold(part) in rules.protected - new]
        predicted = unique([*kept, *predicted])
        if _alike(parts, rules) == _alike(predicted, rules):
            return tuple(previous)
    return merge_genres(previous, predicted, policy=policy)


def _implied(genre: str, rules: GenreRules) -> tuple[str, ...]:
    """What need not be added to a genre: itself, and what is above it unless that is wanted."""
    name = canonical(genre, rules)
    return (genre, name, *(ancestors(name, rules) if rules.tree_level == "specific" else ()))


def _alike(names: Iterable[str], rules: GenreRules) -> list[str]:
    """Names that are the same where another spelling is no reason to write a file.

    It is one where the owner has named the spelling.
    """
    exact = set(map(fold, rules.spellings.values()))
    return [fold(name) if fold(name) in exact else spelling_key(name) for name in names]


def read_apart(genre: str, rules: GenreRules) -> tuple[str, ...]:
    """The genres that one string of a file stands for; itself unless the owner said more."""
    if fold(genre) in rules.protected or not rules.separators:
        return (genre,)
    pattern = "|".join(re.escape(mark.strip() or mark) for mark in rules.separators)
    parts = tuple(part.strip() for part in re.split(pattern, genre) if part.strip())
    return parts or (genre,)


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """The names without those that differ from an earlier one in case only."""
    by_key: dict[str, str] = {}
    for name in names:
        by_key.setdefault(fold(name), name)
    return tuple(by_key.values())
