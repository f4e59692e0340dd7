"""What a thread is told of while nobody asks: a bounded set of paths."""

import threading
from collections.abc import Iterable

MAX_TOLD = 5_000
"""Paths that are kept until somebody asks; with more, all that is known is that there are."""


class Told:
    """Paths, from a thread that hears of them to one that is busy for minutes at a time.

    Attributes:
        ended: to be set by whoever takes, when nothing more is to be heard.
    """

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._news = threading.Condition()
        self._paths: set[str] = set()
        self._are_too_many = self._has_begun = self._is_over = False
        self._problem: Exception | None = None

    def listen(self, events: Iterable[set[str]]) -> None:
        """Take paths down until there are no more; to be run by a thread.

        Args:
            events: the paths; first some, or none, as soon as all changes are heard of.
        """
        try:
            for paths in events:
                if self.ended.is_set():
                    break
                with self._news:
                    self._has_begun = True
                    self._add(paths)
                    self._news.notify()
        except Exception as error:  # noqa: BLE001 - raised by `take`
            self._problem = error
        finally:
            with self._news:
                self._is_over = True
                self._news.notify()

    def take(self, wait_s: float) -> set[str] | None:
        """The paths that came since the last call, after some waiting if there are none.

        Args:
            wait_s: seconds that are waited for the first path.

        Returns:
            Paths, none perhaps; None instead of so many that they were not kept.

        Raises:
            Exception: what the events ended with.
        """
        with self._news:
            self._news.wait_for(self._has_news, wait_s)
            if self._problem is not None:
                raise self._problem
            paths, self._paths = self._paths, set()
            are_too_many, self._are_too_many = self._are_too_many, False
        return None if are_too_many else paths

    def is_heard(self, wait_s: float) -> bool:
        """Whether all changes are heard of by now, or nothing more will be; waits for it."""
        with self._news:
            return self._news.wait_for(lambda: self._has_begun or self._is_over, wait_s)

    def _has_news(self) -> bool:
        return bool(self._paths) or self._are_too_many or self._is_over

    def _add(self, paths: set[str]) -> None:
        if not self._are_too_many:
            self._paths |= paths
        if len(self._paths) > MAX_TOLD:
            self._paths, self._are_too_many = set(), True
