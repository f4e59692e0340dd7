"""Change fields of a file without ever having a broken one on disk.

The file is copied beside itself with the change in it, the copy is re-opened and compared
with the original (the fields, every other piece of metadata, audio payload) by our readers and
by mutagen, made durable, and renamed over the original. At any instant the name leads to a
whole file, old or new. What a killed process leaves behind is a hidden file named
`.NAME.tagger-XXXXXXXX.tmp`.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import TagError, WriteError
from tagger.tags.base import Source, TagInfo, open_source
from tagger.tags.fields import GENRE, Edits, Style
from tagger.tags.patched import patched, reversed_patches
from tagger.tags.payload import identity_of
from tagger.tags.registry import info_of, opened, translated
from tagger.tags.sniff import container_of
from tagger.writing import filecopy
from tagger.writing.checks import (
    check_expected,
    check_heard,
    check_not_written,
    checked,
    wrong_field,
)
from tagger.writing.options import WriteOptions, WriteRequest
from tagger.writing.refusals import check_writable
from tagger.writing.replace import NOT_WRITTEN, Compare, PreparedWrite
from tagger.writing.second_reader import differing_tags

if TYPE_CHECKING:
    from tagger.writing.mutagen_id3 import Wording

__all__ = ["WriteOptions", "plan_write", "write_genres"]

_READ = "the tags cannot be read"


def write_genres(
    path: Path,
    genres: Sequence[str] | None,
    *,
    options: WriteOptions = WriteOptions(),
    expected: TagInfo | None = None,
    others: Mapping[str, Sequence[str]] | None = None,
) -> bool:
    """Give a file exactly these genres (and other fields), and change nothing else.

    It stands in no journal: what `Tagger.write` writes can be undone, this cannot.

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
    planned = plan_write(WriteRequest(path, genres, options, expected, others or {}))
    if planned is None:
        return False
    with planned:
        planned.make()
        planned.commit()
    return True


def plan_write(request: WriteRequest) -> PreparedWrite | None:
    """All that is known before the copy is made; nothing is written.

    Returns:
        None if the file holds exactly these values.

    Raises:
        TagError, UnsupportedTagError, WriteError: as for `write_genres`.
    """
    path, options = request.path, request.options
    requested = checked(path, request.genres, request.others)
    with translated(path, TagError, _READ):
        target = path.resolve(strict=True)
    with translated(path, TagError, _READ), open_source(target) as source:
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
        check_expected(path, info, request.expected)
        check_heard(path, state, request.heard)
        # Asked again before the copy takes its place; here nothing is copied for nothing.
        check_not_written(path, target)
        shown = next(iter(edits))
        check_writable(path, info, state, options)
        with translated(path, WriteError, NOT_WRITTEN):
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
                called=path,
                on_placed=request.on_placed,
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
