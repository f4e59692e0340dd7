"""Prepared recordings a second time, as low bit rates leave them: made once, in parallel.

Which codec a recording goes through hangs on its sound alone, so that any machine makes the
same store but for its encoders' versions.
"""

import itertools
import multiprocessing
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import av.error
import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from tagger.system.cores import usable_cores
from train.augment.codecs import CODECS, draw_codec, through
from train.data.progress import Say, progress_lines
from train.data.store import Packed, PreparedStore, Recipe, key_of
from train.data.turns import turn
from train.datasets.base import FeatureSet

Samples = NDArray[np.int16]

TABLE = f"{zlib.crc32(repr(CODECS).encode()):08x}"
"""Another one wherever the same recording would go through another codec."""


def coded_folder(store: Path) -> Path:
    """Where the coded recordings of a prepared store lie."""
    return store.with_name(f"{store.name}-coded-{TABLE}")


def with_coded(
    clips: FeatureSet,
    store: Path,
    recipe: Recipe,
    *,
    n_jobs: int | None = None,
    say: Say,
) -> FeatureSet:
    """The clips with a coded version of each that is learned from.

    Args:
        clips: prepared recordings; those of the split `train` are coded.
        store: folder of the prepared recordings; the coded ones lie beside it, are made if need
            be, and gone on with where that stopped.
        recipe: how the recordings were decoded.
        n_jobs: processes; None for one a core.
        say: told how far it is.

    Raises:
        InputError: FFmpeg lacks an encoder, or the disk is full.
    """
    learned = np.flatnonzero(clips.splits == "train").tolist()
    keys = {i: key_of(Path(str(clips.paths[i]))) for i in learned if clips.paths is not None}
    folder, tell = coded_folder(store), progress_lines(say, f"coding {clips.name}")
    with turn([folder], say=say), PreparedStore(folder, recipe) as made:
        for key in made.damaged():
            del made.entries[key]
        todo = [i for i, key in keys.items() if key not in made.entries]
        coming = _every(clips, todo, recipe.sample_rate, n_jobs or usable_cores())
        for n, (i, packed) in enumerate(zip(todo, coming, strict=True), start=1):
            made.add(keys[i], packed)
            tell(len(keys) - len(todo) + n, len(keys))
        waveforms = made.waveforms(list(keys.values()))
    coded: list[NDArray[np.generic]] = list(clips.features)
    for i, waveform in zip(keys, waveforms, strict=True):
        coded[i] = waveform
    return replace(clips, coded=coded)


def _every(clips: FeatureSet, index: Sequence[int], rate: int, n_jobs: int) -> Iterator[Packed]:
    """Coded clips in order, few of them waiting at any time.

    By processes: a codec's frames are short, and threads would wait for the interpreter.
    """
    if not index:
        return
    pending: deque[Future[Packed]] = deque()
    ahead = iter(index)
    # Not forked: a process with torch's threads in it cannot be.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(n_jobs, len(index)), mp_context=context)
    try:
        for _ in index:
            for i in itertools.islice(ahead, 3 * n_jobs - len(pending)):
                samples = np.ascontiguousarray(clips.features[i][0], dtype="<i2")
                step = float(clips.db_of_step[i])
                pending.append(pool.submit(coded_samples, samples, step, rate))
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise InputError(
            "augment.codec: a process that encodes ended, perhaps for lack of memory; the same"
            " command goes on where it stopped."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def coded_samples(samples: Samples, step: float, sample_rate: int) -> Packed:
    """A clip's samples after a codec, in the same steps and as many.

    Args:
        samples: shape (n_samples,).
        step: what one step of them is.
        sample_rate: in Hz.

    Raises:
        InputError: FFmpeg lacks the encoder, or it does not take this rate.
    """
    codec, kbit_s = draw_codec(np.random.default_rng(zlib.crc32(samples.tobytes())))
    waveform = samples.astype(np.float32) * np.float32(step)
    try:
        left = through(waveform, codec, kbit_s, sample_rate=sample_rate)
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"augment.codec: FFmpeg cannot encode {codec.encoder} at {kbit_s} kb/s and"
            f" {sample_rate} Hz ({error}); set augment.codec=0."
        ) from error
    limits = np.iinfo(np.int16)
    steps = np.rint(left / np.float32(step)).clip(limits.min, limits.max)
    content = steps.astype("<i2").tobytes()
    return Packed(content, step, zlib.crc32(content))
