"""Files -> scores: decode workers, a bounded queue, batches that mix tracks, one session.

The only place where the stages meet. Memory is bounded by the queue and the batch, whatever
the number of files or the length of one: a track keeps a sum of its windows' scores.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.model.lazy import Scorer
from tagger.scan.decode_threads import Decoders
from tagger.scan.records import Intake, ListenOptions, TrackInProgress, TrackScores

_Batch = list[tuple[TrackInProgress, NDArray[np.float32]]]
_Scores = Callable[[], NDArray[np.float32]]

__all__ = ["Intake", "ListenOptions", "TrackScores", "analyse", "listen_to_all"]


def listen_to_all(path: Path) -> Intake:
    """The intake that decodes every file."""
    return Intake(listen=True, note=path)


def analyse(
    paths: Iterable[Path | TrackScores],
    engine: Scorer,
    options: ListenOptions,
    *,
    intake: Callable[[Path], Intake] = listen_to_all,
    stop: threading.Event | None = None,
) -> Iterator[TrackScores]:
    """Listen to files and yield each as soon as its last window is scored.

    Args:
        paths: the files; taken one by one as workers become free, never collected. What is
            heard already comes back as it is, among what is heard meanwhile.
        engine: the model; it is prepared as soon as a file is to be decoded.
        options: how to listen.
        intake: called in a worker for each file before it is opened for decoding.
        stop: once set, nothing more is decoded or scored and the generator ends.

    Yields:
        One result a file, in the order in which they finish. A file that cannot be read
        yields its error; nothing is raised for it.
    """
    stage = Decoders(paths, engine, options, intake, stop or threading.Event())
    try:
        yield from _collect(stage, engine, options.batch_size)
    finally:
        stage.close()


def _collect(stage: Decoders, engine: Scorer, wanted_size: int | None) -> Iterator[TrackScores]:
    waiting: _Batch = []
    stacks: _Stacks | None = None
    # On a GPU the next batch is put together and copied while this one is computed.
    ahead: deque[tuple[_Batch, _Scores]] = deque()
    for track, item in stage.items():
        if isinstance(item, int):
            track.n_sent = item
            if track.is_done():  # otherwise its last windows are still waiting for a batch
                yield track.result()
            continue
        if stacks is None:
            size = wanted_size or engine.batch_size
            stacks = _Stacks(size, n_in_use=engine.n_ahead + 1)
        waiting.append((track, item))
        if len(waiting) == stacks.batch_size:
            ahead.append((waiting, engine.submit(stacks.stack(waiting))))
            waiting = []
            while len(ahead) > engine.n_ahead:
                yield from _give_out(*ahead.popleft())
    if waiting and stacks is not None:
        ahead.append((waiting, engine.submit(stacks.stack(waiting))))
    for batch, scores in ahead:
        yield from _give_out(batch, scores)


class _Stacks:
    """Puts batches together in memory that is used again.

    Fresh memory costs more to touch than the windows cost to copy.
    """

    def __init__(self, batch_size: int, *, n_in_use: int) -> None:
        """Hold nothing yet.

        Args:
            batch_size: windows of a full batch.
            n_in_use: batches whose scores may be waited for at once.
        """
        self.batch_size = batch_size
        self._buffers: deque[NDArray[np.float32] | None] = deque([None] * n_in_use)

    def stack(self, batch: _Batch) -> NDArray[np.float32]:
        """The windows of a batch, shape (n_windows, window_len)."""
        windows = [window for _, window in batch]
        buffer = self._buffers.popleft()
        if buffer is None:
            buffer = np.empty((self.batch_size, len(windows[0])), np.float32)
        self._buffers.append(buffer)
        return np.stack(windows, out=buffer[: len(windows)])


def _give_out(batch: _Batch, scores: _Scores) -> Iterator[TrackScores]:
    """Give each track its scores once they are there; yield the tracks that are complete."""
    for (track, _), row in zip(batch, scores(), strict=True):
        track.add(row)
        if track.is_done():
            yield track.result()
