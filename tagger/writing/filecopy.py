"""Copy a file with some bytes changed, share what the file system can share, make it last."""

import contextlib
import errno
import os
import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from tagger.tags.base import BLOCK_LEN, Patch, Source

_FICLONE = 0x40049409  # linux/fs.h: share all blocks of another file
_TEMP_NAME_LEN = 140
"""Bytes that every file system allows in a name: encrypting ones take 143, others 255."""
_TEMP_NAME = re.compile(r"\..*\.tagger-[0-9a-f]{8}\.tmp", re.DOTALL)
_COPY_LEN = 1 << 30
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR}


def temp_beside(path: Path) -> Path:
    """A name for the copy of a file: hidden, in the same folder, recognisable, not in use."""
    suffix = f".tagger-{secrets.token_hex(4)}.tmp"
    name = path.name
    while len(os.fsencode(name)) > _TEMP_NAME_LEN - len(suffix) - 1:
        name = name[:-1]  # letter by letter: half a letter is no name everywhere
    return path.with_name(f".{name}{suffix}")


def is_temp(path: Path) -> bool:
    """Tell whether a name is one that `temp_beside` gives."""
    return _TEMP_NAME.fullmatch(path.name) is not None


def signature(state: os.stat_result) -> tuple[int, ...]:
    """What differs once another program has changed, replaced or linked a file."""
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_nlink)


def rights(state: os.stat_result) -> tuple[int, ...]:
    """Who may do what with a file."""
    return (state.st_mode, state.st_uid, state.st_gid)


def copy_patched(source: Source, target: Path, patches: Sequence[Patch]) -> None:
    """Write a new file that is `source` with some ranges replaced.

    Where all ranges keep their length the file system is asked to share the blocks, so that
    a changed tag costs no copy of the audio (Btrfs, XFS, bcachefs; Samba and NFS pass the
    ranges of the other way on to the server).

    Args:
        source: the open original.
        target: a name that is not in use.
        patches: in order of offset, not overlapping.

    Raises:
        OSError: the copy could not be written.
    """
    # O_EXCL: never over a file, or through a link, that somebody has put there. Mode 600 until
    # the original's is copied.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    output = os.open(target, flags, 0o600)
    try:
        same_length = all(len(patch.data) == patch.length for patch in patches)
        if same_length and _cloned(source, output):
            for patch in patches:
                os.lseek(output, patch.offset, os.SEEK_SET)
                _write(output, patch.data)
            return
        offset = 0
        for patch in patches:
            if patch.offset < offset:
                raise ValueError("the changes to the file overlap")
            _copy_range(source, output, offset, patch.offset)
            _write(output, patch.data)
            offset = patch.offset + patch.length
        _copy_range(source, output, offset, source.size)
    finally:
        os.close(output)


def write_whole(path: Path, data: bytes, *, below: Path) -> None:
    """Make a file that is whole and on the disk, or none; folders are made as needed.

    Args:
        path: the file; one that is there is replaced.
        data: what it shall hold.
        below: the folder above it that is there already.

    Raises:
        OSError: it could not be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = temp_beside(path)
    try:
        temp.write_bytes(data)
        sync_file(temp)
        temp.replace(path)
    finally:
        temp.unlink(missing_ok=True)
    folder = path.parent
    while folder != below:  # a new folder is lasting by its own name only
        sync_folder(folder)
        folder = folder.parent
    sync_folder(folder)


def sync_file(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    # Some systems flush only what was opened for writing.
    file = os.open(path, os.O_RDWR if os.access(path, os.W_OK) else os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system knows how to."""
    try:
        folder = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except OSError as error:
        if error.errno in _NO_SYNC:
            return
        raise
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(folder)


def _cloned(source: Source, output: int) -> bool:
    """Share all blocks of the original; False where the file system cannot."""
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415, it does not exist on Windows

    try:
        fcntl.ioctl(output, _FICLONE, source.file.fileno())
    except OSError:
        return False
    return True


def _copy_range(source: Source, output: int, start: int, end: int) -> None:
    """Append the bytes from `start` to `end` of the original to the copy."""
    start = _copied_in_kernel(source, output, start, end)
    while start < end:
        block = source.exact(start, min(BLOCK_LEN, end - start))
        _write(output, block)
        start += len(block)


def _copied_in_kernel(source: Source, output: int, start: int, end: int) -> int:
    """Append as much as the system copies by itself; returns up to where it did."""
    if sys.platform != "linux":
        return start
    with contextlib.suppress(OSError):  # if the disk is full, the next write says so
        while start < end:
            length = min(_COPY_LEN, end - start)
            n_bytes = os.copy_file_range(source.file.fileno(), output, length, start)
            # Some file systems copy nothing and report no error.
            if not n_bytes:
                break
            start += n_bytes
    return start


def _write(output: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(output, view) :]
