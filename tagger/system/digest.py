"""The digest of a file."""

import functools
import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """SHA-256 of all bytes of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(model: Path) -> str:
    """The digest of a model file, in hexadecimal; read again only if the file has changed.

    Raises:
        OSError: it cannot be read.
    """
    # Hashing some megabytes for every scan would take as long as passing a small library.
    status = model.stat()
    return _sha256_of(model, status.st_size, status.st_mtime_ns, status.st_ino)


@functools.lru_cache(maxsize=8)
def _sha256_of(model: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    return file_sha256(model)
