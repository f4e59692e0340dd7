"""One run at a time adds to a store; who comes second waits, and finds it filled.

Two seeds of one configuration, started side by side, want the same recordings decoded. What
each would append would lie where the other's index says that its own does.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tagger.errors import InputError
from tagger.system.locks import BUSY, lock

LOCK = ".lock"
"""The file in a store's folder on which the lock lies; it is never removed."""

LOOK_EVERY_S = 0.5

Say = Callable[[str], None]


@contextmanager
def turn(folders: Sequence[Path], *, say: Say) -> Iterator[None]:
    """Wait until no other run is in these folders, then keep others out.

    Args:
        folders: of stores; made if need be.
        say: told once of each that has to be waited for.

    Raises:
        InputError: a folder cannot be written, or its file system knows no locks.
    """
    with ExitStack() as held:
        for folder in sorted(set(folders)):  # in one order, or two runs wait for each other
            file = _open(folder)
            held.callback(os.close, file)
            _wait(file, folder, say)
        yield


def _open(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); name another folder for prepared"
            " recordings with --prepared."
        ) from error


def _wait(file: int, folder: Path, say: Say) -> None:
    has_told = False
    while True:
        try:
            lock(file)
        except OSError as error:
            if error.errno not in BUSY:
                raise InputError(
                    f"{folder}: its file system knows no locks ({error.strerror}), without"
                    " which two runs could spoil each other's recordings; name a folder on"
                    " another disk with --prepared."
                ) from error
        else:
            return
        if not has_told:
            say(f"{folder}: another run is preparing recordings there; waiting for it")
            has_told = True
        time.sleep(LOOK_EVERY_S)
