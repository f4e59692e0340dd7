"""Classes that a network's makers published -> labels of our tree, without a table of them."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from export.public.vocabulary import FOLDER, Label, Vocabulary, read_vocabulary
from tagger.errors import InputError
from tagger.genres.rules import spelling_key
from tagger.model.label_tree import GENRE_KIND

BETWEEN = "---"
"""Between a shelf of Discogs and a style on it, and between Jamendo's kinds and tags."""

_NO_MUSIC = "Non-Music"
_MANY = re.compile(r"[,/]")
_DECADE = re.compile(r"\d0s")
_KINDS = {
    "genre": GENRE_KIND, "mood": "mood", "theme": "mood", "instrument": "instrument",
    "voice": "voice",
}  # fmt: skip


def vocabulary_of(name: str, classes: Sequence[str]) -> Vocabulary:
    """Labels of published classes.

    AudioSet's are those of our table. "Electronic---House" is House below Electronic; a style
    that stands on several shelves is one label below none, a shelf that is several genres
    ("Funk / Soul") is above none, and what is no music is left out, as decades are. Names that
    our tables have are spelled, and kept in their kinds, as there.

    Args:
        name: of the network; says the kind of classes that do not tell it.
        classes: in the order of the scores.

    Raises:
        InputError: nothing tells of what kind the classes are, or none is left.
    """
    table = read_vocabulary("audioset")
    if set(classes) <= set(table.tags):
        return _by_table(table, classes)
    shelves = {
        spelling_key(class_.split(BETWEEN)[0]) for class_ in classes if BETWEEN in class_
    }
    labels: dict[str, Label] = {}
    for i, class_ in enumerate(classes):
        for label in _labels_of(class_, i, shelves, name):
            before = labels.get(label.name)
            labels[label.name] = label if before is None else _joined(before, label)
    if not labels:
        raise InputError(f"{name}: none of its {len(classes)} classes is a label.")
    return Vocabulary(name=name, tags=tuple(classes), labels=tuple(labels.values()))


def _by_table(table: Vocabulary, classes: Sequence[str]) -> Vocabulary:
    """The labels of a table whose tags are all there is, and more."""
    place = {tag: i for i, tag in enumerate(classes)}
    labels = []
    for label in table.labels:
        columns = tuple(place[table.tags[i]] for i in label.columns if table.tags[i] in place)
        if columns:
            labels.append(
                Label(name=label.name, kind=label.kind, parent=label.parent, columns=columns)
            )
    return Vocabulary(name=table.name, tags=tuple(classes), labels=tuple(labels))


def _labels_of(one: str, column: int, shelves: set[str], name: str) -> Iterator[Label]:
    """The label of a class; none for what is no music, and for decades."""
    shelf, _, rest = one.rpartition(BETWEEN)
    if shelf == _NO_MUSIC or _DECADE.fullmatch(rest):
        return
    kind = _kind_in(shelf)
    above = _spelled(shelf) if shelf and kind is None and not _MANY.search(shelf) else ""
    same = _known().get(spelling_key(rest))
    if same is not None and (kind is None or shelf == ""):
        kind = GENRE_KIND if shelf else same.kind
    kind = kind or (GENRE_KIND if shelf else _kind_in(name))
    if kind is None:
        raise InputError(f"{name}: nothing tells of what kind its class {one!r} is.")
    label = _spelled(rest)
    # What is a shelf itself stands under no other one.
    is_top = spelling_key(label) in shelves or spelling_key(label) == spelling_key(above)
    if not shelf and same is not None:
        above = same.parent
    yield Label(name=label, kind=kind, parent="" if is_top else above, columns=(column,))


def _joined(first: Label, second: Label) -> Label:
    """One label of two classes; two shelves are none."""
    return Label(
        name=first.name,
        kind=first.kind,
        parent=first.parent if first.parent == second.parent else "",
        columns=(*first.columns, *second.columns),
    )


def _kind_in(text: str) -> str | None:
    return next((kind for word, kind in _KINDS.items() if word in text.casefold()), None)


def _spelled(name: str) -> str:
    """As our tables spell it; else with a capital at the beginning of each word."""
    if (label := _known().get(spelling_key(name))) is not None:
        return label.name
    return " ".join(word if word[:1].isupper() else word.capitalize() for word in name.split())


@cache
def _known() -> dict[str, Label]:
    """All labels of our tables, by what spellings of them share."""
    tables = [read_vocabulary(path.stem) for path in sorted(FOLDER.glob("*.csv"))]
    return {spelling_key(label.name): label for table in tables for label in table.labels}
