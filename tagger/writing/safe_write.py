"""Change fields of a file without ever having a broken one on disk.

The file is copied beside itself with the change in it, the copy is re-opened and compared
with the original (the fields, every other piece of metadata, audio payload) by our readers and
by mutagen, made durable, and renamed over the original. At any instant the name leads to a
whole file, old or new. What a killed process leaves behind is a hidden file named
`.NAME.tagger-XXXXXXXX.tmp`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tagger.errors import TagError, UnsupportedTagError, WriteError
from tagger.tags.base import Source, TagInfo, open_source
from tagger.tags.fields import (
    DEFAULT_SEPARATOR,
    GENRE,
    PLACEHOLDERS,
    Edits,
    Id3Version,
    Style,
)
from tagger.tags.patched import patched, reversed_patches
from tagger.tags.payload import identity_of
from tagger.tags.registry import info_of, opened, translated
from tagger.tags.sniff import container_of
from tagger.writing import filecopy
from tagger.writing.attributes import why_locked
from tagger.writing.replace import NOT_WRITTEN, Compare, PreparedWrite
from tagger.writing.request import check_expected, checked, wrong_field
from tagger.writing.second_reader import Wording, differing_tags

Hardlinks = Literal["skip", "write"]
HARDLINKS: tuple[Hardlinks, ...] = get_args(Hardlinks)

_READ = "the tags cannot be read"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How files are changed.

    Attributes:
        id3v23_separator: joins several values in ID3v2.3, which knows one string only.
        keep_mtime: leave the modification time; media servers then miss the change.
        hardlinks: what to do with a file that has more names: leave it alone, or write and
            so give this name a file of its own (the other names keep the old content).
        id3v2_version: of a tag that is written: as it is (a new one is 2.4), or this one.
        mp4_compat: several genres as one joined MP4 value.
        wav_info: the genre of a WAV also as RIFF INFO.
        placeholders: what stands in a genre's place and says none.
    """

    id3v23_separator: str = DEFAULT_SEPARATOR
    keep_mtime: bool = False
    hardlinks: Hardlinks = "skip"
    id3v2_version: Id3Version = "keep"
    mp4_compat: bool = False
    wav_info: bool = False
    placeholders: tuple[str, ...] = PLACEHOLDERS

    @property
    def style(self) -> Style:
        """How values are spelled."""
        return Style(
            separator=self.id3v23_separator,
            id3v2_version=self.id3v2_version,
            mp4_joined=self.mp4_compat,
            wav_info=self.wav_info,
            placeholders=self.placeholders,
        )


def write_genres(
    path: Path,
    genres: Sequence[str] | None,
    *,
    options: WriteOptions = WriteOptions(),
    expected: TagInfo | None = None,
    others: Mapping[str, Sequence[str]] | None = None,
) -> bool:
    """Give a file exactly these genres (and other fields), and change nothing else.

    Args:
        path: the file; of a symbolic link, the file that it leads to.
        genres: what it shall hold, in order; empty removes the genre, None leaves it.
        options: how to write.
        expected: what `read_tags` said when it was decided; if the file says something else
            by now, it is left alone.
        others: what other fields shall hold, by name; empty removes a field.

    Returns:
        True if the file was changed, False if it held these values and was not touched.

    Raises:
        TagError: its tags cannot be read.
        UnsupportedTagError: no genre can be written to such a file, or it has other names.
        WriteError: it could not be written or not be proven right; it is as it was.
    """
    planned = plan_write(path, genres, options=options, expected=expected, others=others)
    if planned is None:
        return False
    with planned:
        planned.make()
        planned.commit()
    return True


def plan_write(
    path: Path,
    genres: Sequence[str] | None,
    *,
    options: WriteOptions = WriteOptions(),
    expected: TagInfo | None = None,
    others: Mapping[str, Sequence[str]] | None = None,
) -> PreparedWrite | None:
    """All that is known before the copy is made; nothing is written.

    Returns:
        None if the file holds exactly these values.

    Raises:
        TagError, UnsupportedTagError, WriteError: as for `write_genres`.
    """
    requested = checked(path, genres, others or {})
    with translated(path, TagError, _READ):
        target = path.resolve(strict=True)
    with translated(target, TagError, _READ), open_source(target) as source:
        state = os.fstat(source.file.fileno())
        container = container_of(source)
        info = info_of(source, container, options.style, requested)
        edits = {
            field: new
            for field, new in requested.items()
            if info.values(field.name) != new or (field is GENRE and not info.is_consistent)
        }
        if not edits:
            return None
        check_expected(path, info, expected)
        shown = next(iter(edits))
        _check_writable(path, info, state, options)
        with translated(target, WriteError, NOT_WRITTEN):
            patches = opened(source, container, options.style).plan(edits)
            was = identity_of(source, container)
            new = patched(source, patches)
            return PreparedWrite(
                path=target,
                temp=filecopy.temp_beside(target),
                before=info.values(shown.name),
                after=edits[shown],
                patches=tuple(patches),
                undo=reversed_patches(source, patches),
                was=was,
                becomes=identity_of(new, container, payload=was.payload),
                stat=state,
                mtime_ns=state.st_mtime_ns if options.keep_mtime else None,
                compare=_tag_reader(container, edits, options.style),
            )


def _tag_reader(container: str, edits: Edits, style: Style) -> Compare:
    """Compares a copy as who reads tags: the fields as wanted, all others as they were."""

    def compare(original: Source, copy: Source) -> str | None:
        if (wrong := wrong_field(info_of(copy, container, style, edits), edits)) is not None:
            return wrong
        one, other = (opened(at, container, style).others(edits) for at in (original, copy))
        if one != other:
            return "other tags would change"
        wording: Wording = "own" if style.id3v2_version == "keep" else "common"
        return differing_tags(original, copy, container, edits, wording=wording)

    return compare


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


def _check_writable(
    path: Path, info: TagInfo, state: os.stat_result, options: WriteOptions
) -> None:
    """Refuse to change a file that may not be written, with the reason."""
    if info.unwritable:
        raise UnsupportedTagError(f"{path}: no genre can be written. {info.unwritable}")
    check_replaceable(path, state, options)
