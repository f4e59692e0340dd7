"""What is asked of the fields of a file: checked before it is written, compared afterwards."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tagger.errors import ChangedError, WriteError
from tagger.library.listing import Entry, entry_of
from tagger.tags.base import TagInfo
from tagger.tags.fields import GENRE, Edits, field_named
from tagger.writing.open_elsewhere import is_being_written


def check_expected(path: Path, info: TagInfo, expected: TagInfo | None) -> None:
    """What was decided about other genres than there are now is not carried out."""
    if expected is None:
        return
    values_now = {name: info.values(name) for name in expected.others if name in info.others}
    if (info.container, info.genres) != (expected.container, expected.genres) or any(
        expected.others[name] != values for name, values in values_now.items()
    ):
        raise ChangedError(
            f"{path}: its tags were changed by another program since they were read, and are "
            "left as they are. Scan it again."
        )


def check_heard(path: Path, state: os.stat_result, heard: Entry | None) -> None:
    """What was decided about other music than lies there now is not carried out."""
    if heard is None:
        return
    # The time of the last change is not asked: a new link to the file changes it, too.
    size, mtime_ns, inode = entry_of(path.name, state)[1:4]
    # A listing of Windows tells no inodes.
    if (size, mtime_ns) != heard[1:3] or heard[3] not in {0, inode}:
        raise ChangedError(
            f"{path}: it was changed by another program since it was listened to, and is left"
            " as it is. Scan it again."
        )


def check_not_written(path: Path, target: Path) -> None:
    """What another program writes from now on would go into a file that has no name.

    Args:
        path: the file, as it was given.
        target: the same, links resolved.
    """
    if is_being_written(target):
        raise ChangedError(
            f"{path}: another program has it open to write to it, as one that downloads it"
            " does, so it is left as it is. Scan it again once that is done."
        )


def checked(
    path: Path, genres: Sequence[str] | None, others: Mapping[str, Sequence[str]]
) -> Edits:
    """The fields with their values, none of which is blank; NUL separates values."""
    edits = {} if genres is None else {GENRE: tuple(genres)}
    edits |= {field_named(name): tuple(values) for name, values in others.items()}
    for edit, values in edits.items():
        for value in values:
            # NUL parts values in ID3, APEv2 and MP4: it would make two of one.
            if not value.strip() or "\0" in value:
                raise WriteError(
                    f"{path}: {value!r} cannot be a {edit.name}: it is blank or has a NUL."
                )
    return edits


def wrong_field(info: TagInfo, edits: Edits) -> str | None:
    """What is wrong with a field that does not read back; None if all do."""
    for edit, expected_values in edits.items():
        if (values := info.values(edit.name)) != expected_values:
            return f"the {edit.name} reads back as {'; '.join(values) or 'nothing'}"
        if edit is GENRE and not info.is_consistent:
            return "another place in the file would still show another genre"
    return None
