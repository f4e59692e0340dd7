"""A file -> the mean embedding of its windows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.errors import DecodeError
from tagger.model.lazy import Scorer
from tagger.scan.decode_pool import DecodePool
from tagger.scan.pipeline import analyse
from tagger.scan.records import ListenOptions


def mean_embedding(
    path: Path, engine: Scorer, options: ListenOptions, *, pool: DecodePool
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
    options = replace(options, embeddings=True, n_decoders=1)  # there is one file
    (scores,) = analyse([path], engine, options, pool=pool)
    if scores.error is not None:
        raise scores.error
    if scores.embedding is None:
        raise DecodeError(f"{path}: it is silent from beginning to end; there is no embedding.")
    return scores.embedding
