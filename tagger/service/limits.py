"""How often a client may ask: a bucket of tokens each, filled again over time."""

import math
import threading
import time

_MOST_CLIENTS = 10_000


class RateLimit:
    """Counts what clients do. May be asked by several threads."""

    def __init__(self, per_s: float, *, burst_s: float = 4.0) -> None:
        """Nobody has asked yet.

        Args:
            per_s: what a client may do for long.
            burst_s: for how many seconds' worth it may do so at once.
        """
        self.per_s, self.most = per_s, per_s * burst_s
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def wait_s(self, client: str) -> int:
        """0 if a client may go on, else the seconds after which it may."""
        now = time.monotonic()
        with self._lock:
            if len(self._left) > _MOST_CLIENTS:
                self._left = {
                    key: (left, at)
                    for key, (left, at) in self._left.items()
                    if left + (now - at) * self.per_s < self.most
                }
            left, at = self._left.get(client, (self.most, now))
            left = min(self.most, left + (now - at) * self.per_s)
            if left < 1:
                self._left[client] = (left, now)
                return max(1, math.ceil((1 - left) / self.per_s))
            self._left[client] = (left - 1, now)
            return 0
