"""Nested mappings -> frozen records whose every field is known, typed and in range."""

import contextlib
import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from tagger.errors import InputError


def choose(field_name: str, name: str, known: Iterable[str]) -> str:
    """The name, if it is one of the known ones.

    Raises:
        InputError: it is none of them; the message has the nearest.
    """
    names = list(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(names)}."
    raise InputError(f"{field_name}: {name!r} is unknown.{hint}")


def check_range(field_name: str, value: float, low: float, high: float | None = None) -> None:
    """Make sure that a number lies in low..high.

    Raises:
        InputError: it does not.
    """
    # NaN is neither above nor below a bound.
    if not value >= low or (high is not None and not value <= high):
        bounds = f"at least {low}" if high is None else f"in {low}..{high}"
        raise InputError(f"{field_name}: {value} is not {bounds}.")


def build(kind: Any, tree: Any, *, where: str) -> Any:
    """A record from a mapping of its fields.

    Args:
        kind: the dataclass to make.
        tree: its fields; one that is a record already is taken as it is.
        where: the dotted name of the record with a dot after it, '' for the root.

    Raises:
        InputError: a field is unknown, of the wrong type, or out of range.
    """
    if dataclasses.is_dataclass(tree):
        return tree
    if not isinstance(tree, Mapping):
        raise InputError(f"{where.rstrip('.')}: expected fields and values, not {tree!r}")
    hints = get_type_hints(kind)
    values = {}
    for key, value in tree.items():
        if key not in hints:
            near = nearest(str(key), kind)
            hint = f"; did you mean {where}{near}?" if near else ""
            raise InputError(f"the configuration has no field {where}{key}{hint}")
        values[key] = _typed(hints[key], value, where=f"{where}{key}")
    try:
        return kind(**values)
    except ValueError as error:  # the records of front ends and bodies know no InputError
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where.rstrip('.') or 'the configuration'}: {error}") from error


def nearest(key: str, kind: Any) -> str | None:
    """The dotted name that was probably meant by an unknown field of a record."""
    names = list(_dotted(kind))
    for name in names:  # the right word at the wrong depth
        if name.rpartition(".")[2] == key:
            return name
    by_last = {name.rpartition(".")[2]: name for name in reversed(names)}
    near = difflib.get_close_matches(key, by_last, n=1)
    return by_last[near[0]] if near else None


def _dotted(kind: Any) -> Iterator[str]:
    for name, hint in get_type_hints(kind).items():
        yield name
        if dataclasses.is_dataclass(hint):
            yield from (f"{name}.{inner}" for inner in _dotted(hint))


def _typed(kind: Any, value: Any, *, where: str) -> Any:
    if kind is Any or isinstance(kind, UnionType):
        return value
    if dataclasses.is_dataclass(kind):
        return build(kind, value, where=f"{where}.")
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise InputError(f"{where}: expected a list, not {value!r}")
        inner = get_args(kind)
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
        if len(kinds) != len(value):
            raise InputError(f"{where}: expected {len(kinds)} values, not {len(value)}")
        pairs = zip(kinds, value, strict=True)
        return tuple(_typed(pair, item, where=where) for pair, item in pairs)
    if get_origin(kind) is Mapping:
        return _typed_entries(get_args(kind)[1], value, where=where)
    if kind is float and isinstance(value, int | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            return float(value)  # YAML 1.1 reads 3e-3 as text
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise InputError(f"{where}: expected {kind.__name__}, not {value!r}")
    return value


def _typed_entries(kind: Any, value: Any, *, where: str) -> dict[str, Any]:
    """A table of names; YAML reads some names as numbers or flags."""
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected names and values, not {value!r}")
    for name in value:
        if not isinstance(name, str):
            raise InputError(f"{where}: {name!r} is no name; put it in quotes.")
    return {name: _typed(kind, item, where=f"{where}.{name}") for name, item in value.items()}


def put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a field by its dotted name.

    Raises:
        InputError: what stands before a dot has no fields.
    """
    *parents, last = dotted.split(".")
    for i, parent in enumerate(parents):
        if tree.get(parent) is None:  # named in a file, with nothing below it
            tree[parent] = {}
        tree = tree[parent]
        if not isinstance(tree, dict):
            before = ".".join(parents[: i + 1])
            raise InputError(f"{dotted}: {before} is {tree!r}, which has no fields.")
    tree[last] = value


def flat(tree: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A nested mapping with dotted names; an empty one counts for nothing."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found


def plain(value: Any) -> Any:
    """Records and tuples as dicts and lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
