"""A file that is written beside its place, and moved there once it is whole."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME_LEN = 255
"""Bytes that most file systems allow in a name."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield where to write; in the end that file takes the place of `path`.

    Whoever reads `path` finds what was there before or all of the new file. Several processes
    may write it at once: each has a name of its own, and the last one stays. The file is the
    umask's to protect, unlike those of `tempfile`, which nobody but their owner may read.

    Args:
        path: the file; its folder is there.

    Raises:
        OSError: it cannot be moved; nothing is left beside.
    """
    suffix = f".{os.getpid()}-{secrets.token_hex(4)}.tmp"
    name = path.name
    while len(os.fsencode(f".{name}{suffix}")) > _NAME_LEN:
        name = name[:-1]
    part = path.with_name(f".{name}{suffix}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
