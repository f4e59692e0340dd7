"""Whose turn it is: as few threads as are of use do what cannot be done by two at once.

Reading tags is Python: two threads that do it take the interpreter from each other at every
read, and are slower together than one alone. Where a disk or a share has to be waited for,
several are faster.
"""

import threading

SLOW_S = 0.002
"""A step that takes longer waits for a disk; from memory it takes a twentieth."""

_N_SLOW, _N_FAST = 3, 200
"""So many steps in a row make for another turn, or for one less."""


class AdaptiveSemaphore:
    """A number of turns that grows while steps are slow; all calls may come from any thread."""

    def __init__(self, *, most: int) -> None:
        """One turn for now.

        Args:
            most: turns that there may be at once.
        """
        self.n_turns = 1
        self._most = most
        self._free = threading.Semaphore(1)
        self._lock = threading.Lock()
        self._n_slow = self._n_fast = 0

    def take(self, *, timeout_s: float) -> bool:
        """Wait for a turn; False if there was none in time."""
        return self._free.acquire(timeout=timeout_s)

    def give_back(self) -> None:
        """The caller is through, or the one whose turn it was will never be."""
        self._free.release()

    def keep(self, step_s: float) -> bool:
        """Note how long a step took, in seconds; False if the caller's turn is no more."""
        with self._lock:
            if step_s < SLOW_S:
                self._n_slow, self._n_fast = 0, self._n_fast + 1
            else:
                self._n_slow, self._n_fast = self._n_slow + 1, 0
            if self._n_slow >= _N_SLOW and self.n_turns < self._most:
                # One more turn at a time: three slow steps again before the next.
                self.n_turns, self._n_slow = self.n_turns + 1, 0
                self._free.release()
            elif self._n_fast >= _N_FAST and self.n_turns > 1:
                self.n_turns, self._n_fast = self.n_turns - 1, 0
                return False
        return True
