"""What became of changes whose process was killed, or got no answer: the objects tell."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tagger.cluster.journal import ObjectJournal, changes_of
from tagger.cluster.journal_rows import ObjectChange
from tagger.cluster.problems import cause_of, objects_asked
from tagger.cluster.replaceable import FolderObjects, ObjectVersion, Replaceable, fetch, url_of
from tagger.cluster.scratch import scratch_folder
from tagger.errors import TrackError, WriteError
from tagger.tags.payload import Identity
from tagger.writing import filecopy
from tagger.writing.replace import identity_at


def settle_open(
    target: Replaceable, journal: ObjectJournal, *, batch: str | None = None
) -> Iterator[ObjectChange]:
    """All changes of a run, those settled that a killed process has left open.

    A resumed scan learns from it which objects have been written although no result says so.
    No other process may be writing in that run.

    Args:
        target: the objects of the run.
        journal: of the same run; what is found out is recorded there.
        batch: only those of one batch; None for all.

    Raises:
        StateError: the journal cannot be read or written.
    """
    for change in changes_of(journal.parts, journal.run, batch=batch):
        settled = change
        if change.status == "planned":
            if isinstance(target, FolderObjects):
                _remove_copy(Path(url_of(target.place, change.key)), change.temp)
            settled = what_became(target, change, "the run was killed")
            journal.settle(settled)
        yield settled
    journal.close()


def what_became(target: Replaceable, change: ObjectChange, reason: str) -> ObjectChange:
    """A change with its status: the object is new, old, neither, or cannot be asked.

    Args:
        target: the objects.
        change: planned.
        reason: why it may not have been made.
    """
    try:
        now = target.version(change.key)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from being asked
        if cause_of(error) == "gone":
            return replace(change, status="gone", reason="it is not there any more")
        return change
    if now.etag == change.old.etag:
        return replace(change, status="failed", reason=reason)
    try:
        identity = identity_now(target, change.key, now, change)
    except TrackError:
        return change
    if identity == change.becomes:
        return replace(change, status="done", new=now)
    return replace(change, status="gone", reason="somebody else has changed it")


def identity_now(
    target: Replaceable, key: str, now: ObjectVersion, change: ObjectChange
) -> Identity | None:
    """What an object holds; None if it need not be copied to know that it is none of ours.

    Raises:
        WriteError: it cannot be copied.
    """
    if now.size not in {change.was.size, change.becomes.size}:
        return None
    url, container = url_of(target.place, key), change.was.container
    with objects_asked(url, WriteError):
        if isinstance(target, FolderObjects):
            return identity_at(Path(url), container)
        with scratch_folder(None) as folder:
            path = folder / "object"
            fetch(target.place, key, now, path)
            return identity_at(path, container)


def _remove_copy(path: Path, name: str) -> None:
    """Remove the unfinished copy of a file of a folder."""
    temp = path.resolve().with_name(name) if name else path
    if filecopy.is_temp(temp) and temp.is_file() and not temp.is_symlink():
        with contextlib.suppress(OSError):  # the next recovery finds it again
            temp.unlink()
