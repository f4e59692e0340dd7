"""Plan to give a file back what it held before a change, if it is what the change has made."""

import os
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import TagError, WriteError
from tagger.journal.reverse_patch import unpack
from tagger.tags.base import Source, open_source
from tagger.tags.patched import patched, reversed_patches
from tagger.tags.payload import Identity, identity_of
from tagger.tags.registry import translated
from tagger.tags.sniff import container_of
from tagger.writing import filecopy
from tagger.writing.options import WriteOptions
from tagger.writing.refusals import check_replaceable
from tagger.writing.replace import NOT_WRITTEN, PreparedWrite

_READ = "it cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """What a journal knows of a change.

    Attributes:
        was: what the file held.
        becomes: what the change has made of it.
        before: the values of the field before.
        after: those that were written.
        reverse: of `tagger.journal.reverse_patch`.
        mtime_ns: the modification time that it had.
    """

    was: Identity
    becomes: Identity
    before: tuple[str, ...]
    after: tuple[str, ...]
    reverse: bytes
    mtime_ns: int | None = None


class OtherFileError(WriteError):
    """A file is not what a change has made of it."""


def plan_back(path: Path, way: WayBack, options: WriteOptions) -> PreparedWrite | None:
    """Plan to take a change back from the file of a name; nothing is written.

    Returns:
        None if it holds already what it held before the change.

    Raises:
        TagError: it cannot be read.
        OtherFileError: it is not what the change has made.
        UnsupportedTagError, WriteError: it may not be changed.
    """
    with translated(path, TagError, _READ):
        path = path.resolve(strict=True)
    with translated(path, TagError, _READ), open_source(path) as source:
        state = os.fstat(source.file.fileno())
        container = way.was.container
        # All bytes: a file that merely looks alike would be damaged by the patches.
        present = identity_of(source, container) if _is_like(source, way) else None
        if present == way.was:
            return None
        if present != way.becomes:
            raise OtherFileError(
                f"{path}: it was changed by another program since tagger wrote it, and is left"
                " as that program made it."
            )
        check_replaceable(path, state, options)
        with translated(path, WriteError, NOT_WRITTEN):
            patches = unpack(way.reverse, source)
            return PreparedWrite(
                path=path,
                temp=filecopy.temp_beside(path),
                before=way.after,
                after=way.before,
                patches=patches,
                undo=reversed_patches(source, patches),
                was=present,
                becomes=_proven(path, patched(source, patches), way),
                stat=state,
                mtime_ns=way.mtime_ns if options.keep_mtime else None,
            )


def _is_like(source: Source, way: WayBack) -> bool:
    """Whether it is worth reading all of a file."""
    sizes = {way.was.size, way.becomes.size}
    return source.size in sizes and container_of(source) == way.was.container


def _proven(path: Path, view: Source, way: WayBack) -> Identity:
    """What the file will hold, which is what it held."""
    result = identity_of(view, way.was.container, payload=way.was.payload)
    if result != way.was:
        raise WriteError(
            f"{path}: {NOT_WRITTEN}: the journal does not lead back to its old content."
        )
    return result
