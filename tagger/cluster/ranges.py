"""Large objects that are fetched block by block, as far as their windows and tags need them."""

import os
import socket
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import obstore

from tagger.cluster.problems import objects_asked
from tagger.cluster.records import ObjectEntry
from tagger.cluster.replaceable import url_of
from tagger.cluster.stores import Place
from tagger.errors import TrackError
from tagger.system.partial import BLOCK_LEN, DONE, PREFIX, REQUEST, SOCKET

LARGE = 8 << 20
"""Bytes from which an object is worth several requests."""

_MAGIC: Mapping[str, tuple[bytes, ...]] = {
    ".flac": (b"fLaC",),
    ".wav": (b"RIFF", b"RF64"),
    ".aif": (b"FORM",),
    ".aiff": (b"FORM",),
}
"""Containers in which a decoder seeks without reading all that comes before, and how such an
object must begin: another one is copied whole."""

_EDGE_LEN = 2 * BLOCK_LEN
"""Bytes at both ends that every reader looks at."""

_FAILED = b"!"

_LONGEST_NAME = 104


def is_worth_it(entry: ObjectEntry) -> bool:
    """Whether an object is large, and of a kind that is read in places."""
    return entry.size >= LARGE and Path(entry.key).suffix.lower() in _MAGIC


@dataclass(slots=True)
class PartialCopy:
    """The blocks of one object.

    Attributes:
        entry: of the version that is read; a request for another one fails.
        path: a sparse file.
        n_read: bytes that were fetched.
        reason: why one of its blocks could not be fetched.
    """

    entry: ObjectEntry
    path: Path
    n_read: int = 0
    reason: str | None = None
    here: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


class RangeServer:
    """Answers readers of partial copies, in threads of its own."""

    def __init__(self, place: Place, folder: Path) -> None:
        """Listen on a socket in the folder.

        Args:
            place: the objects.
            folder: where copies lie.
        """
        self._place, self._folder = place, folder
        self._copies: dict[str, PartialCopy] = {}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / SOCKET))
        self._socket.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def can_listen(folder: Path) -> bool:
        """Whether there is a socket of this kind whose name fits: 104 bytes on macOS."""
        return hasattr(socket, "AF_UNIX") and len(os.fsencode(folder / SOCKET)) < _LONGEST_NAME

    def open(self, entry: ObjectEntry) -> PartialCopy | None:
        """A copy that holds the two ends of an object; None if it is to be copied whole.

        Raises:
            TrackError: it cannot be fetched.
        """
        suffix = Path(entry.key).suffix.lower()
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=PREFIX, suffix=suffix)
        with os.fdopen(handle, "r+b") as file:
            file.truncate(entry.size)
            copy = PartialCopy(entry, Path(name))
            self._fill(copy, 0, _EDGE_LEN)
            file.seek(0)
            if copy.reason is None and not file.read(4).startswith(_MAGIC[suffix]):
                copy.path.unlink()
                return None
        self._fill(copy, entry.size - _EDGE_LEN, entry.size)
        if copy.reason is not None:
            copy.path.unlink()
            raise TrackError(copy.reason)
        self._copies[copy.path.name] = copy
        return copy

    def drop(self, path: Path) -> PartialCopy | None:
        """Remove a copy; None if it is none of ours."""
        copy = self._copies.pop(path.name, None)
        if copy is not None:
            path.unlink(missing_ok=True)
        return copy

    def close(self) -> None:
        """Answer nobody any more."""
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                reader, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(reader,), daemon=True).start()

    def _answer(self, reader: socket.socket) -> None:
        with reader, reader.makefile("rb") as requests, suppress(OSError):
            while len(head := requests.read(REQUEST.size)) == REQUEST.size:
                length, start, end = REQUEST.unpack(head)
                copy = self._copies.get(requests.read(length).decode())
                if copy is not None:
                    self._fill(copy, start, end)
                is_there = copy is not None and copy.reason is None
                reader.sendall(DONE if is_there else _FAILED)

    def _fill(self, copy: PartialCopy, start: int, end: int) -> None:
        """Fetch the blocks of a range that are not here, each run of them by one request."""
        with copy.lock:
            first, last = max(start, 0) // BLOCK_LEN, -(-min(end, copy.entry.size) // BLOCK_LEN)
            missing = [number for number in range(first, last) if number not in copy.here]
            try:
                for begin, stop in _runs(missing):
                    self._fetch(copy, begin * BLOCK_LEN, min(stop * BLOCK_LEN, copy.entry.size))
                copy.here.update(missing)
            except TrackError as error:
                copy.reason = str(error)

    def _fetch(self, copy: PartialCopy, start: int, end: int) -> None:
        entry = copy.entry
        options = {"range": (start, end), **({"if_match": entry.etag} if entry.etag else {})}
        with objects_asked(url_of(self._place, entry.key)):
            answer = obstore.get(self._place.store, entry.key, options=options)  # type: ignore[arg-type]
            data = bytes(answer.bytes())
            with copy.path.open("r+b") as file:
                file.seek(start)
                copy.n_read += file.write(data)


def _runs(blocks: list[int]) -> list[tuple[int, int]]:
    """Consecutive numbers as pairs of first and end."""
    runs: list[tuple[int, int]] = []
    for block in blocks:
        if runs and runs[-1][1] == block:
            runs[-1] = (runs[-1][0], block + 1)
        else:
            runs.append((block, block + 1))
    return runs
