"""Give files back what they held before a run, to the byte; itself a run that can be undone."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from tagger.errors import TagError, TrackError, UnsupportedTagError, WriteError
from tagger.payload import Identity, identity_of
from tagger.prepared import NOT_WRITTEN, PreparedWrite
from tagger.safewrite import WriteOptions, check_replaceable
from tagger.scan import Status, TrackResult
from tagger.state.changes import Change, later_run
from tagger.state.reverse import unpack
from tagger.state.store import Store
from tagger.tags import filecopy, read_tags
from tagger.tags.base import Source, open_source
from tagger.tags.detect import container_of
from tagger.tags.patched import patched, reversed_patches
from tagger.tags.registry import translated
from tagger.writing import GROUP, JournalledRun, Outcome, Outcomes, Plan

_READ = "it cannot be read"


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
    changes: Iterable[Change], run: JournalledRun, options: UndoOptions
) -> Iterator[TrackResult]:
    """Take changes back.

    A file that does not hold to the byte what the change gave it was changed by somebody else
    since, and is left alone.

    Args:
        changes: newest first, so that a file that was changed twice goes back twice.
        run: what writes.
        options: how.

    Yields:
        One result a change, in order: `written` (or `proposed`) with the genres that the file
        has again, `unchanged` if it was taken back before, else why it is left alone.
    """
    for group in _groups(changes):
        plans: list[tuple[Plan, int | None]] = [
            (partial(plan_undo, one, run.store, options.writing), one.id) for one in group
        ]
        outcomes = run.carry_out(plans) if options.write else _planned_only(plans)
        for change, outcome in zip(group, outcomes, strict=True):
            yield _result(change, outcome, options)


def _groups(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """A few changes at a time, none of which can only be told after another one is made."""
    group: list[Change] = []
    for change in changes:
        if len(group) == GROUP or change.path in {one.path for one in group}:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def plan_undo(change: Change, store: Store, options: WriteOptions) -> PreparedWrite | None:
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
    with translated(change.path, TagError, _READ):
        path = change.path.resolve(strict=True)
    with translated(path, TagError, _READ), open_source(path) as source:
        state = os.fstat(source.file.fileno())
        container = change.was.container
        found = identity_of(source, container) if _is_like(source, change) else None
        if found == change.was:
            return None
        if found != change.becomes:
            raise WriteError(_changed_since(change, store))
        check_replaceable(path, state, options)
        with translated(path, WriteError, NOT_WRITTEN):
            patches = unpack(change.reverse, source)
            return PreparedWrite(
                path=path,
                temp=filecopy.temp_beside(path),
                before=change.after,
                after=change.before,
                patches=patches,
                undo=reversed_patches(source, patches),
                was=found,
                becomes=_proven(patched(source, patches), change),
                stat=state,
                mtime_ns=change.old[3] if options.keep_mtime else None,
            )


def _is_like(source: Source, change: Change) -> bool:
    """Whether it is worth reading all of a file."""
    sizes = {change.was.size, change.becomes.size}
    return source.size in sizes and container_of(source) == change.was.container


def _proven(view: Source, change: Change) -> Identity:
    """What the file will hold, which is what it held."""
    found = identity_of(view, change.was.container, payload=change.was.payload)
    if found != change.was:
        raise WriteError(
            f"{change.path}: {NOT_WRITTEN}: the journal does not lead back to what it held."
        )
    return found


def _changed_since(change: Change, store: Store) -> str:
    run = later_run(store, change)
    if run is not None:
        return (
            f"{change.path}: run {run} has changed it since. Undo that first:"
            f" `tagger undo {run}`."
        )
    return (
        f"{change.path}: it was changed by another program since tagger wrote it, and is left"
        " as that program made it."
    )


def _planned_only(plans: Iterable[tuple[Plan, int | None]]) -> Outcomes:
    """What would come of plans, as far as can be told without writing."""
    for plan, _ in plans:
        try:
            yield plan() is not None
        except TrackError as error:
            yield error


def _result(change: Change, outcome: Outcome, options: UndoOptions) -> TrackResult:
    if outcome is True:
        status: Status = "written" if options.write else "proposed"
        return TrackResult(
            path=change.path,
            status=status,
            genres=change.before,
            previous=change.after,
            reason=None if change.before else "no genre, as before",
        )
    now = _genres_now(change)
    if outcome is False:
        status, reason = "unchanged", "it was undone before"
    else:
        status = "skipped" if isinstance(outcome, UnsupportedTagError) else "failed"
        reason = str(outcome)
    return TrackResult(path=change.path, status=status, genres=now, previous=now, reason=reason)


def _genres_now(change: Change) -> tuple[str, ...]:
    """What a file that is left alone holds; nothing if that cannot be read."""
    try:
        return read_tags(change.path).genres
    except TagError:
        return ()
