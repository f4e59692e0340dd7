"""What threads have in hand, and which of them have had it for too long.

A thread that waits for a dead share cannot be ended. What it had in hand is taken away from
it: somebody else says that it failed, another thread takes its place, and should it ever wake
up, it learns that it is not wanted any more.
"""

import math
import threading
import time
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Jobs, each in the hands of one thread for a limited time; all calls may come from any."""

    def __init__(self, limit_s: float) -> None:
        """Watch nothing yet.

        Args:
            limit_s: seconds that may pass between `start` and `pause` or `finish`.
        """
        self.limit_s = limit_s
        self._lock = threading.Lock()
        self._started: dict[int, tuple[float, T]] = {}

    def start(self, job: T) -> None:
        """A thread begins with a job."""
        with self._lock:
            self._started[id(job)] = (time.monotonic(), job)

    def pause(self, job: T) -> bool:
        """The clock of a job stands: its thread waits. False if it was taken away."""
        return self._set_clock(job, math.inf)

    def resume(self, job: T) -> None:
        """The clock of a job runs again, from zero."""
        self._set_clock(job, time.monotonic())

    def finish(self, job: T) -> bool:
        """A thread is through with a job; False if it was taken away from it."""
        with self._lock:
            return self._started.pop(id(job), None) is not None

    def take_overdue(self) -> list[T]:
        """Take away, and return, the jobs whose time is over."""
        latest = time.monotonic() - self.limit_s
        with self._lock:
            # Removed in the same step: a thread that comes back finds its job gone.
            overdue = [key for key, (since, _) in self._started.items() if since < latest]
            return [self._started.pop(key)[1] for key in overdue]

    def _set_clock(self, job: T, since: float) -> bool:
        with self._lock:
            is_ours = id(job) in self._started
            if is_ours:
                self._started[id(job)] = (since, job)
            return is_ours
