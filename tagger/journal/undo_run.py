"""One undo: which run is meant, and its changes taken back in a run of their own."""

import threading
from collections.abc import Iterator, Sequence
from itertools import chain, takewhile
from pathlib import Path

from tagger.errors import InputError
from tagger.journal.history import Change, changes_of, has_changed, has_run, last_run, roots_of
from tagger.journal.moved import Moved, last_moved_run
from tagger.journal.run import new_run
from tagger.journal.undo import UndoOptions, undo
from tagger.journal.undo_result import UndoResult
from tagger.state.store import Store


def run_to_undo(store: Store, areas: Sequence[Path], *, number: int | None = None) -> int:
    """The run that is meant: the one of a number, else the last one still in force.

    Args:
        store: the state.
        areas: files and folders, links resolved; the last run that wrote there. Empty for all.
        number: the run, if it was named.

    Raises:
        InputError: there is no such run, it changed nothing there, or nothing is to undo.
    """
    if number is not None:
        _check_named(store, number, areas)
        return number
    number = last_run(store, areas)
    if number is None and areas:
        # Files that were moved here since: looked for by what they hold, which takes longer.
        number = last_moved_run(store, areas)
    if number is None:
        raise InputError(
            f"{areas[0]}: nothing that was written there is still in force."
            if areas
            else "There is nothing to undo: no run that wrote is still in force."
        )
    return number


def _check_named(store: Store, number: int, areas: Sequence[Path]) -> None:
    if not has_run(store, number):
        raise InputError(f"{number}: there is no such run; `tagger runs` lists them.")
    if not areas or has_changed(store, number, areas):
        return
    if next(Moved(store, areas).brought_into(number), None) is None:
        raise InputError(
            f"{areas[0]}: nothing there is of run {number}; check the path (`tagger runs` shows"
            " what each run was of)."
        )


def undo_run(
    store: Store,
    number: int,
    areas: Sequence[Path],
    options: UndoOptions,
    *,
    stop: threading.Event | None = None,
) -> Iterator[UndoResult]:
    """Take a run's changes back, newest first.

    Args:
        store: the state.
        number: of a run that is there.
        areas: only what lies, or lay, in these files and folders; empty for all.
        options: whether and how files are changed.
        stop: once set, what has not begun is left as it is.
    """
    with new_run(store, "undo", areas) as run:
        run.about = f"run {number} {run.about}".rstrip()
        run.roots = roots_of(store, number)
        moved = Moved(store, areas)
        more = moved.brought_into(number) if areas else ()
        changes: Iterator[Change] = chain(changes_of(store, number, areas), more)
        if stop is not None:
            changes = takewhile(lambda _change: not stop.is_set(), changes)
        yield from undo(changes, run, options, moved)
