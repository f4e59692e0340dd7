"""A value that is costly to find, kept for as long as its cost is worth."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_SHARE = 0.1
"""Of the time, that is spent on finding it, however often it is asked for."""


class Remembered(Generic[T]):
    """The last value, until ten times as long have passed as it took. For several threads."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._lock = threading.Lock()
        self._value: T | None = None
        self._until_s = 0.0

    def get(self, find: Callable[[], T]) -> T:
        """The value, found anew if it is too old; others wait for it meanwhile."""
        with self._lock:
            started_s = time.monotonic()
            if self._value is None or started_s > self._until_s:
                self._value = find()
                now_s = time.monotonic()
                self._until_s = now_s + (now_s - started_s) / _SHARE
            return self._value
