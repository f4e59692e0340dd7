"""Whether another program is writing to a file: one that is on its way here, for example."""

import errno
import os
import sys
from pathlib import Path

from tagger.system.mounts import is_on_network


def is_being_written(path: Path) -> bool:
    """Whether another program has a file open to write to it.

    Linux does not give the lease to read a file while anybody may write to it (fcntl(2),
    F_SETLEASE); it is asked for, and given back at once. Only the owner of a file may ask (or
    who has CAP_LEASE); on shares it is refused for other reasons too, and elsewhere nobody
    knows: then it is False.

    Args:
        path: the file, links resolved.

    Raises:
        OSError: it cannot be opened.
    """
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415 - not on Windows
    import signal  # noqa: PLC0415

    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Who opens the file in this moment has us told, by SIGIO, which would end the process;
        # SIGURG is ignored.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        # Other errors say that the file is somebody else's, or the file system has no leases.
        return error.errno == errno.EAGAIN and not is_on_network(path.parent)
    finally:
        os.close(file)
    return False
