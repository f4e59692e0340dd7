"""What each setting may be: one check a key, which returns the value or says what is wrong."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tagger.errors import InputError
from tagger.genres.rules import LETTER_CASES, TREE_LEVELS
from tagger.model.label_tree import GENRE_KIND, LABEL_KINDS
from tagger.tags.fields import field_named

_OTHER_KINDS = tuple(kind for kind in LABEL_KINDS if kind != GENRE_KIND)


class WrongValueError(ValueError):
    """A value that cannot be; `entry` names the one of a table."""

    def __init__(self, message: str, entry: str | None = None) -> None:
        super().__init__(message)
        self.entry = entry


def nearest(name: str, names: Sequence[str]) -> str:
    """' (did you mean ...?)' or the list of all, to be put behind a message."""
    return close_to(name, names) or f" (there are: {', '.join(names)})"


def close_to(name: str, names: Iterable[str]) -> str:
    """' (did you mean ...?)', or nothing if no name is like it; capitals make no difference."""
    folded = {other.casefold(): other for other in names}
    # 0.6 finds one wrong or missing letter in five.
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""


def _number(value: Any) -> int:
    # To Python true is a number, in a file of settings it is a mistake.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100:
        raise WrongValueError(f"is {value!r}, and must be a whole number from 1 to 100")
    return value


def _one_of(names: Sequence[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in names:
            raise WrongValueError(
                f"is {value!r}, which is not allowed{nearest(str(value), names)}"
            )
        return str(value)

    return check


def _field(value: Any, entry: str | None = None) -> str:
    name = _name(value, entry)
    try:
        return field_named(name).name
    except InputError as error:
        raise WrongValueError(f"cannot be written: {str(error).rstrip('.')}", entry) from None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValueError(f"is {value!r}, and must be true or false")
    return value


def _version(value: Any) -> Any:
    if value == "keep" or (isinstance(value, int) and value in {3, 4}):
        return value
    raise WrongValueError(f'is {value!r}, and must be "keep", 3 or 4')


def _separator(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise WrongValueError(f"is {value!r}, and must be a separator such as '; ' or ' / '")
    return value


def _second(value: Any) -> Mapping[str, Any]:
    checks = {"field": _field, "labels": _names, "kind": _kinds}
    given = _table(value)
    for key in given:
        if key not in checks:
            raise WrongValueError(
                f"is not a key of this table{nearest(key, tuple(checks))}", key
            )
    return {key: checks[key](value, key) for key, value in given.items()}


SERVE_KEYS = (
    "folder", "database", "objects", "data", "workers", "token_file", "host", "port", "model",
    "device", "state",
)  # fmt: skip
"""Options of `tagger serve` that the environment and [serve] may give as well."""


def _serve(value: Any) -> Mapping[str, Any]:
    given = _table(value)
    for key, option in given.items():
        if key not in SERVE_KEYS:
            raise WrongValueError(f"is not a key of this table{nearest(key, SERVE_KEYS)}", key)
        kind = int if key in {"workers", "port"} else str
        if not isinstance(option, kind) or isinstance(option, bool):
            what = "a whole number" if kind is int else "a text"
            raise WrongValueError(f"is {option!r}, and must be {what}", key)
    return given


def _kinds(value: Any, entry: str | None = None) -> tuple[str, ...]:
    kinds = _names([value] if isinstance(value, str) else value, entry)
    for kind in kinds:
        if kind not in _OTHER_KINDS:
            raise WrongValueError(
                f"holds {kind!r}, which is not a kind of label beside genre"
                f"{nearest(kind, _OTHER_KINDS)}",
                entry,
            )
    return kinds


def _name(value: Any, entry: str | None = None) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise WrongValueError(f"holds {value!r}, which is not a name", entry)
    return value.strip()


def _names(value: Any, entry: str | None = None) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise WrongValueError(f"is {value!r}, and must be a list of names", entry)
    return tuple(_name(name, entry) for name in value)


def _marks(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(mark, str) and mark for mark in value):
        raise WrongValueError(f"is {value!r}, and must be a list of separators such as '/'")
    return tuple(value)


def _patterns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise WrongValueError(f"is {value!r}, and must be a list of patterns such as '*.wav'")
    for pattern in value:
        if not isinstance(pattern, str) or not pattern.strip(" !/.") or "\0" in pattern:
            raise WrongValueError(f"holds {pattern!r}, which is not a name or pattern of files")
    return tuple(value)


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WrongValueError(
            f"is {value!r}, and must be a table: a line [KEY], then NAME = VALUE"
        )
    return value


def _aliases(value: Any) -> Mapping[str, str]:
    return {name: _name(target, name) for name, target in _table(value).items()}


def _tree(value: Any) -> Mapping[str, tuple[str, ...]]:
    given = {k: [v] if isinstance(v, str) else v for k, v in _table(value).items()}
    return {name: _names(parents, name) for name, parents in given.items()}


def _thresholds(value: Any) -> Mapping[str, float]:
    thresholds = {}
    for label, score in _table(value).items():
        # 0 would give every track every label; 1 is how a label is switched off.
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 < score <= 1:
            raise WrongValueError(
                f"is {score!r}, and must be a score above 0 and up to 1", label
            )
        thresholds[label] = float(score)
    return thresholds


NAME_LISTS = ("allow", "block", "protected", "placeholders", "spellings")

CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "max_genres": _number,
    "tree_level": _one_of(TREE_LEVELS),
    "letter_case": _one_of(LETTER_CASES),
    "field": _field,
    "provenance": _flag,
    "id3v2_version": _version,
    "id3v23_separator": _separator,
    "wav_info": _flag,
    "mp4_compat": _flag,
    "remember_embeddings": _flag,
    "auto_learn": _flag,
    "read_as_several": _marks,
    "exclude": _patterns,
    **dict.fromkeys(NAME_LISTS, _names),
    "aliases": _aliases,
    "tree": _tree,
    "thresholds": _thresholds,
    "second": _second,
    "serve": _serve,
}


def checked_patterns(patterns: Sequence[str], *, option: str) -> tuple[str, ...]:
    """Patterns of files that are left out.

    Raises:
        InputError: one of them is none; the message names the option.
    """
    try:
        return _patterns(list(patterns))
    except WrongValueError as wrong:
        raise InputError(f"{option}: it {wrong}.") from None
