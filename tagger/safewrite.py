"""Change fields of a file without ever having a broken one on disk.

The file is copied beside itself with the change in it, the copy is re-opened and compared
with the original (the fields, every other piece of metadata, audio payload), made durable, and
renamed over the original. At any instant the name leads to a whole file, old or new. What a
killed process leaves behind is a hidden file named `.NAME.tagger-XXXXXXXX.tmp`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tagger.errors import TagError, UnsupportedTagError, WriteError
from tagger.payload import hash_of
from tagger.tags import filecopy
from tagger.tags.base import Family, Patch, Source, TagInfo, open_source
from tagger.tags.detect import container_of
from tagger.tags.fields import DEFAULT_SEPARATOR, GENRE, Edits, Id3Version, Style
from tagger.tags.registry import family_of, info_of, translated
from tagger.wanted import check_expected, checked, wrong_field

_WRITE = "the genre was not written and the file is as it was"
_DURABLE = "the genre was written, but may be lost if the machine stops now"
_READ = "the tags cannot be read"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How files are changed.

    Attributes:
        id3v23_separator: joins several values in ID3v2.3, which knows one string only.
        id3v2_version: of a tag that is written: as it is (a new one is 2.4), or this one.
        mp4_compat: several genres as one joined MP4 value.
        wav_info: the genre of a WAV also as RIFF INFO.
        keep_mtime: leave the modification time; media servers then miss the change.
        hardlinks: what to do with a file that has more names: leave it alone, or give this
            name a file of its own (the other names keep the old content).
    """

    id3v23_separator: str = DEFAULT_SEPARATOR
    keep_mtime: bool = False
    hardlinks: Literal["skip", "break"] = "skip"
    id3v2_version: Id3Version = "keep"
    mp4_compat: bool = False
    wav_info: bool = False

    @property
    def style(self) -> Style:
        """How values are spelled."""
        return Style(
            separator=self.id3v23_separator,
            id3v2_version=self.id3v2_version,
            mp4_joined=self.mp4_compat,
            wav_info=self.wav_info,
        )


@dataclass(slots=True)
class PreparedWrite:
    """A verified copy that waits to take the place of its original.

    Use it in a `with` statement: leaving it without `commit` removes the copy.

    Attributes:
        path: the file that is replaced, links resolved.
        temp: the copy beside it.
        container: as `read_tags` names it.
        before: the genres that the file holds.
        after: the genres that the copy holds.
        others_before: other fields that are changed: what the file holds, by name.
        others_after: the same of the copy.
        payload: the hash of the audio payload of both.
        undo: the changes that make the original of the copy again, byte for byte.
        stat: the original's state when it was copied.
        options: how it is written.
    """

    path: Path
    temp: Path
    container: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    payload: str
    undo: tuple[Patch, ...]
    stat: os.stat_result
    options: WriteOptions = field(default_factory=WriteOptions)
    others_before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others_after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def commit(self) -> None:
        """Put the copy in the original's place, durably.

        Raises:
            WriteError: the original has changed since, or cannot be replaced.
        """
        try:
            with translated(self.path, WriteError, _WRITE):
                now = self.path.stat()
                if filecopy.signature(now) != filecopy.signature(self.stat):
                    raise WriteError(
                        f"{self.path}: it was changed by another program while its genre was "
                        "being written, and is left as that program made it. Scan it again."
                    )
                self.temp.replace(self.path)
            with translated(self.path, WriteError, _DURABLE):
                filecopy.sync_folder(self.path.parent)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the copy, if it is still there."""
        self.temp.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()


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
        others: what other fields shall hold, by name; empty removes a field.
        expected: what `read_tags` said when it was decided; if the file says something else
            by now, it is left alone.

    Returns:
        True if the file was changed, False if it held these values and was not touched.

    Raises:
        TagError: its tags cannot be read.
        UnsupportedTagError: no genre can be written to such a file, or it has other names.
        WriteError: it could not be written or not be proven right; it is as it was.
    """
    prepared = prepare(path, genres, options=options, expected=expected, others=others)
    if prepared is None:
        return False
    with prepared:
        prepared.commit()
    return True


def prepare(
    path: Path,
    genres: Sequence[str] | None,
    *,
    options: WriteOptions = WriteOptions(),
    expected: TagInfo | None = None,
    others: Mapping[str, Sequence[str]] | None = None,
) -> PreparedWrite | None:
    """Make and verify the copy that `commit` will put in the file's place.

    Returns:
        None if the file holds exactly these values; nothing was written then.

    Raises:
        TagError, UnsupportedTagError, WriteError: as for `write_genres`.
    """
    wanted = checked(path, genres, others or {})
    with translated(path, TagError, _READ):
        target = path.resolve(strict=True)
    with translated(target, TagError, _READ), open_source(target) as source:
        state = os.fstat(source.file.fileno())
        container = container_of(source)
        info = info_of(source, container, options.style, wanted)
        check_expected(path, info, expected)
        edits = {key: new for key, new in wanted.items() if info.values(key.name) != new}
        if not edits:
            return None
        family = _writable_family(path, info, state, options)
        with translated(target, WriteError, _WRITE):
            patches = family.plan(source, container, edits, options.style)
            prepared = PreparedWrite(
                path=target,
                temp=filecopy.temp_beside(target),
                container=container,
                before=info.genres,
                after=wanted.get(GENRE, info.genres),
                payload=hash_of(source, container),
                undo=_reversed(source, patches),
                stat=state,
                options=options,
                others_before={k.name: info.values(k.name) for k in edits if k != GENRE},
                others_after={k.name: new for k, new in edits.items() if k != GENRE},
            )
            _make(source, prepared, family, patches, edits)
            return prepared


def why_skipped(path: Path, info: TagInfo, options: WriteOptions) -> str | None:
    """Why a file would be left alone on purpose, or None; what `prepare` would raise."""
    if info.unwritable:
        return f"{path}: no genre can be written. {info.unwritable}"
    n_names = path.stat().st_nlink
    if n_names > 1 and options.hardlinks == "skip":
        return (
            f"{path}: it has {n_names} names (hard links), and writing would part them."
            " --hardlinks break allows it."
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
    if not state.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise WriteError(f"{path}: it is read-only. Make it writable to have it tagged.")
    return family


def _reversed(source: Source, patches: Sequence[Patch]) -> tuple[Patch, ...]:
    """The patches that undo others, for the file that those have made."""
    found, moved = [], 0
    for patch in patches:
        old = source.exact(patch.offset, patch.length)
        found.append(Patch(patch.offset + moved, len(patch.data), old))
        moved += len(patch.data) - patch.length
    return tuple(found)


def _make(
    source: Source,
    prepared: PreparedWrite,
    family: Family,
    patches: Sequence[Patch],
    edits: Edits,
) -> None:
    """Write the copy and verify it; nothing of it stays behind if that fails."""
    try:
        filecopy.copy_patched(source, prepared.temp, patches)
        _verify(source, prepared, family, patches, edits)
        filecopy.copy_attributes(
            source.path, prepared.temp, prepared.stat, keep_mtime=prepared.options.keep_mtime
        )
        filecopy.sync_file(prepared.temp)
    except BaseException:
        prepared.discard()
        raise


def _verify(
    source: Source,
    prepared: PreparedWrite,
    family: Family,
    patches: Sequence[Patch],
    edits: Edits,
) -> None:
    """Re-open the copy: the fields as wanted, everything else as in the original."""
    container, style = prepared.container, prepared.options.style
    with open_source(prepared.temp) as copy:
        found = "unknown"
        grown = sum(len(patch.data) - patch.length for patch in patches)
        if copy.size != source.size + grown:
            found = "the copy has another length"
        elif container_of(copy) != container:
            found = "the copy is another container"
        elif wrong := wrong_field(info_of(copy, container, style, edits), edits):
            found = wrong
        elif family.others(copy, container, edits, style) != family.others(
            source, container, edits, style
        ):
            found = "other tags would not be the same"
        elif hash_of(copy, container) != prepared.payload:
            found = "the audio would not be the same"
        else:
            return
    raise WriteError(f"{prepared.path}: {_WRITE}: {found}. Its tags may be damaged.")
