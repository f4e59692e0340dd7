"""Files of which only some blocks are here yet: who reads others has them fetched first.

A large object is scanned without being copied whole: its copy is a sparse file of the same
length, and whoever reads from it asks the process that fetches, by a socket beside it. Such a
file is known by its name alone, so that no other file is asked about anything.
"""

import errno
import io
import socket
import struct
from pathlib import Path
from typing import Any

PREFIX = "tagger-partial-"
SOCKET = "fetch.sock"
BLOCK_LEN = 1 << 17
"""Bytes that are fetched at least: a request costs more than they do."""

REQUEST = struct.Struct("<HQQ")
"""Length of the name that follows, first byte and end of what is to be read."""

DONE = b"."


def is_partial(path: Path) -> bool:
    """Whether parts of a file may still be elsewhere."""
    return path.name.startswith(PREFIX)


class Blocks:
    """The blocks of one file, asked for by one reader."""

    def __init__(self, path: Path) -> None:
        """Connect to who fetches.

        Raises:
            OSError: it does not answer.
        """
        self._name = path.name.encode()
        self._here: set[int] = set()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path.with_name(SOCKET)))
        except OSError:
            self._socket.close()
            raise

    def need(self, start: int, end: int) -> None:
        """Wait until these bytes are in the file.

        Raises:
            OSError: they cannot be fetched.
        """
        blocks = set(range(start // BLOCK_LEN, -(-end // BLOCK_LEN)))
        if blocks <= self._here:
            return
        self._socket.sendall(REQUEST.pack(len(self._name), start, end) + self._name)
        if self._socket.recv(1) != DONE:
            raise OSError(errno.EIO, "the object cannot be fetched")
        self._here |= blocks

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()


class PartialFile(io.FileIO):
    """Such a file below an `io.BufferedReader`, which fills its buffer by `readinto`."""

    def __init__(self, file: Any, path: Path, size: int) -> None:
        """Open it.

        Args:
            file: a path or a descriptor, which it closes.
            path: of the file.
            size: bytes of it.

        Raises:
            OSError: it cannot be opened, or who fetches does not answer.
        """
        super().__init__(file)
        try:
            self._blocks, self._size = Blocks(path), size
        except OSError:
            super().close()  # it has taken the descriptor over
            raise

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer with the next bytes, fetched if need be."""
        at = self.tell()
        end = min(at + len(memoryview(buffer)), self._size)
        if end > at:
            self._blocks.need(at, end)
        return super().readinto(buffer) or 0

    def close(self) -> None:
        """Close the file and the connection."""
        if not self.closed:
            self._blocks.close()
        super().close()
