"""Files -> scores: decoding threads, a bounded queue, batches that mix tracks, one session.

The only place where the stages meet. Memory is bounded by the queue and the batch, whatever
the number of files or the length of one: a track keeps a sum of its windows' scores.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tagger.model.lazy import Scorer
from tagger.scan.decode_pool import DecodePool
from tagger.scan.decode_threads import DecodeThreads
from tagger.scan.records import Inspected, ListenOptions, TrackScores

if TYPE_CHECKING:
    from tagger.scan.in_progress import TrackInProgress

QUEUED_BATCHES = 2
"""Windows that wait to be scored, in batches."""

Scored = tuple[Inspected, TrackScores]

__all__ = ["ListenOptions", "Pipeline", "Scored", "TrackScores", "analyse", "needs_scores"]


class Pipeline:
    """Inspects, decodes and scores the files that are put in.

    For one thread, which both puts files in and takes out what is done: in the order in which
    they finish, each as soon as its last window is scored. A file that cannot be read comes out
    with its error; nothing is raised for it.
    """

    def __init__(
        self,
        inspect: Callable[[Path], Inspected],
        engine: Scorer,
        options: ListenOptions,
        *,
        stop: threading.Event,
        pool: DecodePool | None = None,
    ) -> None:
        """Start the decoding threads.

        Args:
            inspect: called in a thread for each file before it is decoded.
            engine: the model; it is prepared as soon as a file is to be decoded.
            options: how tracks are decoded and scored.
            stop: once set, nothing more is decoded or scored, and all methods end.
            pool: has the decoding processes; None for some that end with this pipeline.
        """
        self._engine, self._options = engine, options
        self._own_pool = DecodePool() if pool is None else None
        pool = pool or self._own_pool
        assert pool is not None
        self._threads = DecodeThreads(inspect, options, engine.spec, pool=pool, stop=stop)
        self._batch: list[tuple[TrackInProgress, NDArray[np.float32]]] = []
        self._batch_size = 0  # until the model is loaded
        self._buffer: NDArray[np.float32] | None = None

    def put(self, path: Path) -> Iterator[Scored]:
        """Put a file in, and take out what is done; waits while there is no room for it.

        Raises:
            StartError: what all files need, the model or a process, cannot be had.
        """
        while not self._threads.intake.offer(path):
            if self._threads.is_over():
                return
            yield from self._step()
        if self._threads.has_news():
            yield from self.ready()

    def ready(self) -> Iterator[Scored]:
        """What is done by now.

        Raises:
            StartError: as for `put`.
        """
        while self._threads.has_news() and not self._threads.is_over():
            yield from self._step()

    def finish(self) -> Iterator[Scored]:
        """Everything that is left, when no more files are put in.

        Raises:
            StartError: as for `put`.
        """
        threads = self._threads
        threads.intake.end()
        while (threads.n_running or threads.has_news()) and not threads.is_over():
            yield from self._step()
        threads.raise_problem()
        if not threads.is_over():
            yield from self._resolved()
            yield from self._score()

    def close(self) -> None:
        """End the threads, whatever they are doing."""
        self._threads.close()
        if self._own_pool is not None:
            self._own_pool.close()

    def _step(self) -> Iterator[Scored]:
        """Wait for what a thread sends, or for a moment, and give out what is done then."""
        threads = self._threads
        # First, since a thread that hangs sends nothing that would wake us.
        for lost in threads.take_overdue():
            yield lost.done()
        track, window, n_sent = threads.receive()
        # Only now: a library without anything to decode needs no model.
        if threads.has_begun and not self._batch_size:
            self._prepare()
        if track is not None and window is not None:
            self._batch.append((track, window))
            if len(self._batch) == self._batch_size:
                yield from self._score()
        elif track is not None:
            track.n_sent = n_sent
            if track.is_done():  # otherwise its last windows are still waiting for a batch
                yield track.done()
        elif not threads.is_starting():
            yield from self._resolved()

    def _prepare(self) -> None:
        """Load the model, while the first files are being decoded."""
        self._engine.prepare()
        self._batch_size = self._options.batch_size or self._engine.batch_size
        self._threads.resize(QUEUED_BATCHES * self._batch_size)

    def _resolved(self) -> Iterator[Scored]:
        for track in self._threads.intake.take_resolved():
            yield track.done()

    def _score(self) -> Iterator[Scored]:
        """Score what is gathered, and give out the tracks that are complete then."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        windows = self._stacked([window for _, window in batch])
        embeddings: Iterable[NDArray[np.float32] | None] = repeat(None, len(batch))
        if self._options.embeddings:
            scores, embeddings = self._engine.run_embedding(windows)
        else:
            scores = self._engine.run(windows)
        for (track, _), row, embedding in zip(batch, scores, embeddings, strict=True):
            track.add(row, embedding)
            if track.is_done():
                yield track.done()

    def _stacked(self, windows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """A batch in memory that is used again, shape (n_windows, window_len).

        Fresh memory costs more to touch than the windows cost to copy.
        """
        if self._buffer is None:
            self._buffer = np.empty((self._batch_size, len(windows[0])), np.float32)
        return np.stack(windows, out=self._buffer[: len(windows)])


def needs_scores(path: Path) -> Inspected:
    """The inspection that opens nothing, and has every file decoded."""
    return Inspected(path, needs_scores=True)


def analyse(
    paths: Iterable[Path],
    engine: Scorer,
    options: ListenOptions,
    *,
    inspect: Callable[[Path], Inspected] = needs_scores,
    stop: threading.Event | None = None,
    pool: DecodePool | None = None,
) -> Iterator[TrackScores]:
    """Decode and score files whatever is stored of them; the arguments are those of `Pipeline`.

    Yields:
        One record a file, in the order in which they finish.
    """
    pipeline = Pipeline(inspect, engine, options, stop=stop or threading.Event(), pool=pool)
    try:
        for path in paths:
            for _, scores in pipeline.put(path):
                yield scores
        for _, scores in pipeline.finish():
            yield scores
    finally:
        pipeline.close()
