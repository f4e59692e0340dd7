"""What a run that was killed has left: found out from the files, and cleared away."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from tagger.journal.history import Change, ChangeStatus, planned_changes, signed
from tagger.journal.record import settle
from tagger.state.aside import OnNotice
from tagger.state.location import state_path
from tagger.state.store import Store, open_store
from tagger.writing import filecopy
from tagger.writing.replace import identity_at

_AWAY = {errno.ENOENT, errno.ENOTDIR}


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found.

    Attributes:
        n_done: changes that had been made.
        n_failed: changes that had not, the file is as it was.
        gone: files that are neither as they were nor as they should have become.
        away: files that cannot be looked at now; asked again at the next start.
        n_copies: unfinished copies that were removed.
    """

    n_done: int = 0
    n_failed: int = 0
    gone: tuple[Path, ...] = ()
    away: tuple[Path, ...] = ()
    n_copies: int = 0

    @property
    def sentence(self) -> str | None:
        """What the owner should know; None if nothing was left."""
        if not (self.n_done or self.n_failed or self.gone or self.away or self.n_copies):
            return None
        notice = (
            f"An earlier run was interrupted: {self.n_done} of its last changes were made,"
            f" {self.n_failed} were not; {self.n_copies} unfinished copies were removed."
        )
        if self.gone:
            notice += f" Changed or removed by others since: {_named(self.gone)}."
        if self.away:
            notice += f" Cannot be reached now, and will be checked again: {_named(self.away)}."
        return notice


def open_recovered(path: Path | None, *, on_notice: OnNotice) -> Store:
    """Open a state after what a killed run has left was cleared away.

    Args:
        path: its file; None for the user's.
        on_notice: told of what was left, and of a damaged state that was set aside.

    Raises:
        StateError: another process holds it, or it cannot be used.
    """
    store = open_store(path or state_path(), on_notice=on_notice)
    try:
        sentence = settle_open(store).sentence
    except BaseException:
        store.close()
        raise
    if sentence is not None:
        on_notice(sentence)
    return store


def settle_open(store: Store) -> Recovered:
    """Look at the file of every change that is still `planned`, and remove its copy.

    A state is held by one process, so nobody else is making these changes.

    Args:
        store: the state, held by this process.

    Raises:
        StateError: the state cannot be used.
    """
    by_status: dict[ChangeStatus, list[Path]] = {
        "planned": [],
        "done": [],
        "failed": [],
        "gone": [],
    }
    n_copies = 0
    for change in planned_changes(store):
        try:
            # The copy first: whatever became of the change, it is of no more use.
            n_copies += _remove_copy(change.temp)
            status, state = _what_became(change)
        except OSError:  # the share is not there: it may be tomorrow
            by_status["planned"].append(change.path)
            continue
        by_status[status].append(change.path)
        reason = "the run was killed" if status != "done" else None
        with store.transaction() as connection:
            settle(connection, change.id, status, reason=reason, new=state)
    return Recovered(
        len(by_status["done"]),
        len(by_status["failed"]),
        tuple(by_status["gone"]),
        tuple(by_status["planned"]),
        n_copies,
    )


def _what_became(change: Change) -> tuple[ChangeStatus, os.stat_result | None]:
    """Whether the file is old, new or neither; its state if it is new.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        state = change.path.stat()
    except OSError as error:
        # Its folder is there, so it is the file that is gone, and not the share.
        if error.errno in _AWAY and change.path.parent.is_dir():
            return "gone", None
        raise
    if (state.st_dev, signed(state.st_ino), state.st_size, state.st_mtime_ns) == change.old:
        return "failed", None
    # Only now all of it is read: mostly device, inode, size and time settle it.
    present = identity_at(change.path, change.was.container)
    if present == change.becomes:
        return "done", state
    return ("failed" if present == change.was else "gone"), None


def _remove_copy(temp: Path) -> int:
    """Remove an unfinished copy; only a file that has such a name is one."""
    if not filecopy.is_temp(temp) or temp.is_symlink() or not temp.is_file():
        return 0
    temp.unlink()
    filecopy.sync_folder(temp.parent)
    return 1


def _named(paths: tuple[Path, ...]) -> str:
    shown = ", ".join(str(path) for path in paths[:5])
    return shown if len(paths) <= 5 else f"{shown} and {len(paths) - 5} more"
