"""Threads that look at files, have them decoded, and fill one bounded queue with windows.

A file that crashes its decoder, or keeps a thread for too long, fails alone: decoding happens
in a helper process for each thread, and a thread that hangs is replaced. What needs no decoding
does not go through the queue (`tagger.scan.intake`).
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tagger.audio.process_client import DecodeProcess
from tagger.audio.requested_windows import Wanted
from tagger.errors import DecodeError, StartError, StoppedError
from tagger.model.lazy import Scorer
from tagger.scan.deadlines import Deadlines
from tagger.scan.intake import IntakeQueue, ReplacedError, failure_of
from tagger.scan.records import Intake, ListenOptions, TrackInProgress, TrackScores
from tagger.system.cores import usable_cores

QUEUED_BATCHES = 2
_QUEUED_AT_FIRST = 32
"""Before the model is loaded and says how long its batches are."""

_WAIT_S = 0.1
_STARTED_S = 0.005
_GRACE_S = 10.0
"""A helper process that hangs ends itself; only a thread that hangs as well takes longer."""


Item = tuple[TrackInProgress, NDArray[np.float32] | int]
"""A window of a track, or how many it has sent: then it is at its end."""

_Sent = Item | Literal["settled", "begin", "end"]
"""An item, or word that files were settled without decoding, that the first one is being
decoded, or that a worker is through."""


@dataclass
class Decoders:
    """The pool of decoding threads and the queue that they fill."""

    paths: Iterable[Path | TrackScores]
    engine: Scorer
    options: ListenOptions
    intake: Callable[[Path], Intake]
    stop: threading.Event  # the caller's; this pool never sets it

    def __post_init__(self) -> None:
        self.closed = threading.Event()
        self.problem: BaseException | None = None
        self.n_given = 0
        self.starting: set[int] = set()  # threads whose helper is being started
        n_workers = self.options.n_decoders or usable_cores()
        self.deadlines: Deadlines[TrackInProgress] = Deadlines(self.options.limit_s + _GRACE_S)
        self.looking = IntakeQueue(
            self.paths,
            self.intake,
            self.deadlines,
            n_threads=n_workers,
            is_over=self._is_over,
            tell=lambda: self._send("settled"),
        )
        self.ears: list[DecodeProcess] = []
        self.has_begun = False
        self.queue: queue.Queue[_Sent] = queue.Queue(_QUEUED_AT_FIRST)
        self.workers: list[threading.Thread] = []
        for _ in range(n_workers):
            self._add_worker()

    def items(self) -> Iterator[Item]:
        """What the workers send, until the last of them is through.

        While a helper is being started nothing is given out: if that fails, nothing was done.

        Raises:
            StartError: what all files need cannot be had; nothing was given out before.
            StoppedError: the same, and something was.
        """
        try:
            for item in self._items():
                self.n_given += 1
                yield item
        except StartError as error:
            if self.n_given:
                raise StoppedError(
                    f"{error} The scan stopped there; what it had done until then is done."
                ) from error
            raise

    def _items(self) -> Iterator[Item]:
        n_running = len(self.workers)
        while n_running and not self._is_over():
            for track in self.deadlines.take_overdue():
                self.looking.replace(track)
                self._add_worker()  # in the place of the one that hangs
                yield _given_up(track, self.options.limit_s), 0
            sent = self._next()
            if self.problem is not None:
                raise self.problem
            if sent == "end":
                n_running -= 1
            elif sent == "settled":
                if not self.starting:
                    yield from self._settled()
            elif sent == "begin":
                self._prepare()
            else:
                yield sent
        if self.problem is not None:
            raise self.problem
        yield from self._settled()

    def _next(self) -> _Sent:
        """What was sent next; a window waits until no helper is being started any more."""
        try:
            sent = self.queue.get(timeout=_WAIT_S)
        except queue.Empty:  # look whether somebody wants us to stop
            return "settled"
        deadline = time.monotonic() + _GRACE_S
        while not isinstance(sent, str) and self.starting and time.monotonic() < deadline:
            if self.problem is not None or self._is_over():
                break
            time.sleep(_STARTED_S)
        return sent

    def _prepare(self) -> None:
        """Load the model, while the first files are being decoded."""
        self.engine.prepare()
        batch_size = self.options.batch_size or self.engine.batch_size
        with self.queue.mutex:
            self.queue.maxsize = QUEUED_BATCHES * batch_size
            self.queue.not_full.notify_all()

    def _settled(self) -> Iterator[Item]:
        for track in self.looking.take_settled():
            yield track, 0

    def close(self) -> None:
        """Let the workers end: what they still want to send is not wanted any more."""
        self.closed.set()
        for ears in self.ears:
            ears.interrupt()
        for worker in self.workers:
            worker.join(timeout=1.0)

    def _is_over(self) -> bool:
        return self.closed.is_set() or self.stop.is_set()

    def _add_worker(self) -> None:
        name = f"decode-{len(self.workers)}"
        worker = threading.Thread(target=self._work, name=name, daemon=True)
        self.workers.append(worker)
        worker.start()

    def _work(self) -> None:
        with DecodeProcess(limit_s=self.options.limit_s) as ears:
            self.ears.append(ears)
            try:
                while (track := self.looking.next_to_hear()) is not None:
                    if not self.has_begun:
                        self.has_begun = True
                        self._send("begin")
                    self._decode(track, ears)
            except ReplacedError:
                return
            except BaseException as error:  # noqa: BLE001 - raised where it is collected
                self.problem = error
        self._send("end")

    def _decode(self, track: TrackInProgress, ears: DecodeProcess) -> None:
        """Send the windows of one file, then its end.

        Raises:
            ReplacedError: it took too long, and was counted as failed.
        """
        n_sent = 0
        self.deadlines.resume(track)
        try:
            self._start(ears)
            for window in self._windows(track.heard.path, track.heard, ears):
                n_sent += 1
                self.deadlines.pause(track)
                self._send((track, window))
                self.deadlines.resume(track)
        except Exception as error:  # noqa: BLE001 - becomes the file's result, or is raised
            track.heard.error = failure_of(track.heard.path, error)
        if not self.deadlines.finish(track):
            raise ReplacedError
        self._send((track, n_sent))

    def _start(self, ears: DecodeProcess) -> None:
        """Start the helper of this thread, if it has none."""
        if ears.is_started:
            return
        thread = threading.get_ident()
        self.starting.add(thread)
        try:
            ears.start()
        except StartError as error:
            self.problem = error  # known before anybody stops waiting for this thread
            raise
        finally:
            self.starting.discard(thread)

    def _windows(
        self, path: Path, heard: TrackScores, ears: DecodeProcess
    ) -> Iterator[NDArray[np.float32]]:
        """Windows that have a vote."""
        spec, options = self.engine.spec, self.options
        if options.keep_windows:
            heard.starts_s, heard.window_scores = [], []
        wanted = Wanted(
            sample_rate=spec.sample_rate,
            window_len=spec.window_len,
            n_windows=None if options.full or options.keep_windows else options.n_windows,
            silence_dbfs=spec.silence_dbfs,
        )
        listening = ears.listen(path, wanted)
        try:
            while True:
                window = next(listening)
                heard.n_windows += 1
                if window is None:
                    heard.n_silent += 1
                    continue
                if heard.starts_s is not None:
                    heard.starts_s.append(heard.n_windows - 1.0)
                yield window
        except StopIteration as end:
            heard.duration_s = float(end.value)
        if heard.starts_s is not None and heard.duration_s is not None:
            # The windows lie equally far apart, which is known now that all are counted.
            slack_s = max(heard.duration_s - spec.window_s, 0.0)
            hop_s = slack_s / max(heard.n_windows - 1, 1)
            heard.starts_s = [index * hop_s for index in heard.starts_s]

    def _send(self, item: _Sent) -> None:
        """Put into the queue, waiting while it is full, unless nobody listens any more."""
        while not self._is_over():
            with contextlib.suppress(queue.Full):
                self.queue.put(item, timeout=_WAIT_S)
                return


def _given_up(track: TrackInProgress, limit_s: float) -> TrackInProgress:
    """The end of a track whose thread hangs; what that thread still does counts no more."""
    path = track.heard.path
    reason = f"{path}: it could not be read within {limit_s:g} s; is its disk or share there?"
    return TrackInProgress(TrackScores(path, error=DecodeError(reason)), n_sent=0)
