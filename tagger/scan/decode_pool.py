"""Decoding processes that wait between scans: to start one takes longer than many a track."""

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagger.audio.process_client import DecodeProcess


class DecodePool:
    """Decoding processes that are not in use; all calls may come from any thread."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._lock = threading.Lock()
        self._idle: list[DecodeProcess] = []
        self._is_closed = False

    def take(self, *, limit_s: float) -> "DecodeProcess":
        """A process that nobody else uses; a new one starts when it is asked for something.

        Args:
            limit_s: seconds that the next window of a file may take.
        """
        from tagger.audio.process_client import DecodeProcess  # noqa: PLC0415 (brings NumPy)

        process = self._living() or DecodeProcess()
        process.limit_s = limit_s
        return process

    def give_back(self, process: "DecodeProcess") -> None:
        """Keep a process for whoever takes one next, unless it is of no use any more."""
        with self._lock:
            is_kept = process.is_alive and not self._is_closed
            if is_kept:
                self._idle.append(process)
        if not is_kept:
            process.dispose()

    def close(self) -> None:
        """End all processes; those that are in use end when they are given back."""
        with self._lock:
            idle, self._idle, self._is_closed = self._idle, [], True
        for process in idle:
            process.dispose()

    def _living(self) -> "DecodeProcess | None":
        """One that waits; those that somebody has killed meanwhile are cleared away."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                process = self._idle.pop()
            if process.is_alive:
                return process
            process.dispose()
