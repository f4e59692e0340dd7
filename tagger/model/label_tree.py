"""A model's labels among themselves: a tree from specific to general, and a kind for each."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

LabelKind = Literal["genre", "mood", "voice", "instrument"]
LABEL_KINDS: tuple[LabelKind, ...] = ("genre", "mood", "voice", "instrument")
GENRE_KIND: LabelKind = "genre"


def line_above(label: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """The more general names above a label, the nearest first; a circle is gone round once."""
    line: list[str] = []
    name = label
    while (above := parents.get(name)) is not None and above not in (label, *line):
        line.append(above)
        name = above
    return tuple(line)


def pruned(
    labels: Sequence[str], parents: Mapping[str, str], kinds: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The part of a tree, and of the kinds, that says something of these labels.

    A name between two labels stays, though no score is its own: what is below it is still
    what it says.
    """
    needed = {name for label in labels for name in (label, *line_above(label, parents))}
    return (
        {name: above for name, above in parents.items() if name in needed},
        {label: kind for label, kind in kinds.items() if label in set(labels)},
    )


def tree_contradictions(
    labels: Sequence[str], parents: Mapping[str, Any], kinds: Mapping[str, Any]
) -> list[str]:
    """What cannot be true of a tree and of kinds; empty when all is well."""
    contradictions = [
        f"the parent of {name!r} is {above!r}, which is not a name"
        for name, above in parents.items()
        if not isinstance(above, str) or not above.strip()
    ]
    if contradictions:
        return contradictions
    reached = {name for label in labels for name in (label, *line_above(label, parents))}
    contradictions += [
        f"parents names {name!r}, which is neither a label nor above one"
        for name in parents
        if name not in reached
    ]
    contradictions += [
        f"the tree leads from {name!r} back to it"
        for name in parents
        if _is_in_circle(name, parents)
    ]
    return contradictions + _wrong_kinds(labels, parents, kinds)


def _is_in_circle(name: str, parents: Mapping[str, str]) -> bool:
    # The line stops before it repeats: whether it would is whether its end leads back.
    above = line_above(name, parents)
    return parents.get(above[-1] if above else name) == name


def _wrong_kinds(
    labels: Sequence[str], parents: Mapping[str, str], kinds: Mapping[str, Any]
) -> list[str]:
    names = set(labels)
    contradictions = [
        f"kinds names {name!r}, which is no label" for name in kinds if name not in names
    ]
    contradictions += [
        f"the kind of {name!r} is {kind!r}, not one of {', '.join(LABEL_KINDS)}"
        for name, kind in kinds.items()
        if not isinstance(kind, str) or kind not in LABEL_KINDS
    ]
    contradictions += [
        f"{label!r} is a {kinds.get(label, GENRE_KIND)} under {above!r}, a"
        f" {kinds.get(above, GENRE_KIND)}"
        for label in labels
        for above in line_above(label, parents)
        if above in names and kinds.get(label, GENRE_KIND) != kinds.get(above, GENRE_KIND)
    ]
    return contradictions
