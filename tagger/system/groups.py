"""Items a few at a time."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def distinct_groups(
    items: Iterable[Item], *, at_most: int, key: Callable[[Item], Hashable]
) -> Iterator[list[Item]]:
    """A few consecutive items at a time, no two of which have the same key.

    Args:
        items: read no further ahead than one item.
        at_most: items a group.
        key: of an item.
    """
    group: list[Item] = []
    keys: set[Hashable] = set()
    for item in items:
        if len(group) == at_most or key(item) in keys:
            yield group
            group, keys = [], set()
        group.append(item)
        keys.add(key(item))
    if group:
        yield group
