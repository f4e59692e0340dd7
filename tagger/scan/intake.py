"""Files -> those that are to be decoded; what is known of all others is settled at once."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tagger.errors import StartError, TrackError
from tagger.scan.adaptive_semaphore import AdaptiveSemaphore
from tagger.scan.deadlines import Deadlines
from tagger.scan.records import Intake, TrackInProgress, TrackScores

log = logging.getLogger(__name__)

TOGETHER = 64
"""Settled files that are handed on at once: waking a thread for each would take as long as
reading its tags."""

_WAIT_S = 0.1
_PATIENCE_S = 0.02
"""Longer than it takes to record so many files, shorter than a batch of the model."""


class ReplacedError(Exception):
    """What this thread had in hand took too long: another thread is in its place."""


class IntakeQueue:
    """The files of a scan and what is found out before they are decoded.

    Threads look in turns. All of them may hang: whoever collects tells of those that do, by
    `replace`.
    """

    def __init__(
        self,
        paths: Iterable[Path | TrackScores],
        intake: Callable[[Path], Intake],
        deadlines: Deadlines[TrackInProgress],
        *,
        n_threads: int,
        is_over: Callable[[], bool],
        tell: Callable[[], None],
    ) -> None:
        """Look at nothing yet.

        Args:
            paths: the files, and what is heard already.
            intake: what is to be done with a file.
            deadlines: told of every file that is looked at.
            n_threads: threads that look at most at once.
            is_over: whether nothing more is wanted.
            tell: called when some files are settled.
        """
        self._source = iter(paths)
        self._source_lock = threading.Lock()
        self._intake, self._deadlines = intake, deadlines
        self._turns = AdaptiveSemaphore(most=n_threads)
        self._is_over, self._tell = is_over, tell
        self._settled: deque[TrackInProgress] = deque()
        self._is_taken = threading.Event()

    def next_to_hear(self) -> TrackInProgress | None:
        """The next file that is to be decoded, its clock standing; None if there is none.

        Raises:
            ReplacedError: a look took too long, and was counted as failed.
        """
        found: TrackInProgress | None = None
        is_end = False
        while found is None and not is_end and not self._is_over():
            if not self._turns.take(timeout_s=_WAIT_S):
                continue
            try:
                found, is_end = self._look_on()
            finally:
                if self._settled:
                    self._tell()
        return found

    def take_settled(self) -> Iterator[TrackInProgress]:
        """What was settled since; to be called by one thread."""
        with contextlib.suppress(IndexError):
            while not self._is_over():
                yield self._settled.popleft()
        self._is_taken.set()

    def replace(self, track: TrackInProgress) -> None:
        """A thread has hung with this file, and was given up."""
        if track.is_looked_at:
            self._turns.give_back()

    def _look_on(self) -> tuple[TrackInProgress | None, bool]:
        """Settle files while it is our turn: what is to be decoded, and whether it was all.

        The turn is given back, unless the file in hand was taken away: then it is another's.
        """
        try:
            while not self._is_over():
                with self._source_lock:
                    path = next(self._source, None)
                if path is None:
                    break
                if isinstance(path, TrackScores):
                    self._settled.append(TrackInProgress(path))
                    self._tell()
                    continue
                started = time.monotonic()
                track = TrackInProgress(TrackScores(path))
                if self._is_to_be_heard(track):
                    self._turns.give_back()
                    return track, False
                self._settled.append(track)
                if len(self._settled) % TOGETHER == 0:
                    self._hand_over()
                if not self._turns.keep(time.monotonic() - started):
                    return None, False
        except ReplacedError:
            raise
        except BaseException:
            self._turns.give_back()
            raise
        self._turns.give_back()
        return None, True

    def _hand_over(self) -> None:
        """Tell that some are settled, and let the other thread have the interpreter for them.

        Were both at work, they would take it from each other at every read, as two that look.
        """
        self._is_taken.clear()
        self._tell()
        self._is_taken.wait(_PATIENCE_S)

    def _is_to_be_heard(self, track: TrackInProgress) -> bool:
        """Look at one file."""
        track.is_looked_at = True
        self._deadlines.start(track)
        listen = False
        try:
            intake = self._intake(track.heard.path)
            listen = intake.listen and intake.heard is None
            track.heard.note = intake.note
            if intake.heard is not None:
                track.heard = intake.heard
        except Exception as error:  # noqa: BLE001 - becomes the file's result, or is raised
            track.heard.error = failure_of(track.heard.path, error)
        deadlines = self._deadlines
        if not (deadlines.pause(track) if listen else deadlines.finish(track)):
            raise ReplacedError
        track.is_looked_at = False
        return listen


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
