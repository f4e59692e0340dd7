"""One process at a time builds a TensorRT engine: who comes second finds it kept.

Two at once would take each other's files for what an interrupted build has left, or write over
an engine that is kept already.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tagger.system.locks import BUSY, lock

LOCK = ".lock"
"""The file in an engine's folder on which the lock lies; it stays as long as the folder."""

LOOK_EVERY_S = 0.5


@contextmanager
def one_builder(
    folder: Path, *, waiting: Callable[[Path], AbstractContextManager[object]]
) -> Iterator[None]:
    """Wait until no other process builds an engine in a folder, then keep others out.

    Args:
        folder: of the engine; it is there.
        waiting: entered with the folder while another process builds there.
    """
    file = _taken(folder)
    if file is None:
        with waiting(folder):
            while (file := _taken(folder)) is None:
                time.sleep(LOOK_EVERY_S)
    try:
        yield
    finally:
        os.close(file)


def is_being_built(folder: Path) -> bool:
    """Whether some process builds an engine in a folder, or is about to look at it."""
    if not (folder / LOCK).is_file():
        return False
    file = _taken(folder)
    if file is None:
        return True
    os.close(file)
    return False


def _taken(folder: Path) -> int | None:
    """The open file that has the lock, if the file system knows any; None: another has it."""
    try:
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        # It is another user's, or the disk is full: an engine can be built without the lock,
        # and where it cannot, the building says why.
        return os.open(os.devnull, os.O_RDONLY)
    try:
        lock(file)
    except OSError as error:
        if error.errno in BUSY:
            os.close(file)
            return None
        # No locks on this file system: two builds at once are rarer than such a share.
    return file
