"""Genres as files spell them -> the labels that are learned, and those that are left out."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tagger.errors import InputError
from tagger.genres.rules import (
    GenreRules,
    ancestors,
    canonical,
    fold,
    read_apart,
    spelling_key,
    unique,
)
from tagger.settings.values import close_to

MIN_TRACKS = 8
MIN_ARTISTS = 2
"""Artists that a label needs: whether it was learned shows on those that are held out."""

MAX_LABELS = 1000
_ONE_ARTIST = "all its tracks are by one artist, so that nothing shows whether it was learned"
_LONGEST = 60
_MOST_WORDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyOptions:
    """Which labels are learned.

    Attributes:
        min_tracks: fewer tracks than this teach no label.
        include: the only ones; empty for all.
        exclude: those that are not learned.
    """

    min_tracks: int = MIN_TRACKS
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A label that is not learned, and why."""

    label: str
    n_tracks: int
    reason: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The labels that are learned, most tracks first.

    Attributes:
        labels: as they are spelled most often, or as the owner spells them.
        left_out: the others.
        columns: `spelling_key` of a label to its place in `labels`.
    """

    labels: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    columns: Mapping[str, int] = field(default_factory=dict)


def names_of(genres: Iterable[str], rules: GenreRules) -> tuple[str, ...]:
    """What the genres of a file mean: taken apart, by their aliases, without placeholders."""
    parts = [part for genre in genres for part in read_apart(genre, rules)]
    names = (canonical(part.strip(), rules) for part in parts if part.strip())
    return unique(name for name in names if not rules.say_nothing([name]))


def with_ancestors(names: Sequence[str], rules: GenreRules) -> tuple[str, ...]:
    """The names and all that stand above them: what is techno is electronic."""
    return unique(genre for name in names for genre in (name, *ancestors(name, rules)))


def with_implied_tree(rules: GenreRules, names: Iterable[str]) -> GenreRules:
    """The rules, with genres under those that their last words are: death metal is metal.

    An audit reads genres in the same way. A genre whose parents the owner has named has no
    other ones.

    Args:
        rules: the owner's.
        names: all genres of a library.
    """
    spelled = {spelling_key(name): name for name in sorted(set(names))}
    tree = dict(rules.tree)
    for name in spelled.values():
        words = re.split(r"[\s\-]+", name.strip())
        tails = (spelling_key(" ".join(words[start:])) for start in range(1, len(words)))
        above = next((spelled[tail] for tail in tails if tail in spelled), None)
        if above is not None and fold(name) not in tree:
            line = (above, *ancestors(above, replace(rules, tree=tree)))
            # Else `rock metal` and `metal rock` would stand above each other.
            if fold(name) not in map(fold, line):
                tree[fold(name)] = (above,)
    return replace(rules, tree=tree)


def choose_vocabulary(
    tracks: Iterable[tuple[str, Sequence[str]]], rules: GenreRules, options: VocabularyOptions
) -> Vocabulary:
    """Which labels a library can teach.

    Args:
        tracks: (artist, names) of each, as `names_of` and `with_ancestors` give them.
        rules: the owner's spellings.
        options: which labels may be learned.

    Raises:
        InputError: there is none, or nothing to tell apart; the message says why.
    """
    counts: Counter[str] = Counter()
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    artists: defaultdict[str, set[str]] = defaultdict(set)
    n_tracks = 0
    for artist, names in tracks:
        n_tracks += 1
        for name in names:
            spellings[spelling_key(name)][name] += 1
            artists[spelling_key(name)].add(artist)
        # A set: a track that spells one genre in two ways counts once.
        counts.update({spelling_key(name) for name in names})
    best = {key: _best_spelling(spelled, rules) for key, spelled in spellings.items()}
    left_out: list[LeftOut] = []
    kept: list[str] = []
    for key, count in sorted(counts.items(), key=lambda item: (-item[1], best[item[0]])):
        reason = _why_not(best[key], count, len(artists[key]), n_tracks, options)
        if reason is None and len(kept) == MAX_LABELS:
            reason = f"it is not among the {MAX_LABELS} most frequent"
        if reason is None:
            kept.append(key)
        else:
            left_out.append(LeftOut(best[key], count, reason))
    if not kept:
        raise InputError(_why_none(left_out, n_tracks))
    labels = tuple(best[key] for key in kept)
    return Vocabulary(labels, tuple(left_out), {key: i for i, key in enumerate(kept)})


def of_no_track(option: str, asked: Iterable[str], there: Collection[str]) -> Iterator[str]:
    """A sentence for each genre that was asked for and that no track has.

    Args:
        option: that named them.
        asked: the genres.
        there: those of all tracks, with what stands above them.
    """
    known = set(map(spelling_key, there))
    for name in asked:
        if spelling_key(name) not in known:
            hint = close_to(name, there)
            yield f"{option} {name}: no track has that label{hint}; it is ignored."


def _best_spelling(counts: Counter[str], rules: GenreRules) -> str:
    """The owner's spelling, else the most frequent one."""
    common = min(counts, key=lambda name: (-counts[name], name))
    return rules.spellings.get(fold(common), common)


def _why_not(
    name: str, n_tracks: int, n_artists: int, n_all: int, options: VocabularyOptions
) -> str | None:
    """Why a label cannot be learned, as the end of a sentence; None if it can be tried."""
    key = spelling_key(name)
    tracks = "track has" if n_tracks == 1 else "tracks have"
    reasons = {
        "--include does not name it": bool(options.include)
        and key not in set(map(spelling_key, options.include)),
        "--exclude names it": key in set(map(spelling_key, options.exclude)),
        "it is a sentence and no label": len(name) > _LONGEST
        or len(name.split()) > _MOST_WORDS,
        f"only {n_tracks} {tracks} it, and {options.min_tracks} are needed": n_tracks
        < options.min_tracks,
        _ONE_ARTIST: n_artists < MIN_ARTISTS,
        "every track has it, so that there is nothing to tell it from": n_tracks == n_all,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _why_none(left_out: Sequence[LeftOut], n_tracks: int) -> str:
    """What the owner should know, and do, where no label is left."""
    asked = [label for label in left_out if not label.reason.startswith("--")]
    if left_out and not asked:
        there = ", ".join(f"{label.label} ({label.n_tracks})" for label in left_out[:3])
        return (
            "no track has a label that --include and --exclude leave; the most frequent ones"
            f" are {there}."
        )
    if not left_out:
        return (
            f"no label stands in the {n_tracks} tracks; tag some of them, or name a corrected"
            " report with --labels-from."
        )
    first = asked[0]
    if first.reason.startswith("every track"):
        return (
            f"there is nothing to tell {first.label!r} from: all {n_tracks} tracks have it; add"
            " music that does not."
        )
    which = "the only label" if len(asked) == 1 else f"the most frequent of {len(asked)} labels"
    return (
        f"there is too little to learn from. {first.label!r} is {which}: {first.reason};"
        f" {_remedy(first.reason)}."
    )


def _remedy(reason: str) -> str:
    """What makes a label of one that was left out, as the end of a sentence."""
    if reason == _ONE_ARTIST:
        return (
            "add music by a second artist to it (files without an artist's name in their tags"
            " count as one artist a folder)"
        )
    lower = "--min-tracks lowers that, and " if "are needed" in reason else ""
    return f"{lower}`aliases` in the settings joins spellings"
