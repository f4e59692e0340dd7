"""The kernel's lock on an open file: it ends with its process, however that dies."""

import errno
import os
import sys

BUSY = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})
"""Another open file has the lock."""

_FAR = 1 << 30  # Windows locks bytes against reading too: one far behind what may stand there

if sys.platform == "win32":
    import msvcrt

    def lock(file: int) -> None:
        """Take the lock of an open file, without waiting; closing it lets go.

        Raises:
            OSError: another has it (`BUSY`), or the file system knows no locks.
        """
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def lock(file: int) -> None:
        """Take the lock of an open file, without waiting; closing it lets go.

        It is of the open file, not of the process: a second opening in one process is refused
        too.

        Raises:
            OSError: another has it (`BUSY`), or the file system knows no locks.
        """
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
