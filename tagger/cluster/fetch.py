"""Objects -> files that can be scanned: copies in a temporary folder, a few ahead."""

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import obstore

from tagger.cluster.listing import etag_of
from tagger.cluster.problems import objects_asked, room_sentence
from tagger.cluster.ranges import RangeServer, is_worth_it
from tagger.cluster.records import ObjectEntry
from tagger.cluster.replaceable import url_of
from tagger.cluster.stores import Place
from tagger.errors import TrackError

AHEAD = 4
"""Objects that are fetched while others are decoded."""

MAX_LEN = 2 << 30
"""Bytes of an object that is copied, unless somebody says otherwise."""

ROOM = 2 << 30
"""Bytes that the copies of one actor take at once, unless one object needs more."""

_MARGIN = 64 << 20
"""Bytes that are left free on the disk."""

_PIECE_LEN = 4 << 20


@dataclass(frozen=True, slots=True)
class Copy:
    """An object as a file.

    Attributes:
        entry: of the version that was fetched.
        path: the file; None if there is none.
        n_read: bytes that were fetched.
        reason: why there is no file, or None.
    """

    entry: ObjectEntry
    path: Path | None
    n_read: int = 0
    reason: str | None = None


class Fetcher:
    """Fetches objects of a place into a folder, in threads of its own."""

    def __init__(
        self, place: Place, folder: Path, *, max_len: int = MAX_LEN, whole: bool = False
    ) -> None:
        """Fetch nothing yet.

        Args:
            place: where the objects lie.
            folder: for the copies; those of a folder's files are the files themselves.
            max_len: bytes of an object that is copied.
            whole: all of each object is needed; else large ones come block by block.
        """
        self._place, self._folder, self._max_len = place, folder, max_len
        self._threads = ThreadPoolExecutor(AHEAD, thread_name_prefix="fetch")
        by_range = place.folder is None and not whole and RangeServer.can_listen(folder)
        self._ranges = RangeServer(place, folder) if by_range else None

    def copies(self, entries: Sequence[ObjectEntry]) -> Iterator[Copy]:
        """The objects in their order, each as soon as it is there; a few are fetched ahead."""
        waiting: deque[Future[Copy]] = deque()
        left = iter(entries)
        try:
            for entry in islice(left, AHEAD):
                waiting.append(self._threads.submit(self._copy, entry))
            while waiting:
                yield waiting.popleft().result()
                for entry in islice(left, 1):
                    waiting.append(self._threads.submit(self._copy, entry))
        finally:
            for future in waiting:
                future.cancel()

    def drop(self, copy: Copy) -> Copy:
        """Remove a copy that is not needed any more; what was fetched of it is known then."""
        if copy.path is None or self._place.folder is not None:
            return copy
        if self._ranges and (partial := self._ranges.drop(copy.path)):
            url = url_of(self._place, copy.entry.key)
            reason = partial.reason and partial.reason.removeprefix(f"{url}: ")
            return Copy(copy.entry, None, partial.n_read, reason)
        copy.path.unlink(missing_ok=True)
        return copy

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)
        if self._ranges is not None:
            self._ranges.close()

    def _copy(self, entry: ObjectEntry) -> Copy:
        if self._place.folder is not None:
            return _of_file(entry, self._place.folder / entry.key)
        if self._ranges is not None and is_worth_it(entry):
            # Another version, or an oddity: it is copied whole, and that tells.
            with suppress(TrackError):
                if partial := self._ranges.open(entry):
                    return Copy(entry, partial.path)
        url = url_of(self._place, entry.key)
        reason = self._refusal(entry, url)
        if reason is None:
            try:
                with objects_asked(url):
                    return self._fetch(entry)
            except TrackError as error:
                reason = str(error)
        return Copy(entry, None, reason=reason.removeprefix(f"{url}: "))

    def _refusal(self, entry: ObjectEntry, url: str) -> str | None:
        """Why an object is not copied, seen before it is asked for."""
        if entry.size == 0:
            return "the object is empty (0 bytes)."
        if entry.size > self._max_len:
            return (
                f"it has {entry.size:,} bytes, more than the {self._max_len:,} that are copied;"
                " --max-object allows more."
            )
        if shutil.disk_usage(self._folder).free < entry.size + _MARGIN:
            return room_sentence(url, self._folder.parent, entry.size)
        return None

    def _fetch(self, entry: ObjectEntry) -> Copy:
        """Copy an object.

        Raises:
            BaseError, OSError: it cannot be read, or the copy cannot be written.
        """
        answer = obstore.get(self._place.store, entry.key)
        meta = answer.meta
        handle, name = tempfile.mkstemp(dir=self._folder, suffix=_suffix(entry.key))
        path, n_read = Path(name), 0
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in answer.stream(min_chunk_size=_PIECE_LEN):
                    n_read += file.write(piece)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        entry = ObjectEntry(
            entry.key, meta["size"], meta["e_tag"] or entry.etag, meta["last_modified"]
        )
        return Copy(entry, path, n_read)


def _of_file(entry: ObjectEntry, path: Path) -> Copy:
    """A file of a folder, as it is now: somebody may have changed it since it was listed."""
    try:
        state = path.stat()
    except OSError:  # who opens it says why
        return Copy(entry, path)
    modified = datetime.fromtimestamp(state.st_mtime, UTC)
    return Copy(ObjectEntry(entry.key, state.st_size, etag_of(state), modified), path)


def loads(entries: Sequence[ObjectEntry], room: int = ROOM) -> Iterator[list[ObjectEntry]]:
    """Consecutive parts of a batch whose copies fit beside each other."""
    load: list[ObjectEntry] = []
    n_bytes = 0
    for entry in entries:
        if load and n_bytes + entry.size > room:
            yield load
            load, n_bytes = [], 0
        load.append(entry)
        n_bytes += entry.size
    if load:
        yield load


def _suffix(key: str) -> str:
    suffix = Path(key).suffix
    return suffix if suffix.isascii() and len(suffix) < 10 else ""
