"""Paths -> open descriptors of regular files; nothing else is ever opened."""

import io
import os
import stat
from pathlib import Path
from typing import Any

from tagger.errors import DecodeError
from tagger.system.partial import Blocks, is_partial

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_BLOCK_LEN = 1 << 20

# Without O_NONBLOCK, a FIFO that takes the file's place after the check would block for ever.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: Path) -> int:
    """Open a regular, non-empty file for reading.

    Args:
        path: the file; symbolic links are followed.

    Returns:
        A descriptor at position 0, to be closed by the caller.

    Raises:
        DecodeError: there is no such file, it is no regular file, it is empty, or it may not
            be read. The message is the reason alone, without the path.
    """
    try:
        _check(os.stat(path))  # noqa: PTH116 (a device may act on being opened: look first)
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        raise DecodeError(getattr(error, "strerror", None) or str(error)) from error
    try:
        _check(os.fstat(descriptor))
    except DecodeError:
        os.close(descriptor)
        raise
    return descriptor


class Part(io.FileIO):
    """A part of an opened file as a decoder sees it: nothing stands before or behind it.

    Errors are the end of it, since the libraries would print them.
    """

    name = ""  # a decoder must judge the content, not the suffix
    _blocks: Blocks | None = None

    def __init__(self, path: Path, *, start: int = 0, end: int | None = None) -> None:
        """Open the file.

        Args:
            path: the file.
            start: where the part begins, in bytes.
            end: where it ends, in bytes; None for the end of the file.

        Raises:
            DecodeError: as for `open_regular`.
        """
        # FileIO takes the descriptor over and closes it.
        try:
            self._blocks = Blocks(path) if is_partial(path) else None
        except OSError as error:
            raise DecodeError("the object cannot be fetched any more") from error
        super().__init__(open_regular(path))
        self._start, self._end = start, end
        self.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes; none at the end, and none where the disk fails."""
        try:
            if self._end is not None:
                left = max(0, self._end - super().tell())
                size = left if size is None or size < 0 else min(size, left)
            if self._blocks is not None:
                self._fetch(self._blocks, size)
            return super().read(size) or b""
        except OSError:
            return b""

    def _fetch(self, blocks: Blocks, size: int | None) -> None:
        """Have the next bytes put into the file, if some of it is still elsewhere."""
        at, whole = super().tell(), os.fstat(self.fileno()).st_size
        end = whole if size is None or size < 0 else min(at + size, whole)
        if end > at:
            blocks.need(at, end)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer as far as there are bytes; return how many."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Return the new position, or -1: damaged files make decoders ask for any place."""
        try:
            if whence == os.SEEK_SET:
                offset += self._start
            elif whence == os.SEEK_END and self._end is not None:
                offset, whence = offset + self._end, os.SEEK_SET
            return super().seek(offset, whence) - self._start
        except (OSError, OverflowError):
            return -1

    def tell(self) -> int:
        """Return the position in the part."""
        return super().tell() - self._start

    def close(self) -> None:
        """Close the file."""
        if self._blocks is not None:
            self._blocks.close()
        super().close()


def check_disk(path: Path) -> None:
    """Read all of a file of which some audio could not be read: is it the disk?

    The decoders take an error of the disk or share for the end of the file. Nothing is said of
    a folder, a pipe or a device: why it could not be read is known.

    Raises:
        DecodeError: the system cannot read it, or it is not there; the message names the file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return
        with path.open("rb") as file:
            while file.read(_BLOCK_LEN):
                pass
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DecodeError(
            f"{path}: there is no such file; check the path, and that its disk or share is"
            " there."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DecodeError(
            f"{path}: its disk or share fails ({reason}); nothing that was read of it counts."
        ) from error


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise DecodeError(f"it is {kind}, not an audio file")
    if status.st_size == 0:
        raise DecodeError("the file is empty (0 bytes)")
