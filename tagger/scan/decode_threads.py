"""Threads that inspect files, have them decoded, and fill one bounded queue with windows.

A file that crashes its decoder, or keeps a thread for too long, fails alone: decoding happens
in a process for each thread, and a thread that hangs is replaced. What needs no decoding does
not go through the queue (`tagger.scan.intake`).
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.audio.process_client import DecodeProcess
from tagger.audio.requested_windows import RequestedWindows
from tagger.errors import DecodeError, StartError
from tagger.model.spec import ModelSpec
from tagger.scan.deadlines import Deadlines
from tagger.scan.decode_pool import DecodePool
from tagger.scan.in_progress import TrackInProgress
from tagger.scan.intake import Intake, ReplacedError, failure_of
from tagger.scan.records import Inspected, ListenOptions, TrackScores
from tagger.system.cores import usable_cores

_QUEUED_AT_FIRST = 32
"""Windows that may wait before the model is loaded and says how long its batches are."""

_WAIT_S = 0.1
_STARTED_S = 0.005
_GRACE_S = 10.0
"""A decoding process that hangs ends itself; only a thread that hangs as well takes longer."""


class Sent(NamedTuple):
    """A window of a track, or the track's end; empty for word that something is new.

    Attributes:
        track: the track.
        window: shape (window_len,); None at the end.
        n_sent: at the end, the windows that were sent.
    """

    track: TrackInProgress | None = None
    window: NDArray[np.float32] | None = None
    n_sent: int = 0


class DecodeThreads:
    """The decoding threads and the queue that they fill.

    Attributes:
        intake: where files are put in, and settled ones come out.
        has_begun: a file is being decoded, so that the model will be needed.
        n_running: threads that are not through.
    """

    def __init__(
        self,
        inspect: Callable[[Path], Inspected],
        options: ListenOptions,
        spec: ModelSpec,
        *,
        pool: DecodePool,
        stop: threading.Event,
    ) -> None:
        """Start the threads, which wait for files.

        Args:
            inspect: as for `Intake`.
            options: how tracks are decoded.
            spec: of the model: the windows that it takes.
            pool: has the decoding processes.
            stop: the caller's; never set here.
        """
        self._options, self._spec = options, spec
        self._pool, self._stop, self._closed = pool, stop, threading.Event()
        self._problem: BaseException | None = None
        self._starting: set[int] = set()  # threads whose process is being started
        self._busy: set[DecodeProcess] = set()
        self._queue: queue.Queue[Sent] = queue.Queue(_QUEUED_AT_FIRST)
        self._deadlines: Deadlines[TrackInProgress] = Deadlines(options.limit_s + _GRACE_S)
        self.n_running = options.n_decoders or usable_cores()
        self.intake = Intake(
            inspect,
            self._deadlines,
            n_threads=self.n_running,
            is_over=self.is_over,
            wake=self._wake,
        )
        self.has_begun = False
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        for _ in range(self.n_running):
            self._add_thread()

    def is_over(self) -> bool:
        """Whether nothing more is to be done."""
        return self._closed.is_set() or self._stop.is_set()

    def is_starting(self) -> bool:
        """Whether a process is being started: nothing is given out until that has worked."""
        return bool(self._starting)

    def has_news(self) -> bool:
        """Whether `receive` would return at once."""
        return self._queue.qsize() > 0

    def receive(self) -> Sent:
        """What was sent next, or word that nothing was for a while.

        A window waits until no process is being started any more.

        Raises:
            StartError: what all files need cannot be had.
        """
        try:
            sent = self._queue.get(timeout=_WAIT_S)
        except queue.Empty:  # look whether somebody wants us to stop
            sent = Sent()
        # If one process cannot start, none of the results of others may be given out: the scan
        # is to end as if it had not begun.
        deadline = time.monotonic() + _GRACE_S
        while sent.track is not None and self._starting and time.monotonic() < deadline:
            if self._problem is not None or self.is_over():
                break
            time.sleep(_STARTED_S)
        self.raise_problem()
        return sent

    def raise_problem(self) -> None:
        """Raise what has ended a thread, if anything has."""
        if self._problem is not None:
            raise self._problem

    def take_overdue(self) -> Iterator[TrackInProgress]:
        """Tracks that failed since their thread hangs; others take the threads' places."""
        for track in self._deadlines.take_overdue():
            self.intake.replace(track)
            self._add_thread()
            yield _given_up(track, self._options.limit_s)

    def resize(self, n_windows: int) -> None:
        """Let so many windows wait in the queue from now on."""
        with self._queue.mutex:
            self._queue.maxsize = n_windows
            self._queue.not_full.notify_all()

    def close(self) -> None:
        """Let the threads end: what they still want to send is not needed any more."""
        self._closed.set()
        self.intake.end()
        with self._lock:
            for process in self._busy:
                process.interrupt()
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _add_thread(self) -> None:
        name = f"decode-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        process: DecodeProcess | None = None
        try:
            while (track := self.intake.next_to_decode()) is not None:
                if process is None:
                    process = self._pool.take(limit_s=self._options.limit_s)
                self._decode(track, process)
        except ReplacedError:
            return  # another thread is counted in the place of this one
        except BaseException as error:  # noqa: BLE001 - raised where it is collected
            self._problem = error
        finally:
            if process is not None:
                self._pool.give_back(process)
        with self._lock:
            self.n_running -= 1
        self._wake()

    def _decode(self, track: TrackInProgress, process: DecodeProcess) -> None:
        """Send the windows of one file, then its end.

        Raises:
            ReplacedError: it took too long, and was counted as failed.
        """
        n_sent = 0
        self._deadlines.resume(track)
        with self._lock:
            self._busy.add(process)
        try:
            self._start(process)
            for window in self._windows(track.scores, process):
                n_sent += 1
                self._deadlines.pause(track)
                self._send(Sent(track, window))
                self._deadlines.resume(track)
        except Exception as error:  # noqa: BLE001 - becomes the file's result, or is raised
            track.scores.error = failure_of(track.path, error)
        finally:
            with self._lock:
                self._busy.discard(process)
        # It was given up meanwhile: its end was told, and this thread has a successor.
        if not self._deadlines.finish(track):
            raise ReplacedError
        self._send(Sent(track, None, n_sent))

    def _start(self, process: DecodeProcess) -> None:
        """Start the process of this thread if it is not running; say that work has begun."""
        if not self.has_begun:
            self.has_begun = True
            self._wake()
        if process.is_started:
            return
        thread = threading.get_ident()
        self._starting.add(thread)
        try:
            process.start()
        except StartError as error:
            self._problem = error  # known before anybody stops waiting for this thread
            raise
        finally:
            self._starting.discard(thread)

    def _windows(
        self, scores: TrackScores, process: DecodeProcess
    ) -> Iterator[NDArray[np.float32]]:
        """Windows that have a vote; the track's length and their places are noted."""
        spec, options = self._spec, self._options
        if options.keep_windows:
            scores.starts_s, scores.window_scores = [], []
        decoding = process.listen(scores.path, window_request(options, spec))
        try:
            while True:
                window = next(decoding)
                scores.n_windows += 1
                if window is None:
                    scores.n_silent += 1
                    continue
                if scores.starts_s is not None:
                    # The number of the window for now; a second each once the length is known.
                    scores.starts_s.append(scores.n_windows - 1.0)
                yield window
        except StopIteration as end:
            scores.duration_s = float(end.value)
        if scores.starts_s is not None and scores.duration_s is not None:
            # The windows lie equally far apart, which is known now that all are counted.
            slack_s = max(scores.duration_s - spec.window_s, 0.0)
            hop_s = slack_s / max(scores.n_windows - 1, 1)
            scores.starts_s = [index * hop_s for index in scores.starts_s]

    def _send(self, sent: Sent) -> None:
        """Put into the queue, waiting while it is full, unless nobody listens any more."""
        while not self.is_over():
            with contextlib.suppress(queue.Full):
                self._queue.put(sent, timeout=_WAIT_S)
                return

    def _wake(self) -> None:
        """Let whoever receives look around; with a full queue it does so anyway."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(Sent())


def window_request(options: ListenOptions, spec: ModelSpec) -> RequestedWindows:
    """The windows of a track that a model is to score."""
    return RequestedWindows(
        sample_rate=spec.sample_rate,
        window_len=spec.window_len,
        n_windows=None if options.full or options.keep_windows else options.n_windows,
        silence_dbfs=spec.silence_dbfs,
    )


def _given_up(track: TrackInProgress, limit_s: float) -> TrackInProgress:
    """The end of a track whose thread hangs; what that thread still does counts no more."""
    lost = TrackInProgress.of(track.path)
    lost.scores.error = DecodeError(
        f"{track.path}: it could not be read within {limit_s:g} s; is its disk or share there?"
    )
    lost.n_sent = 0
    return lost
