"""One process at a time in a folder: a store is waited for, the folder of a run refused.

Two seeds of one configuration, started side by side, want the same recordings decoded: what
each would append would lie where the other's index says that its own does. Who comes second
finds the store filled. Two fits in one folder would write over each other's checkpoints.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tagger.errors import InputError
from tagger.system.locks import BUSY, lock

LOCK, RUNNING = ".lock", ".running"
"""The files in a folder on which the locks lie; they stay as long as the folder."""

LOOK_EVERY_S = 0.5

Say = Callable[[str], None]


@contextmanager
def turn(
    folders: Sequence[Path],
    *,
    say: Say,
    what: str = "is preparing recordings",
    option: str = "--prepared",
) -> Iterator[None]:
    """Wait until no other run is in these folders, then keep others out.

    Args:
        folders: of stores, say; made if need be.
        say: told once of each that has to be waited for.
        what: the other one is doing there.
        option: names another folder.

    Raises:
        InputError: a folder cannot be written, or its file system knows no locks.
    """
    with ExitStack() as held:
        for folder in sorted(set(folders)):  # in one order, or two runs wait for each other
            file = _open(folder / LOCK, option)
            held.callback(os.close, file)
            if not _is_locked(file, folder, option):
                say(f"{folder}: another run {what} there; waiting for it")
                while not _is_locked(file, folder, option):
                    time.sleep(LOOK_EVERY_S)
        yield


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others out of the folder of a run.

    Args:
        folder: made if need be; if nothing is put into it, it is gone again.

    Raises:
        InputError: another run is in it, or it cannot be written or locked.
    """
    is_new = not folder.exists()
    file = _open(folder / RUNNING, "--out")
    try:
        if not _is_locked(file, folder, "--out"):
            raise InputError(
                f"{folder}: another run is fitting there; wait for it, or name another folder"
                " with --out."
            )
        try:
            yield
        finally:
            if is_new and [path.name for path in folder.iterdir()] == [RUNNING]:
                (folder / RUNNING).unlink()
                folder.rmdir()
    finally:
        os.close(file)


def _open(path: Path, option: str) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(
            f"{path.parent}: cannot be written ({error.strerror}); name another folder with"
            f" {option}."
        ) from error


def _is_locked(file: int, folder: Path, option: str) -> bool:
    """Take the lock; False where another run has it."""
    try:
        lock(file)
    except OSError as error:
        if error.errno in BUSY:
            return False
        raise InputError(
            f"{folder}: its file system knows no locks ({error.strerror}), without which two"
            f" runs could spoil each other's work; name a folder on another disk with {option}."
        ) from error
    return True
