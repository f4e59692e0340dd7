"""Change the genre of a file without ever having a broken one on disk.

The file is copied beside itself with the change in it, the copy is re-opened and compared
with the original (genre, every other piece of metadata, audio payload), made durable, and
renamed over the original. At any instant the name leads to a whole file, old or new. What a
killed process leaves behind is a hidden file named `.NAME.tagger-XXXXXXXX.tmp`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagger.errors import TagError, UnsupportedTagError, WriteError
from tagger.payload import identity_of
from tagger.prepared import NOT_WRITTEN, Compare, PreparedWrite
from tagger.tags import filecopy
from tagger.tags.attributes import why_locked
from tagger.tags.base import DEFAULT_SEPARATOR, Family, Source, TagInfo, open_source
from tagger.tags.detect import container_of
from tagger.tags.patched import patched, reversed_patches
from tagger.tags.registry import family_of, info_of, translated

_READ = "the tags cannot be read"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How files are changed.

    Attributes:
        id3v23_separator: joins several genres in ID3v2.3, which knows one string only.
        keep_mtime: leave the modification time; media servers then miss the change.
        hardlinks: what to do with a file that has more names: leave it alone, or write and
            so give this name a file of its own (the other names keep the old content).
    """

    id3v23_separator: str = DEFAULT_SEPARATOR
    keep_mtime: bool = False
    hardlinks: Literal["skip", "write"] = "skip"


def write_genres(
    path: Path,
    genres: Sequence[str],
    *,
    options: WriteOptions = WriteOptions(),
    expected: TagInfo | None = None,
) -> bool:
    """Give a file exactly these genres, and change nothing else.

    Args:
        path: the file; of a symbolic link, the file that it leads to.
        genres: what it shall hold, in order; empty removes the genre.
        options: how to write.
        expected: what `read_tags` said when it was decided; if the file says something else
            by now, it is left alone.

    Returns:
        True if the file was changed, False if it held these genres and was not touched.

    Raises:
        TagError: its tags cannot be read.
        UnsupportedTagError: no genre can be written to such a file, or it has other names.
        WriteError: it could not be written or not be proven right; it is as it was.
    """
    prepared = prepare(path, genres, options=options, expected=expected)
    if prepared is None:
        return False
    with prepared:
        prepared.commit()
    return True


def prepare(
    path: Path,
    genres: Sequence[str],
    *,
    options: WriteOptions = WriteOptions(),
    expected: TagInfo | None = None,
) -> PreparedWrite | None:
    """Make and verify the copy that `commit` will put in the file's place.

    Returns:
        None if the file holds exactly these genres; nothing was written then.

    Raises:
        TagError, UnsupportedTagError, WriteError: as for `write_genres`.
    """
    planned = plan_write(path, genres, options=options, expected=expected)
    if planned is not None:
        planned.make()
    return planned


def plan_write(
    path: Path,
    genres: Sequence[str],
    *,
    options: WriteOptions = WriteOptions(),
    expected: TagInfo | None = None,
) -> PreparedWrite | None:
    """All that `prepare` does before it makes the copy; nothing is written.

    Returns:
        None if the file holds exactly these genres.

    Raises:
        TagError, UnsupportedTagError, WriteError: as for `write_genres`.
    """
    wanted = tuple(genres)
    _check_genres(path, wanted)
    with translated(path, TagError, _READ):
        target = path.resolve(strict=True)
    with translated(target, TagError, _READ), open_source(target) as source:
        state = os.fstat(source.file.fileno())
        container = container_of(source)
        info = info_of(source, container, options.id3v23_separator)
        if info.genres == wanted:
            return None
        _check_expected(path, info, expected)
        family = _writable_family(path, info, state, options)
        with translated(target, WriteError, NOT_WRITTEN):
            patches = family.plan(source, container, wanted, options.id3v23_separator)
            was = identity_of(source, container)
            new = patched(source, patches)
            return PreparedWrite(
                path=target,
                temp=filecopy.temp_beside(target),
                before=info.genres,
                after=wanted,
                patches=tuple(patches),
                undo=reversed_patches(source, patches),
                was=was,
                becomes=identity_of(new, container, payload=was.payload),
                stat=state,
                mtime_ns=state.st_mtime_ns if options.keep_mtime else None,
                compare=_tag_reader(family, container, wanted, options),
            )


def _tag_reader(
    family: Family, container: str, wanted: tuple[str, ...], options: WriteOptions
) -> Compare:
    """Compares a copy as who reads tags: the genre as wanted, all others as they were."""

    def compare(original: Source, copy: Source) -> str | None:
        found = info_of(copy, container, options.id3v23_separator).genres
        if found != wanted:
            return f"the genre reads back as {'; '.join(found) or 'nothing'}"
        if family.others(copy, container) != family.others(original, container):
            return "other tags would not be the same"
        return None

    return compare


def _check_expected(path: Path, info: TagInfo, expected: TagInfo | None) -> None:
    """What was decided about other genres than there are now is not carried out."""
    if expected is None:
        return
    if (info.container, info.genres) != (expected.container, expected.genres):
        raise WriteError(
            f"{path}: its tags were changed by another program since they were read, and are "
            "left as they are. Scan it again."
        )


def _check_genres(path: Path, genres: Sequence[str]) -> None:
    """A genre is not blank; NUL separates values in several formats."""
    for genre in genres:
        if not genre.strip() or "\0" in genre:
            raise WriteError(f"{path}: {genre!r} cannot be a genre: it is blank or has a NUL.")


def why_skipped(
    path: Path, info: TagInfo, options: WriteOptions, *, n_names: int = 0
) -> str | None:
    """Why a file would be left alone on purpose, or None; what `prepare` would raise.

    Args:
        path: the file.
        info: what was read of it.
        options: how it would be written.
        n_names: names (hard links) that it has; 0 if that is to be asked for.
    """
    if info.unwritable:
        return f"{path}: no genre can be written. {info.unwritable}"
    n_names = n_names or path.stat().st_nlink
    if n_names > 1 and options.hardlinks == "skip":
        return (
            f"{path}: it has {n_names} names (hard links), and writing would part them."
            " --hardlinks write allows it."
        )
    return None


def _writable_family(
    path: Path, info: TagInfo, state: os.stat_result, options: WriteOptions
) -> Family:
    """The family of a file that may be written, or the reason why it may not."""
    family = family_of(info.container)
    reason = why_skipped(path, info, options)
    if reason or family is None:
        raise UnsupportedTagError(reason or f"{path}: no genre can be written.")
    if (locked := why_locked(path.resolve())) is not None:
        raise WriteError(f"{path}: {locked}.")
    if not state.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise WriteError(f"{path}: it is read-only. Make it writable to have it tagged.")
    return family
