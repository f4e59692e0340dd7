"""A file -> the mean embedding of its windows."""

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.errors import DecodeError
from tagger.model.lazy import DeferredEngine
from tagger.scan.decode_pool import DecodePool
from tagger.scan.decode_threads import window_request
from tagger.scan.records import ListenOptions


def mean_embedding(
    path: Path, engine: DeferredEngine, options: ListenOptions, *, pool: DecodePool
) -> NDArray[np.float32]:
    """The mean over the windows that a scan scores: those that are not silent.

    Args:
        path: the file.
        engine: a model whose spec names an embedding.
        options: which windows of the track.
        pool: has the decoding processes.

    Returns:
        Shape (spec.embedding,).

    Raises:
        DecodeError: the file cannot be read, or all of it is silent.
    """
    spec = engine.spec
    engine.prepare()
    total, n_windows = np.zeros(spec.embedding or 0), 0
    process = pool.take(limit_s=options.limit_s)
    try:
        with contextlib.closing(
            process.listen(path, window_request(options, spec))
        ) as decoding:
            windows = (window for window in decoding if window is not None)
            for batch in _batches(windows, engine.batch_size):
                _, embeddings = engine.run_embedding(batch)
                total += embeddings.sum(axis=0)
                n_windows += len(batch)
    finally:
        pool.give_back(process)
    if not n_windows:
        raise DecodeError(f"{path}: it is silent from beginning to end; there is no embedding.")
    return (total / n_windows).astype(np.float32)


def _batches(
    windows: Iterator[NDArray[np.float32]], size: int
) -> Iterator[NDArray[np.float32]]:
    """Windows put together, shape (n, window_len), 1 <= n <= size."""
    while group := list(islice(windows, size)):
        yield np.stack(group)
