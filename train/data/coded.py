"""Recordings a second time, as low bit rates leave them: made once, in parallel.

Which codec a recording goes through hangs on its sound alone, so that any machine makes the
same store but for its encoders' versions.
"""

import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import av.error
import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from tagger.system.cores import usable_cores
from train.augment.codecs import CODECS, draw_codec, through
from train.data.processes import by_processes
from train.data.progress import Say, progress_lines
from train.data.store import Packed, PreparedStore, Recipe, key_if_there, opened_anew
from train.data.turns import turn
from train.datasets.base import FeatureSet

Samples = NDArray[np.int16]

TABLE = f"{zlib.crc32(repr(CODECS).encode()):08x}"
"""Another one wherever the same recording would go through another codec."""


def with_coded(
    clips: FeatureSet,
    prepared: Path,
    recipe: Recipe,
    *,
    say: Say,
    n_jobs: int | None = None,
) -> FeatureSet:
    """The clips with a coded version of each that may be learned from.

    Args:
        clips: prepared recordings; those of the split `test`, or whose files are gone, are
            not coded.
        prepared: where the stores lie; what is there already is not made again.
        recipe: how the recordings were decoded.
        say: told how far it is.
        n_jobs: processes; None for one a core.

    Raises:
        InputError: FFmpeg lacks an encoder, or the disk is full.
    """
    keys = _keys(clips, recipe)
    if not keys:
        return clips
    folder, tell = coded_folder(prepared, recipe), progress_lines(say, f"coding {clips.name}")
    places = {key: i for i, key in keys.items()}  # a file that stands twice is coded once
    with turn([folder], say=say), _opened(folder, recipe) as store:
        for key in store.damaged():
            del store.entries[key]
        todo = [key for key, i in places.items() if not _is_of(store, key, clips, i)]
        jobs = ((key, *_samples(clips, places[key]), recipe.sample_rate) for key in todo)
        coming = by_processes(
            coded_samples,
            jobs,
            n_jobs=min(n_jobs or usable_cores(), len(todo)),
            what="augment.codec: a process that encodes",
        )
        for n, (key, packed) in enumerate(zip(todo, coming, strict=True), start=1):
            store.add(key, packed)
            tell(len(places) - len(todo) + n, len(places))
        waveforms = store.waveforms(list(keys.values()))
    coded: list[NDArray[np.generic]] = list(clips.features)
    for i, waveform in zip(keys, waveforms, strict=True):
        coded[i] = waveform
    return replace(clips, coded=coded)


def coded_folder(prepared: Path, recipe: Recipe) -> Path:
    """Where coded recordings of a rate lie."""
    return prepared / f"coded-{recipe.sample_rate}-{TABLE}"


def _keys(clips: FeatureSet, recipe: Recipe) -> Mapping[int, str]:
    """Of the clips to be coded what they are known by: the file, and what is kept of it.

    One whose file went since it was prepared is not coded.
    """
    if clips.paths is None or not clips.is_waveform:
        return {}
    learned = np.flatnonzero((clips.splits != "test") & (clips.paths != ""))
    kept = f"{recipe.longest_s:g}|{recipe.n_pieces}"
    files = {i: key_if_there(Path(clips.paths[i])) for i in learned.tolist()}
    return {i: f"{key}|{kept}" for i, key in files.items() if key}


def _opened(folder: Path, recipe: Recipe) -> PreparedStore:
    """The store; one recipe for all that is coded at a rate, since the keys tell the rest.

    One of another format is made anew: the samples that were coded are others now.
    """
    return opened_anew(folder, Recipe(sample_rate=recipe.sample_rate))


def _is_of(store: PreparedStore, key: str, clips: FeatureSet, i: int) -> bool:
    """Whether the store holds what became of these very samples, in their steps."""
    entry = store.entries.get(key)
    if entry is None:
        return False
    step = float(clips.db_of_step[i])
    return entry.n_samples == clips.n_frames(i) and np.float32(entry.scale) == step


def _samples(clips: FeatureSet, i: int) -> tuple[Samples, float]:
    """A clip's samples, and what one step of them is."""
    return np.ascontiguousarray(clips.features[i][0], dtype="<i2"), float(clips.db_of_step[i])


def coded_samples(name: str, samples: Samples, step: float, sample_rate: int) -> Packed:
    """A clip's samples after a codec, in the same steps and as many.

    Args:
        name: of the clip, for the error.
        samples: shape (n_samples,).
        step: what one step of them is.
        sample_rate: in Hz.

    Raises:
        InputError: FFmpeg lacks the encoder, or cannot encode the clip.
    """
    codec, kbit_s = draw_codec(np.random.default_rng(zlib.crc32(samples.tobytes())))
    waveform = samples.astype(np.float32) * np.float32(step)
    try:
        left = through(waveform, codec, kbit_s, sample_rate=sample_rate)
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"augment.codec: {name.partition('|')[0]}: FFmpeg cannot encode it with"
            f" {codec.encoder} at {kbit_s} kb/s and {sample_rate} Hz ({error}); set"
            " augment.codec=0."
        ) from error
    limits = np.iinfo(np.int16)
    steps = np.rint(left / np.float32(step)).clip(limits.min, limits.max)
    content = steps.astype("<i2").tobytes()
    return Packed(content, step, zlib.crc32(content))
