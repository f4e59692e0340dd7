"""A damaged state is set aside; what can be read of its undo journal goes into a new one.

A start may be killed at any moment of this. Until the journal is saved, the damaged state has a
name of its own (`state.db.rescuing`), and whichever start finds it goes on: rows that are there
by then are not copied twice. Only then it gets the name that it keeps.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from tagger.errors import StateError
from tagger.state.rescue import rescue_journal

_FIRST = ("", "-wal", "-shm", "-journal")  # whoever has the file's name gets what is beside it
_LAST = ("-wal", "-shm", "-journal", "")

OnNotice = Callable[[str], None]
"""Told, in a sentence, what the owner of the state should know."""


def being_rescued(path: Path) -> Path:
    """Where a damaged state lies until its undo journal is saved.

    Args:
        path: the state; as a rule nothing lies there.
    """
    return path.with_name(f"{path.name}.rescuing")


def make_way(path: Path) -> None:
    """Rename a damaged state, so that a new one can begin in its place.

    Args:
        path: the state, which nobody has open.

    Raises:
        StateError: it cannot be renamed.
    """
    rescuing = being_rescued(path)
    if rescuing.exists():
        # This one was begun by a start that was cut short, and nobody was ever given it.
        _rename(path, _free_name(path), _LAST)
    else:
        _rename(path, rescuing, _FIRST)


def finish_making_way(path: Path) -> None:
    """Rename what lies beside a damaged state, where a start was killed before it could.

    Args:
        path: the state.

    Raises:
        StateError: it cannot be renamed.
    """
    # A new state is begun after all of the old one is renamed: what is beside one is its own.
    if being_rescued(path).exists() and not path.exists():
        _rename(path, being_rescued(path), _FIRST)


def finish_rescue(
    path: Path, connection: sqlite3.Connection, error: sqlite3.Error | None, on_notice: OnNotice
) -> None:
    """Save the undo journal of a state that was set aside, if there is one, and tell of it.

    Args:
        path: the new state.
        connection: to the new state, in autocommit mode.
        error: what is wrong with the old one; None if another start has found it.
        on_notice: told where the old one lies, and what was saved.

    Raises:
        sqlite3.Error: the new state cannot be written; the next start tries again.
        StateError: the old one cannot be renamed; likewise.
    """
    rescuing = being_rescued(path)
    if not rescuing.exists():
        return
    n_saved = rescue_journal(rescuing, connection)
    aside = _free_name(path)
    # Before the last name is given: who is killed in between is told twice, and not never.
    on_notice(_notice(path, aside, error, n_saved))
    _rename(rescuing, aside, _LAST)


def _free_name(path: Path) -> Path:
    """Never that of an earlier one: each may hold changes that can be undone."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside


def _rename(old: Path, new: Path, suffixes: tuple[str, ...]) -> None:
    """Rename a state and what lies beside it, in this order."""
    for suffix in suffixes:
        part = old.with_name(old.name + suffix)
        try:
            if part.exists():
                part.replace(new.with_name(new.name + suffix))
        except OSError as error:
            raise StateError(
                f"{part}: the state is damaged, and cannot be set aside as {new.name}"
                f" ({error.strerror}); the next start tries again."
            ) from error


def _notice(path: Path, aside: Path, error: sqlite3.Error | None, n_saved: int | None) -> str:
    """The sentence that tells of a state that was set aside."""
    reason = "" if error is None else f" ({error})"
    message = (
        f"{path}: the state is damaged{reason}; it was set aside as {aside.name}, and tagger"
        " begins a new one: files are listened to once more."
    )
    if n_saved is None:
        return f"{message} Its undo journal could not be read."
    return (
        f"{message} {n_saved} changes of its undo journal were saved." if n_saved else message
    )
