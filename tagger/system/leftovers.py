"""What killed processes have left lying about, removed by a later one."""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def remove_old(paths: Iterable[Path], *, older_than_s: float) -> None:
    """Remove files that nobody has touched for some time; what cannot be removed stays.

    Args:
        paths: the files.
        older_than_s: by their modification time; a younger one may be in use.
    """
    for path in paths:
        # Another process was quicker, or it is somebody else's: it harms nobody.
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > older_than_s:
                path.unlink()
