"""Files that wait to be inspected -> those to decode; all others are settled at once."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tagger.errors import StartError, TrackError
from tagger.scan.adaptive_semaphore import AdaptiveSemaphore
from tagger.scan.deadlines import Deadlines
from tagger.scan.in_progress import TrackInProgress
from tagger.scan.records import Inspected

log = logging.getLogger(__name__)

TOGETHER = 64
"""Settled files that are handed on at once: waking a thread for each would take as long as
reading its tags."""

_MOST_WAITING = 2 * TOGETHER
"""Files that wait while none has to be decoded: what one thread inspects, another one lists."""

_WAIT_S = 0.1
_PATIENCE_S = 0.02
"""Longer than it takes to store so many files, shorter than a batch of the model."""


class ReplacedError(Exception):
    """What this thread had in hand took too long: another thread is in its place."""


class Intake:
    """Files between the thread that lists them and the threads that decode them.

    These inspect them, in turns. All of them may hang: whoever collects tells of those that
    do, by `replace`.
    """

    def __init__(
        self,
        inspect: Callable[[Path], Inspected],
        deadlines: Deadlines[TrackInProgress],
        *,
        n_threads: int,
        is_over: Callable[[], bool],
        wake: Callable[[], None],
    ) -> None:
        """Hold nothing yet.

        Args:
            inspect: reads what is needed of a file before it is decoded.
            deadlines: told of every file that is inspected.
            n_threads: threads that inspect at most at once.
            is_over: whether nothing more is to be done.
            wake: called when some files are settled, or room was made.
        """
        self._inspect, self._deadlines = inspect, deadlines
        self._turns = AdaptiveSemaphore(most=n_threads)
        self._is_over, self._wake = is_over, wake
        self._waiting: deque[Path] = deque()
        self._changed = threading.Condition()
        self._n_hungry = 0  # threads that wait for a file
        self._has_ended = False
        self._fewest = self._room = 2 * n_threads + 4
        self._resolved: deque[TrackInProgress] = deque()
        self._is_taken = threading.Event()

    def offer(self, path: Path) -> bool:
        """Let a file wait for a thread; False if there is no room for it now."""
        if len(self._waiting) >= self._room:
            return False
        self._waiting.append(path)
        # Asked without the lock, which would cost more than the file: who is hungry looks again
        # after 0.1 s.
        if self._n_hungry:
            with self._changed:
                self._changed.notify()
        return True

    def end(self) -> None:
        """There are no more files: threads that wait for one are told so."""
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def next_to_decode(self) -> TrackInProgress | None:
        """The next file that is to be decoded, its clock standing; None if there is none.

        Inspects files while this thread has a turn. The turn is given back, unless the file in
        hand was taken away: then it is another thread's.

        Raises:
            ReplacedError: an inspection took too long, and was counted as failed.
        """
        has_turn = False
        try:
            while not self._is_over():
                has_turn = has_turn or self._turns.take(timeout_s=_WAIT_S)
                if not has_turn:
                    continue
                if (path := self._next_path()) is None:
                    break
                started = time.monotonic()
                track = TrackInProgress.of(path)
                # This thread decodes it itself; the turn goes to the next one, so inspection
                # never waits.
                if self._needs_decoding(track):
                    # Long queues are for cheap files: what waits to be decoded is not listed
                    # far ahead.
                    self._room = self._fewest
                    return track
                self._resolve(track)
                has_turn = self._turns.keep(time.monotonic() - started)
                if not has_turn and self._resolved:
                    self._wake()
        except ReplacedError:
            has_turn = False
            raise
        finally:
            if has_turn:
                self._turns.give_back()
            if self._resolved:
                self._wake()
        return None

    def take_resolved(self) -> Iterator[TrackInProgress]:
        """What was settled since; to be called by one thread."""
        with contextlib.suppress(IndexError):
            while not self._is_over():
                yield self._resolved.popleft()
        self._is_taken.set()

    def replace(self, track: TrackInProgress) -> None:
        """A thread has hung with this file, and was given up."""
        if not track.is_inspected:
            self._turns.give_back()

    def _resolve(self, track: TrackInProgress) -> None:
        """Keep what needs no decoding for whoever collects, and make room for one more."""
        self._room = min(self._room + 1, _MOST_WAITING)
        self._resolved.append(track)
        if len(self._resolved) % TOGETHER == 0:
            self._hand_over()

    def _next_path(self) -> Path | None:
        """The file that waits longest; None when there will be no more."""
        while not self._is_over():
            is_last = self._has_ended  # asked first: what was put in before the end is there
            with contextlib.suppress(IndexError):
                return self._waiting.popleft()
            if is_last:
                return None
            self._wake()  # whoever lists the files may wait for room, or for what is settled
            self._wait()
        return None

    def _wait(self) -> None:
        """Wait until a file is put in, or for a moment."""
        with self._changed:
            self._n_hungry += 1  # before the last look: who puts one in looks after it
            if not self._waiting and not self._has_ended:
                self._changed.wait(_WAIT_S)
            self._n_hungry -= 1

    def _hand_over(self) -> None:
        """Tell that some are settled, and let the other thread have the interpreter for them.

        Were both at work, they would take it from each other at every read.
        """
        self._is_taken.clear()
        self._wake()
        self._is_taken.wait(_PATIENCE_S)

    def _needs_decoding(self, track: TrackInProgress) -> bool:
        """Inspect one file; what it needs no decoding for is known then."""
        self._deadlines.start(track)
        needs_decoding = False
        try:
            track.inspected = inspected = self._inspect(track.path)
            needs_decoding = inspected.needs_scores
            if inspected.stored is not None:
                track.scores = inspected.stored
        except Exception as error:  # noqa: BLE001 - becomes the file's result, or is raised
            track.scores.error = failure_of(track.path, error)
        deadlines = self._deadlines
        if not (deadlines.pause(track) if needs_decoding else deadlines.finish(track)):
            raise ReplacedError
        track.is_inspected = True
        if not needs_decoding:
            track.n_sent = 0
        return needs_decoding


def failure_of(path: Path, error: Exception) -> TrackError:
    """What went wrong with a file, as its result; what stops everything is raised again."""
    if isinstance(error, TrackError):
        return error
    if isinstance(error, StartError):
        raise error
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return TrackError(
            f"{path}: it cannot be read: {reason}. Check the file and its folder."
        )
    log.debug("%s", path, exc_info=error)  # a defect of ours must not stop the others
    return TrackError(
        f"{path}: an unexpected {type(error).__name__} ({error}); please report it"
    )
