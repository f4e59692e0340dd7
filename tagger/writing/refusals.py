"""Why a file may not be written: hard links, locks, a read-only file, tags of another kind."""

import os
from pathlib import Path

from tagger.errors import UnsupportedTagError, WriteError
from tagger.tags.base import TagInfo
from tagger.writing.attributes import why_locked
from tagger.writing.options import WriteOptions


def why_skipped(
    path: Path, info: TagInfo, options: WriteOptions, *, n_names: int = 0
) -> str | None:
    """Why a file would be left alone on purpose, or None; what `plan_write` would raise.

    Args:
        path: the file.
        info: what was read of it.
        options: how it would be written.
        n_names: names (hard links) that it has; 0 if that is to be asked for.
    """
    if info.unwritable:
        return f"{path}: no genre can be written. {info.unwritable}"
    return _why_linked(path, n_names or path.stat().st_nlink, options)


def check_replaceable(path: Path, state: os.stat_result, options: WriteOptions) -> None:
    """Refuse to replace a file that somebody has protected.

    Args:
        path: the file, as it is to be called in a message.
        state: what `stat` says of it.
        options: how it would be written.

    Raises:
        UnsupportedTagError: it has other names.
        WriteError: it, or its folder, is locked or read-only.
    """
    if (linked := _why_linked(path, state.st_nlink, options)) is not None:
        raise UnsupportedTagError(linked)
    if (locked := why_locked(path.resolve())) is not None:
        raise WriteError(f"{path}: {locked}.")
    if not state.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise WriteError(f"{path}: it is read-only. Make it writable to have it tagged.")


def _why_linked(path: Path, n_names: int, options: WriteOptions) -> str | None:
    # Renaming a copy over one name leaves the other names with the old file.
    if n_names < 2 or options.hardlinks == "write":
        return None
    return (
        f"{path}: it has {n_names} hard links, and writing would break the link."
        " --hardlinks write allows it."
    )


def check_writable(
    path: Path, info: TagInfo, state: os.stat_result, options: WriteOptions
) -> None:
    """Refuse to change a file that may not be written, with the reason.

    Raises:
        UnsupportedTagError: its tags cannot take a genre, or it has other names.
        WriteError: as for `check_replaceable`.
    """
    if info.unwritable:
        raise UnsupportedTagError(f"{path}: no genre can be written. {info.unwritable}")
    check_replaceable(path, state, options)
