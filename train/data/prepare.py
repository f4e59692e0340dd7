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


@dataclass(frozen=True, slots=True)
class Seen:
    """What a recording is known by, or why it cannot be looked at."""

    key: str = ""
    error: str | None = None


def look_at(clips: AudioSet) -> list[Seen]:
    """What the recordings of a set are known by now."""
    return [_seen(path) for path in clips.paths]


def _seen(path: Path) -> Seen:
    try:
        return Seen(key_of(path))
    except OSError as error:  # it went since the set was listed
        return Seen(error=error.strerror or str(error))


def prepare(
    clips: AudioSet,
    folder: Path,
    recipe: Recipe,
    *,
    seen: Sequence[Seen] | None = None,
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
        seen: what `look_at` says of them; None to look now.
        n_jobs: decoding threads; None for one a core.
        tell: called with the clips done and the clips in all.

    Raises:
        InputError: more than one clip of twenty cannot be decoded (all of them so far are in
            unreadable.txt), or the disk is full. What was decoded stays valid.
    """
    seen = look_at(clips) if seen is None else seen
    with opened_anew(folder, recipe) as store:
        for key in store.damaged():
            del store.entries[key]
        failed = [i for i, one in enumerate(seen) if _error(store, one)]
        todo = [
            i
            for i, one in enumerate(seen)
            if one.key not in store.entries and one.error is None
        ]
        decoded = _decode_all([clips.paths[i] for i in todo], recipe, n_jobs)
        for done, (place, clip) in enumerate(zip(todo, decoded, strict=True), start=1):
            if isinstance(clip, str):
                store.add_failure(seen[place].key, clip)
                failed.append(place)
            else:
                store.add(seen[place].key, clip)
            if tell is not None:
                tell(len(seen) - len(todo) + done, len(seen))
            if len(failed) > MOST_UNREADABLE * len(seen):
                break
        unreadable = tuple(_line(clips.paths[i], _error(store, seen[i])) for i in failed)
    _list_unreadable(folder, unreadable, n_clips=len(seen))
    return Prepared(len(seen), len(todo), unreadable)


def _error(store: PreparedStore, one: Seen) -> str | None:
    return store.entries[one.key].error if one.key in store.entries else one.error


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


def as_features(
    clips: AudioSet, folder: Path, recipe: Recipe, *, seen: Sequence[Seen] | None = None
) -> FeatureSet:
    """A prepared set as clips of one row of samples each.

    Args:
        clips: the recordings.
        folder: the store's folder.
        recipe: how they were decoded.
        seen: what they were prepared as; None to look now.

    Raises:
        InputError: a recording was not prepared, or otherwise than `recipe` says.
    """
    seen = look_at(clips) if seen is None else seen
    with PreparedStore(folder, recipe) as store:
        _refuse_absent(store, clips, seen)
        unreadable = [
            _line(path, _error(store, one))
            for path, one in zip(clips.paths, seen, strict=True)
            if _error(store, one)
        ]
        index = np.array([i for i, one in enumerate(seen) if not _error(store, one)], dtype=int)
        kept = clips.take(index)
        kept_keys = [seen[i].key for i in index]
        waveforms = store.waveforms(kept_keys)
        kept_as = [store.entries[key] for key in kept_keys]
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


def _refuse_absent(store: PreparedStore, clips: AudioSet, seen: Sequence[Seen]) -> None:
    absent = [
        str(path)
        for path, one in zip(clips.paths, seen, strict=True)
        if one.key not in store.entries and one.error is None
    ]
    if absent:
        raise InputError(
            f"{store.folder}: {len(absent)} of {len(seen)} recordings are not prepared"
            f" ({absent[0]}); run `tagger prepare` with the same --dataset and --data."
        )


def waveform_of(clips: FeatureSet, i: int) -> NDArray[np.float32]:
    """All samples of a prepared clip, shape (n_samples,)."""
    samples: NDArray[np.float32] = clips.frames(i, 0, clips.n_frames(i))[0]
    return samples
