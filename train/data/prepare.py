"""Recordings -> a store of decoded clips: once, in parallel, and where it stopped before."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.errors import DecodeError, InputError
from tagger.model.load import usable_cores
from train.data.decode import decode_clip
from train.data.processes import in_order
from train.data.store import Packed, PreparedStore, Recipe, key_of, opened_anew, pack
from train.datasets.audio import AudioSet
from train.datasets.base import MUSIC, FeatureSet

MOST_UNREADABLE = 0.05
UNREADABLE = "unreadable.txt"

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a preparation ended with: clips by their number, and those without sound."""

    n_clips: int
    n_decoded: int
    unreadable: tuple[str, ...]


def prepare(
    clips: AudioSet,
    folder: Path,
    recipe: Recipe,
    *,
    n_jobs: int | None = None,
    tell: Tell | None = None,
) -> Prepared:
    """Decode what the store does not hold yet.

    A store of another recipe is made anew. Threads decode, since libsndfile, FFmpeg and soxr
    release the interpreter; one writes, in order.

    Args:
        clips: the recordings.
        folder: the store's folder; made if need be.
        recipe: how to decode.
        n_jobs: decoding threads; None for one a core.
        tell: called with the clips done and the clips in all.

    Raises:
        InputError: more than one clip of twenty cannot be decoded (all of them so far are in
            unreadable.txt), or the disk is full. What was decoded stays valid.
    """
    keys = [key_of(path) for path in clips.paths]
    with opened_anew(folder, recipe) as store:
        for key in store.damaged():
            del store.entries[key]
        todo = [i for i, key in enumerate(keys) if key not in store.entries]
        failed = [i for i, key in enumerate(keys) if _error(store, key)]
        decoded = _decode_all([clips.paths[i] for i in todo], recipe, n_jobs)
        for done, (place, clip) in enumerate(zip(todo, decoded, strict=True), start=1):
            if isinstance(clip, str):
                store.add_failure(keys[place], clip)
                failed.append(place)
            else:
                store.add(keys[place], clip)
            if tell is not None:
                tell(len(keys) - len(todo) + done, len(keys))
            if len(failed) > MOST_UNREADABLE * len(keys):
                break
        unreadable = tuple(_line(clips.paths[i], _error(store, keys[i])) for i in failed)
    _list_unreadable(folder, unreadable, n_clips=len(keys))
    return Prepared(len(keys), len(todo), unreadable)


def _error(store: PreparedStore, key: str) -> str | None:
    return store.entries[key].error if key in store.entries else None


def _line(path: Path, reason: str | None) -> str:
    """A recording and why it is left out; stores of before have its name in the reason too."""
    return f"{path}: {(reason or '').removeprefix(f'{path}: ')}"


def _list_unreadable(folder: Path, unreadable: Sequence[str], *, n_clips: int) -> None:
    path = folder / UNREADABLE
    path.write_text("".join(f"{line}\n" for line in unreadable), encoding="utf-8")
    if len(unreadable) > MOST_UNREADABLE * n_clips:
        raise InputError(
            f"{len(unreadable)} of {n_clips} recordings cannot be decoded, which is more than"
            f" {MOST_UNREADABLE:.0%}: something is wrong with the set. They are listed in"
            f" {path}; the first: {unreadable[0]}"
        )


def _decode_all(
    paths: Sequence[Path], recipe: Recipe, n_jobs: int | None
) -> Iterator[Packed | str]:
    """Clips or reasons in the order of the paths, few of them waiting at any time."""
    n_jobs = n_jobs or usable_cores()
    jobs = ((path, recipe) for path in paths)
    yield from in_order(ThreadPoolExecutor(n_jobs), _decode, jobs, n_ahead=4 * n_jobs)


def _decode(path: Path, recipe: Recipe) -> Packed | str:
    try:
        waveform, n_pieces = decode_clip(path, recipe)
        return pack(waveform, n_pieces=n_pieces)
    except DecodeError as error:
        return str(error).removeprefix(f"{path}: ")


def as_features(clips: AudioSet, folder: Path, recipe: Recipe) -> FeatureSet:
    """A prepared set as clips of one row of samples each.

    Raises:
        InputError: a recording was not prepared, or otherwise than `recipe` says.
    """
    keys = [key_of(path) for path in clips.paths]
    with PreparedStore(folder, recipe) as store:
        absent = [
            str(p) for p, k in zip(clips.paths, keys, strict=True) if k not in store.entries
        ]
        if absent:
            raise InputError(
                f"{folder}: {len(absent)} of {len(keys)} recordings are not prepared"
                f" ({absent[0]}); run `tagger prepare` with the same --dataset and --data."
            )
        unreadable = [
            _line(p, _error(store, k))
            for p, k in zip(clips.paths, keys, strict=True)
            if _error(store, k)
        ]
        index = np.array([i for i, key in enumerate(keys) if not _error(store, key)], dtype=int)
        kept = clips.take(index)
        waveforms = store.waveforms([keys[i] for i in index])
        kept_as = [store.entries[keys[i]] for i in index]
    return FeatureSet(
        name=clips.name,
        labels=clips.labels,
        features=waveforms,
        db_of_step=np.array([a.scale for a in kept_as], dtype=np.float32),
        n_repeats=np.ones(len(index), dtype=np.intp),
        n_pieces=np.array([a.n_pieces for a in kept_as], dtype=np.intp),
        ids=kept.ids,
        targets=kept.targets,
        music=np.full(len(index), MUSIC, np.float32) if kept.music is None else kept.music,
        splits=kept.splits,
        groups=kept.groups,
        kind=clips.kind,
        paths=np.array([str(path.resolve()) for path in kept.paths]),
        is_waveform=True,
        unreadable=tuple(unreadable),
    )


def waveform_of(clips: FeatureSet, i: int) -> NDArray[np.float32]:
    """All samples of a prepared clip, shape (n_samples,)."""
    samples: NDArray[np.float32] = clips.frames(i, 0, clips.n_frames(i))[0]
    return samples
