"""Whether another process lives: what it has left behind may be cleared once it does not."""

import os
import sys
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether a process lives; taken for granted where asking would end it."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and nobody has asked how: in a container often for good."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # no Linux, or it went in this moment
    return status.rpartition(")")[2].split()[:1] == ["Z"]
