"""A file as it would be after a change that nobody has made yet."""

import os
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from tagger.tags.base import Patch, Source


def patched(source: Source, patches: Sequence[Patch]) -> Source:
    """An open file that reads as if the patches had been applied to it.

    Args:
        source: the file; it stays open as long as the result is read.
        patches: in order of offset, not overlapping.

    Raises:
        ValueError: the patches overlap, or lie behind the end of the file.
    """
    return Source(Path(source.path), cast("BinaryIO", PatchedFile(source, patches)))


def reversed_patches(source: Source, patches: Sequence[Patch]) -> tuple[Patch, ...]:
    """The patches that undo others, for the file that those have made."""
    reversals, moved = [], 0
    for patch in patches:
        old = source.exact(patch.offset, patch.length)
        # In the file that the earlier patches have made, this one stands farther behind, or in
        # front.
        reversals.append(Patch(patch.offset + moved, len(patch.data), old))
        moved += len(patch.data) - patch.length
    return tuple(reversals)


class PatchedFile:
    """The bytes of an open file with some ranges replaced: `seek`, `tell` and `read`."""

    def __init__(self, source: Source, patches: Sequence[Patch]) -> None:
        self._source = source
        self._position = self._size = done = 0
        self._pieces: list[bytes | int] = []  # bytes, or where they start in the file
        self._ends: list[int] = []  # bisected, since an Ogg file has thousands
        for patch in patches:
            if patch.offset < done:
                raise ValueError("the changes to the file overlap")
            self._append(done, patch.offset - done)
            self._append(patch.data, len(patch.data))
            done = patch.offset + patch.length
        if done > source.size:
            raise ValueError("a change to the file lies behind its end")
        self._append(done, source.size - done)

    def _append(self, piece: bytes | int, length: int) -> None:
        if length:
            self._size += length
            self._pieces.append(piece)
            self._ends.append(self._size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset, counted from where `whence` says; returns the new one."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def tell(self) -> int:
        """The offset that is read next."""
        return self._position

    def read(self, length: int = -1) -> bytes:
        """Up to `length` bytes, or all that are left."""
        end = self._size if length < 0 else min(self._size, self._position + length)
        pieces = []
        while self._position < end:
            data = self._read_piece(bisect_right(self._ends, self._position), end)
            if not data:  # the file has become shorter
                break
            pieces.append(data)
            self._position += len(data)
        return b"".join(pieces)

    def _read_piece(self, index: int, end: int) -> bytes:
        """The bytes at the position, as far as one piece has them."""
        piece = self._pieces[index]
        skipped = self._position - (self._ends[index - 1] if index else 0)
        length = min(self._ends[index], end) - self._position
        if isinstance(piece, bytes):
            return piece[skipped : skipped + length]
        # No buffer of our own: whole copies are read through here, a block at a time.
        self._source.file.seek(piece + skipped)
        return self._source.file.read(length)
