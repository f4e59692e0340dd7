"""Give files back what they held before a run, to the byte; itself a run that can be undone."""

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tagger.errors import TagError, TrackError, UnsupportedTagError, WriteError
from tagger.journal.history import Change, later_run
from tagger.journal.moved import Moved
from tagger.journal.put_back import OtherFileError, WayBack, plan_back
from tagger.journal.run import GROUP, JournalledRun, Outcome, Outcomes, Plan
from tagger.journal.undo_result import UndoResult, UndoStatus
from tagger.system.groups import distinct_groups
from tagger.tags import read_tags
from tagger.writing.options import WriteOptions
from tagger.writing.replace import PreparedWrite

_AWAY = {errno.ENOENT, errno.ENOTDIR}


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOptions:
    """How changes are taken back.

    Attributes:
        write: change files; otherwise only say what would become of them.
        writing: how; with `keep_mtime` a file gets back the time that it had, too.
    """

    write: bool = True
    writing: WriteOptions = WriteOptions()


def undo(
    changes: Iterable[Change],
    run: JournalledRun,
    options: UndoOptions,
    moved: Moved | None = None,
) -> Iterator[UndoResult]:
    """Take changes back.

    A file that is not at its place any more is looked for by what it holds. One that does not
    hold to the byte what the change gave it was changed by somebody else since, and is left
    alone.

    Args:
        changes: newest first, so that a file that was changed twice goes back twice.
        run: what writes.
        options: how.
        moved: finds files that are not at their place; None for one that looks everywhere.

    Yields:
        One result a change, in order: `written` (or `proposed`) with the genres that the file
        has again, `unchanged` if it was taken back before, else why it is left alone.
    """
    moved = moved or Moved(run.store)
    # A second change of a file can only be told once the first one is made.
    for group in distinct_groups(changes, at_most=GROUP, key=lambda change: change.path):
        plans: list[tuple[Plan, int | None]] = [
            (partial(plan_undo, change, moved, options.writing), change.id) for change in group
        ]
        outcomes = run.carry_out(plans) if options.write else _planned_only(plans)
        for change, outcome in zip(group, outcomes, strict=True):
            yield _result(change, outcome, options, moved.places.get(change.id))


def plan_undo(change: Change, moved: Moved, options: WriteOptions) -> PreparedWrite | None:
    """Plan to take one change back; nothing is written.

    Returns:
        None if it was taken back before.

    Raises:
        TagError: the file cannot be read.
        UnsupportedTagError: it has other names.
        WriteError: somebody else has changed it since, or it may not be changed.
    """
    if change.undone:
        return None
    try:
        return _plan_at(change.path, change, options)
    except TagError as error:
        if getattr(error.__cause__, "errno", None) not in _AWAY:
            raise
        message = _gone(change)
    except OtherFileError as error:
        message = str(error)
    # Asked before looking elsewhere: a later run of ours explains why it differs.
    run = later_run(moved.store, change)
    if run is not None:
        raise WriteError(
            f"{change.path}: run {run} has changed it since. Undo that first:"
            f" `tagger undo {run}`."
        )
    if (place := moved.find(change)) is None:
        raise WriteError(message)
    return _plan_at(place, change, options)


def _plan_at(path: Path, change: Change, options: WriteOptions) -> PreparedWrite | None:
    """Plan to take a change back from the file of a name, if that is the one."""
    way = WayBack(
        was=change.was,
        becomes=change.becomes,
        before=change.before,
        after=change.after,
        reverse=change.reverse,
        mtime_ns=change.old[3],
    )
    return plan_back(path, way, options)


def _gone(change: Change) -> str:
    return (
        f"{change.path}: it is not there any more, and no file that holds what tagger wrote was"
        f" found. If it was moved elsewhere, `tagger undo {change.run} FOLDER` looks there."
    )


def _planned_only(plans: Iterable[tuple[Plan, int | None]]) -> Outcomes:
    """What would come of plans, as far as can be told without writing."""
    for plan, _ in plans:
        try:
            yield plan() is not None
        except TrackError as error:
            yield error


def _result(
    change: Change, outcome: Outcome, options: UndoOptions, place: Path | None
) -> UndoResult:
    """What became of a change, whose file may have been found at another place."""
    path = place or change.path
    if outcome is True:
        status: UndoStatus = "written" if options.write else "proposed"
        reasons = [] if place is None else [f"moved here from {change.path}"]
        reasons += [] if change.before else ["no genre, as before"]
        return UndoResult(
            path=path,
            status=status,
            genres=change.before,
            previous=change.after,
            reason="; ".join(reasons) or None,
        )
    now = _genres_now(path)
    if outcome is False:
        status, reason = "unchanged", "it was undone before"
    else:
        status = "skipped" if isinstance(outcome, UnsupportedTagError) else "failed"
        reason = str(outcome)
    return UndoResult(path=path, status=status, genres=now, previous=now, reason=reason)


def _genres_now(path: Path) -> tuple[str, ...]:
    """What a file that is left alone holds; nothing if that cannot be read."""
    try:
        return read_tags(path).genres
    except TagError:
        return ()
