"""Recordings -> what teachers say of them: once, by several processes, from where it stopped.

The processes load no torch, and each holds a session of one thread for every teacher.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from tagger.errors import DecodeError
from tagger.system.cores import usable_cores
from train.data.decode import decode_clip
from train.data.processes import by_processes
from train.data.store import Recipe
from train.teachers.model import Teacher, answers, open_session
from train.teachers.store import Answers

Answer = NDArray[np.float32] | str
Tell = Callable[[int, int], None]

NOT_FINITE = "its answer is not finite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording that teachers are to hear.

    Attributes:
        path: the file.
        file: what it is known by (`key_if_there`), looked at once.
        n_pieces: of how many equally long pieces what is kept of it consists.
        n_targets: answers that are wanted, a multiple of `n_pieces`.
        teachers: places of those that are asked.
    """

    path: str
    file: str
    n_pieces: int
    n_targets: int
    teachers: tuple[int, ...]

    def key(self, recipe: Recipe) -> str:
        """What an answer is known by: the file, and what is kept of it; '' if it is gone."""
        return self.file and f"{self.file}|{recipe.longest_s:g}|{recipe.n_pieces}"


def listen_to(
    recordings: Sequence[Recording],
    teachers: Sequence[Teacher],
    folders: Sequence[Path],
    *,
    recipe: Recipe,
    n_jobs: int | None = None,
    tell: Tell | None = None,
) -> None:
    """Ask the teachers for what their stores do not hold yet.

    Args:
        recordings: to be heard.
        teachers: to be asked.
        folders: of their stores.
        recipe: what is kept of a recording; each teacher hears it at its own rate.
        n_jobs: processes; None for one a core.
        tell: called with the recordings done and those in all.

    Raises:
        InputError: the disk is full. What was answered stays valid.
    """
    with ExitStack() as stack:
        stores = [
            stack.enter_context(Answers(folder, teacher))
            for folder, teacher in zip(folders, teachers, strict=True)
        ]
        by_key = _united(recordings, recipe)
        todo: dict[str, Recording] = {}
        for key, value in by_key.items():
            lacking = tuple(
                i for i in value.teachers if not stores[i].has(key, value.n_targets)
            )
            if lacking:
                todo[key] = replace(value, teachers=lacking)
        answers_ = _ask_all(list(todo.values()), teachers, recipe, n_jobs)
        for done, ((key, recording), given) in enumerate(
            zip(todo.items(), answers_, strict=True), 1
        ):
            for i, answer in zip(recording.teachers, given, strict=True):
                stores[i].add(key, answer)
            if tell is not None:
                tell(len(by_key) - len(todo) + done, len(by_key))


def _united(recordings: Sequence[Recording], recipe: Recipe) -> dict[str, Recording]:
    """Each recording once, by its key, for the teachers of all data sets that it stands in.

    Those that are gone cannot be heard any more.
    """
    by_key: dict[str, Recording] = {}
    for recording in (one for one in recordings if one.file):
        key = recording.key(recipe)
        before = by_key.get(key, recording).teachers
        teachers = tuple(sorted({*before, *recording.teachers}))
        by_key[key] = replace(recording, teachers=teachers)
    return by_key


def _ask_all(
    jobs: Sequence[Recording],
    teachers: Sequence[Teacher],
    recipe: Recipe,
    n_jobs: int | None,
) -> Iterator[list[Answer]]:
    """Answers in the order of the jobs, few of them waiting at any time."""
    n_jobs = min(n_jobs or usable_cores(), len(jobs))
    yield from by_processes(
        _ask,
        ((job,) for job in jobs),
        n_jobs=n_jobs,
        what="teachers: a process in which they listen",
        begin=_begin,
        with_=(tuple(teachers), recipe),
    )


_held: dict[str, Any] = {}
"""Of a listening process: teachers, recipe, and the sessions that were opened."""


def _begin(teachers: Sequence[Teacher], recipe: Recipe) -> None:
    """Prepare a process."""
    _held.update(teachers=teachers, recipe=recipe, sessions={})


def _ask(recording: Recording) -> list[Answer]:
    which = recording.teachers
    teachers = [_held["teachers"][i] for i in which]
    sessions = _held["sessions"]
    for i, teacher in zip(which, teachers, strict=True):
        if i not in sessions:
            sessions[i] = open_session(teacher.path)
    try:
        return ask(recording, teachers, [sessions[i] for i in which], recipe=_held["recipe"])
    except DecodeError as error:
        return [str(error)] * len(which)


def ask(
    recording: Recording,
    teachers: Sequence[Teacher],
    sessions: Sequence[Any],
    *,
    recipe: Recipe,
) -> list[Answer]:
    """What some teachers say of one recording, or why one says nothing.

    It is decoded once, at the highest of their rates.

    Raises:
        DecodeError: nothing of it can be decoded.
    """
    highest = max(teacher.card.sample_rate for teacher in teachers)
    path = Path(recording.path)
    waveform, n_pieces = decode_clip(path, replace(recipe, sample_rate=highest))
    if n_pieces != recording.n_pieces:
        return [f"{path}: it is no longer what was prepared"] * len(teachers)
    at_rate = {highest: waveform}
    lessons: list[Answer] = []
    for teacher, session in zip(teachers, sessions, strict=True):
        rate = teacher.card.sample_rate
        if rate not in at_rate:
            at_rate[rate] = soxr.resample(waveform, highest, rate)
        pieces = np.array_split(at_rate[rate], n_pieces)
        scored = answers(teacher, session, pieces, n_each=recording.n_targets // n_pieces)
        lessons.append(scored if np.isfinite(scored).all() else NOT_FINITE)
    return lessons
