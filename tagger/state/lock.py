"""One process holds a state at a time; who comes second is told who that is.

The lock is the kernel's and lies on a file beside the state, so that it ends with its process
however that dies. The file stays; what is written in it says who holds the state, and that it
was not closed in an orderly way if nobody does.
"""

import os
import platform
import time
from pathlib import Path

from tagger.errors import StateError
from tagger.system.locks import BUSY, lock

_NOTE_LEN = 200


class Hold:
    """A held state; `release` lets go of it.

    Attributes:
        was_left: the process that held it before has not released it: it was killed.
    """

    def __init__(self, state: Path) -> None:
        """Take hold of a state, without waiting.

        Raises:
            StateError: another process holds it, or the file system knows no locks.
        """
        path = lock_path(state)
        try:
            self._file = os.open(
                path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600
            )
        except OSError as error:
            raise StateError(
                f"{path}: cannot be made ({error.strerror}); name another place for the state"
                " with --state FILE or the variable TAGGER_STATE."
            ) from error
        try:
            lock(self._file)
        except OSError as error:
            holder = _note(self._file)
            os.close(self._file)
            if error.errno not in BUSY:
                raise StateError(
                    f"{path}: cannot be locked ({error.strerror}); name a place for the state"
                    " on another disk, with --state FILE or the variable TAGGER_STATE."
                ) from error
            raise StateError(
                f"{state}: another tagger process is using it ({holder or 'just started'});"
                " wait for it, or give this one a state of its own with --state FILE."
            ) from error
        # Whoever closes in an orderly way empties the note.
        self.was_left = bool(_note(self._file))
        self._write(
            f"process {os.getpid()} on {platform.node() or 'this machine'}, since "
            f"{time.strftime('%Y-%m-%d %H:%M:%S')}"
        )

    def release(self, *, orderly: bool = True) -> None:
        """Let go.

        Args:
            orderly: False leaves the mark of a process that was killed, so that the next one
                looks at the state more closely.
        """
        if orderly:
            self._write("")
        os.close(self._file)  # and with it the lock

    def _write(self, note: str) -> None:
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, note.encode(errors="replace")[:_NOTE_LEN])


def lock_path(state: Path) -> Path:
    """The file beside a state on which its lock lies; it is never removed."""
    return state.with_name(state.name + ".lock")


def _note(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    return os.read(file, _NOTE_LEN).decode(errors="replace").strip()
