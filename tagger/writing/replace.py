"""One file about to be replaced by a copy of it with some bytes changed.

`make` copies, re-opens and compares; `commit` renames the copy over the original. Everything
that a journal needs is known before the copy exists: what the file is, what it becomes, and
the bytes that lead back.
"""

import contextlib
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tagger.errors import ChangedError, TagError, WriteError
from tagger.tags.base import Patch, Source, open_source
from tagger.tags.payload import Identity, identity_of
from tagger.tags.registry import translated
from tagger.tags.sniff import container_of
from tagger.writing import filecopy
from tagger.writing.attributes import copy_attributes
from tagger.writing.checks import check_not_written

NOT_WRITTEN = "the genre was not written and the file is as it was"
_DURABLE = "the genre was written, but may be lost if the machine stops now"
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}

Compare = Callable[[Source, Source], str | None]
"""What is wrong with a copy: given original and copy, None or a few words."""


def _nothing_wrong(_original: Source, _copy: Source) -> str | None:
    """For changes whose every byte is known before."""
    return None


@dataclass(slots=True)
class PreparedWrite:
    """A change to one file: planned, then made beside it, then put in its place.

    Use it in a `with` statement: leaving it without `commit` removes the copy.

    Attributes:
        path: the file that is replaced, links resolved.
        temp: the name of the copy beside it.
        before: what the (first) field that is changed holds: mostly the genres.
        after: what it holds in the copy.
        patches: the change.
        undo: the changes that make the original of the copy again, byte for byte.
        was: what the file holds.
        becomes: what the copy holds.
        stat: the original's state when this was planned.
        mtime_ns: the modification time that the copy gets; None for now.
        compare: looks at the copy as a reader of tags does.
        called: the file's name in messages, as it was given; None for `path`.
        on_placed: told how the file is once the copy has taken its place, or None.
        made: the copy's state, once it has been made.
        is_placed: the copy has taken the original's place.
        is_left: the copy could not be removed.
    """

    path: Path
    temp: Path
    before: tuple[str, ...]
    after: tuple[str, ...]
    patches: tuple[Patch, ...]
    undo: tuple[Patch, ...]
    was: Identity
    becomes: Identity
    stat: os.stat_result
    mtime_ns: int | None = None
    compare: Compare = _nothing_wrong
    called: Path | None = None
    on_placed: Callable[[os.stat_result], None] | None = None
    made: os.stat_result | None = field(default=None, init=False)
    is_placed: bool = field(default=False, init=False)
    is_left: bool = field(default=False, init=False)

    def make(self) -> None:
        """Write the copy, verify it and make it durable; nothing of it stays if that fails.

        Raises:
            WriteError: it cannot be written, proven right or given all that the original has.
        """
        try:
            with translated(self._name, WriteError, NOT_WRITTEN):
                with open_source(self.path) as source:
                    self._check_unchanged(os.fstat(source.file.fileno()))
                    self._copy(source)
                    self._verify(source)
                # After the bytes: writing clears some bits and sets the time.
                copy_attributes(self.path, self.temp, self.stat, mtime_ns=self.mtime_ns)
                filecopy.sync_file(self.temp)
                self.made = self.temp.stat()
        except BaseException:
            self.discard()
            raise

    def commit(self) -> None:
        """Put the copy in the original's place, durably.

        Raises:
            WriteError: the original has changed since, or cannot be replaced.
        """
        try:
            with translated(self._name, WriteError, NOT_WRITTEN):
                check_not_written(self._name, self.path)
                # By name, not by the open file: another file may stand there by now.
                self._check_unchanged(self.path.stat())
                self.temp.replace(self.path)
                self.is_placed = True
            self._tell()
            with translated(self._name, WriteError, _DURABLE):
                # Without it the rename itself may be lost with the power.
                filecopy.sync_folder(self.path.parent)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the copy, if it is still there; `is_left` says if that failed."""
        try:
            self.temp.unlink(missing_ok=True)
        except OSError:  # the share was pulled, the disk is broken: the next start removes it
            self.is_left = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    @property
    def _name(self) -> Path:
        return self.called or self.path

    def _copy(self, source: Source) -> None:
        try:
            filecopy.copy_patched(source, self.temp, self.patches)
        except OSError as error:
            # The file itself may be written: it was asked before.
            if error.errno not in _REFUSED or str(error.filename) != str(self.temp):
                raise
            raise WriteError(
                f"{self._name}: {NOT_WRITTEN}: its folder {self.path.parent} cannot be written"
                f" ({error.strerror}), and the new file is made in it. Make the folder"
                " writable."
            ) from error

    def _check_unchanged(self, now: os.stat_result) -> None:
        if filecopy.signature(now) == filecopy.signature(self.stat) and (
            now.st_ctime_ns == self.stat.st_ctime_ns or self._is_same(now)
        ):
            return
        raise ChangedError(
            f"{self._name}: it was changed by another program while its genre was being"
            " written, and is left as that program made it. Scan it again."
        )

    def _tell(self) -> None:
        # At once: what another program makes of the file later is not what we have made.
        if self.on_placed is not None:
            with contextlib.suppress(OSError):  # it is gone already: there is nothing to tell
                self.on_placed(self.path.stat())

    def _is_same(self, now: os.stat_result) -> bool:
        """Look into a file of which something has changed, while its modification time has not.

        A program may have put that back, a backup may have touched the file, and some shares
        tell another time each time.
        """
        if filecopy.rights(now) != filecopy.rights(self.stat):
            return False
        return identity_at(self.path, self.was.container) == self.was

    def _verify(self, source: Source) -> None:
        """Re-open the copy: to the byte what was planned, and right for a reader of tags."""
        with open_source(self.temp) as copy:
            wrong = _difference(copy, self.becomes) or self.compare(source, copy)
        if wrong is not None:
            raise WriteError(f"{self._name}: {NOT_WRITTEN}: {wrong}. Its tags may be damaged.")


def _difference(copy: Source, planned: Identity) -> str | None:
    # Cheapest first: the payload is hashed only if size and container are right.
    if copy.size != planned.size:
        return "the copy has another length"
    if container_of(copy) != planned.container:
        return "the copy is another container"
    identity = identity_of(copy, planned.container)
    if identity.payload != planned.payload:
        return "the audio would change"
    return None if identity == planned else "the copy is not what was planned"


def identity_at(path: Path, container: str) -> Identity | None:
    """What a file holds by now; None if it is another container, or too damaged to tell.

    Raises:
        OSError: it cannot be opened or read.
    """
    with open_source(path) as source:
        try:
            with translated(path, TagError, "it cannot be compared"):
                if container_of(source) != container:
                    return None
                return identity_of(source, container)
        except TagError as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from error
            return None
