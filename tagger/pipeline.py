"""Files -> scores: decode workers, a bounded queue, batches that mix tracks, one session.

The only place where the stages meet. Memory is bounded by the queue and the batch, whatever
the number of files or the length of one: a track keeps a sum of its windows' scores.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.audio import open_track
from tagger.errors import TrackError
from tagger.runtime import Engine, usable_cores
from tagger.windows import is_silent

log = logging.getLogger(__name__)

BATCH = 16
"""Windows a batch: on a CPU more gain nothing, and a GPU is far from being what binds."""

QUEUED_BATCHES = 2
_WAIT_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenOptions:
    """How tracks are listened to.

    Attributes:
        n_windows: evenly spread windows of each track; fewer when they would overlap.
        full: listen to the whole track instead.
        keep_windows: listen to the whole track, and keep the scores of each window.
        n_decoders: decoding threads; None for one a core.
        batch_size: windows a batch.
    """

    n_windows: int = 6
    full: bool = False
    keep_windows: bool = False
    n_decoders: int | None = None
    batch_size: int = BATCH


@dataclass(frozen=True, slots=True)
class Intake:
    """What is known of a file before it is decoded.

    Attributes:
        listen: False if the track needs no scores.
        note: anything; it comes back with the track.
        heard: what was heard of it before, in place of listening and of `note`.
    """

    listen: bool
    note: Any = None
    heard: "Heard | None" = None


@dataclass(slots=True)
class Heard:
    """One track that is done.

    Attributes:
        path: the file.
        note: what the intake said.
        scores: mean scores of the windows that have a vote, shape (n_labels,); None if the
            track was not decoded, failed, or is silent.
        n_windows: windows that were read.
        n_silent: windows among them without a vote.
        duration_s: length of the track; None if it was not decoded.
        error: why it failed, or None.
        starts_s: where the windows that have a vote begin, in seconds; only if kept.
        window_scores: their scores, each of shape (n_labels,), in the order of `starts_s`.
    """

    path: Path
    note: Any = None
    scores: NDArray[np.float32] | None = None
    n_windows: int = 0
    n_silent: int = 0
    duration_s: float | None = None
    error: TrackError | None = None
    starts_s: list[float] | None = None
    window_scores: list[NDArray[np.float32]] | None = None


@dataclass(slots=True)
class _Track:
    """A track on its way: windows are counted out by its worker and in by the collector."""

    heard: Heard
    total: NDArray[np.float64] | None = None
    n_scored: int = 0
    n_sent: int | None = None  # known when its end has come through the queue

    def is_done(self) -> bool:
        return self.n_sent is not None and self.n_scored == self.n_sent

    def add(self, scores: NDArray[np.float32]) -> None:
        self.n_scored += 1
        self.total = scores.astype(np.float64) if self.total is None else self.total + scores
        if self.heard.window_scores is not None:
            self.heard.window_scores.append(scores)

    def result(self) -> Heard:
        if self.total is not None and self.heard.error is None:
            self.heard.scores = (self.total / self.n_scored).astype(np.float32)
        return self.heard


_Item = tuple[_Track, NDArray[np.float32] | int]
"""A window of a track, or how many it has sent: then it is at its end."""


def listen_to_all(path: Path) -> Intake:
    """The intake that decodes every file."""
    return Intake(listen=True, note=path)


def analyse(
    paths: Iterable[Path | Heard],
    engine: Engine,
    options: ListenOptions,
    *,
    intake: Callable[[Path], Intake] = listen_to_all,
    stop: threading.Event | None = None,
) -> Iterator[Heard]:
    """Listen to files and yield each as soon as its last window is scored.

    Args:
        paths: the files; taken one by one as workers become free, never collected. What is
            heard already comes back as it is, among what is heard meanwhile.
        engine: the model.
        options: how to listen.
        intake: called in a worker for each file before it is opened for decoding.
        stop: once set, nothing more is decoded or scored and the generator ends.

    Yields:
        One result a file, in the order in which they finish. A file that cannot be read
        yields its error; nothing is raised for it.
    """
    stage = _Decoders(paths, engine, options, intake, stop or threading.Event())
    try:
        yield from _collect(stage, engine, options.batch_size)
    finally:
        stage.close()


def _collect(stage: "_Decoders", engine: Engine, batch_size: int) -> Iterator[Heard]:
    waiting: list[tuple[_Track, NDArray[np.float32]]] = []
    for track, item in stage.items():
        if isinstance(item, int):
            track.n_sent = item
            if track.is_done():  # otherwise its last windows are still waiting for a batch
                yield track.result()
            continue
        waiting.append((track, item))
        if len(waiting) == batch_size:
            yield from _score(waiting, engine)
            waiting = []
    if waiting:
        yield from _score(waiting, engine)


def _score(
    waiting: list[tuple[_Track, NDArray[np.float32]]], engine: Engine
) -> Iterator[Heard]:
    """Run one batch, give each track its scores, yield the tracks that it completed."""
    scores = engine.run(np.stack([window for _, window in waiting]))
    for (track, _), row in zip(waiting, scores, strict=True):
        track.add(row)
        if track.is_done():
            yield track.result()


@dataclass
class _Decoders:
    """The pool of decoding threads and the queue that they fill."""

    paths: Iterable[Path | Heard]
    engine: Engine
    options: ListenOptions
    intake: Callable[[Path], Intake]
    stop: threading.Event  # the caller's; this pool never sets it

    def __post_init__(self) -> None:
        self.closed = threading.Event()
        self.source = iter(self.paths)
        self.source_lock = threading.Lock()
        self.problem: BaseException | None = None
        n_workers = self.options.n_decoders or usable_cores()
        self.queue: queue.Queue[_Item | None] = queue.Queue(
            QUEUED_BATCHES * self.options.batch_size
        )
        self.workers = [
            threading.Thread(target=self._work, name=f"decode-{i}", daemon=True)
            for i in range(n_workers)
        ]
        for worker in self.workers:
            worker.start()

    def items(self) -> Iterator[_Item]:
        """What the workers send, until the last of them is through."""
        n_running = len(self.workers)
        while n_running and not self._is_over():
            try:
                item = self.queue.get(timeout=_WAIT_S)
            except queue.Empty:  # look whether somebody wants us to stop
                continue
            if item is None:
                n_running -= 1
                continue
            yield item
        if self.problem is not None:
            raise self.problem

    def close(self) -> None:
        """Let the workers end: what they still want to send is not wanted any more."""
        self.closed.set()
        for worker in self.workers:
            worker.join(timeout=1.0)

    def _is_over(self) -> bool:
        return self.closed.is_set() or self.stop.is_set()

    def _work(self) -> None:
        while not self._is_over():
            try:
                with self.source_lock:
                    path = next(self.source, None)
            except BaseException as error:  # noqa: BLE001 - raised again where it is collected
                self.problem = error
                path = None
            if path is None:
                break
            if isinstance(path, Heard):
                self._send((_Track(path), 0))
            else:
                self._decode(path)
        self._send(None)

    def _decode(self, path: Path) -> None:
        """Send the windows of one file, then its end, whatever happens to it."""
        track = _Track(Heard(path))
        n_sent = 0
        try:
            intake = self.intake(path)
            track.heard.note = intake.note
            if intake.heard is not None:
                track.heard = intake.heard
            elif intake.listen:
                for window in self._windows(path, track.heard):
                    n_sent += 1
                    self._send((track, window))
        except TrackError as error:
            track.heard.error = error
        except Exception as error:  # a defect of ours must not stop the others
            log.debug("%s", path, exc_info=True)
            track.heard.error = TrackError(
                f"{path}: an unexpected {type(error).__name__} ({error}); please report it"
            )
        self._send((track, n_sent))

    def _windows(self, path: Path, heard: Heard) -> Iterator[NDArray[np.float32]]:
        """Windows that have a vote."""
        spec, options = self.engine.spec, self.options
        if options.keep_windows:
            heard.starts_s, heard.window_scores = [], []
        with open_track(path, sample_rate=spec.sample_rate) as track:
            if options.full or options.keep_windows:
                windows = track.windows_full(
                    window_len=spec.window_len, hop_len=spec.window_len
                )
            else:
                windows = track.windows(window_len=spec.window_len, n_windows=options.n_windows)
            for window in windows:
                heard.n_windows += 1
                if is_silent(window, silence_dbfs=spec.silence_dbfs):
                    heard.n_silent += 1
                else:
                    if heard.starts_s is not None:
                        heard.starts_s.append((heard.n_windows - 1) * spec.window_s)
                    yield window
            heard.duration_s = track.duration_s

    def _send(self, item: _Item | None) -> None:
        """Put into the queue, waiting while it is full, unless nobody listens any more."""
        while not self._is_over():
            with contextlib.suppress(queue.Full):
                self.queue.put(item, timeout=_WAIT_S)
                return
