"""Give objects back what they held before a run, to the byte, each only if it is still ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from tagger.cluster.conditional import check_conditional, open_replaceable
from tagger.cluster.journal import ObjectJournal, ObjectRun, begin_run, changes_of
from tagger.cluster.journal_parts import JournalParts
from tagger.cluster.journal_rows import ObjectChange
from tagger.cluster.problems import objects_asked
from tagger.cluster.records import ObjectEntry
from tagger.cluster.replaceable import ObjectVersion, Replaceable, url_of
from tagger.cluster.settled import identity_now
from tagger.cluster.stores import open_place
from tagger.cluster.write import (
    GROUP,
    Job,
    ObjectOutcome,
    ObjectWriteOptions,
    ObjectWriter,
    Plan,
)
from tagger.errors import TrackError, UnsupportedTagError, WriteError
from tagger.journal.put_back import OtherFileError, WayBack, plan_back
from tagger.system.groups import distinct_groups
from tagger.tags.payload import Identity
from tagger.writing.options import WriteOptions
from tagger.writing.replace import PreparedWrite

Status = Literal["proposed", "written", "unchanged", "skipped", "failed"]

_OTHER = "it was changed since tagger wrote it, and is left as it is."
_DEFAULTS = ObjectWriteOptions()
BEFORE = "it was undone before"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectUndone:
    """What became of one change that was to be taken back.

    Attributes:
        url: of the object.
        key: its name.
        status: `written` (or `proposed`) if the object has again what it held, `unchanged` if
            it has that already, else it is left alone.
        genres: what the field holds again.
        previous: what it held until now.
        reason: None, or a sentence.
    """

    url: str
    key: str
    status: Status
    genres: tuple[str, ...]
    previous: tuple[str, ...]
    reason: str | None = None


def undo_objects(
    parts: JournalParts,
    run: ObjectRun,
    *,
    write: bool = True,
    options: ObjectWriteOptions = _DEFAULTS,
) -> Iterator[ObjectUndone]:
    """Take back all changes of a run, the last ones of each writer first.

    Args:
        parts: of the journal.
        run: the run.
        write: change objects; otherwise only say what would become of them.
        options: how.

    Yields:
        One result a change that was made, or may have been.

    Raises:
        InputError: the place of the objects cannot be opened, or knows no conditions.
        StateError: the journal cannot be read or written.
    """
    place = open_place(run.url, option="the journal's place")
    has_multipart = True
    if write:
        has_multipart = check_conditional(place, unsafe_overwrite=options.unsafe_overwrite)
    target = open_replaceable(place, has_multipart=has_multipart)
    changes = changes_of(parts, run.id)
    if not write:
        yield from (change for change in map(partial(_would_be, target), changes) if change)
        return
    undoing = begin_run(parts, "undo", place, undoes=run.id)
    journal = ObjectJournal(parts, undoing.id)
    writer = ObjectWriter(target, journal, options)
    try:
        for group in distinct_groups(changes, at_most=GROUP, key=lambda change: change.key):
            yield from _undone(writer, group)
    finally:
        journal.close()


def _undone(writer: ObjectWriter, group: list[ObjectChange]) -> Iterator[ObjectUndone]:
    """Take a few changes back, those first that need not be copied to know what they are."""
    jobs, ours = [], []
    for change in group:
        decision = _looked_at(writer.target, change)
        if isinstance(decision, ObjectEntry):
            jobs.append(Job(decision, _way_back(change)))
            ours.append(change)
        elif decision is not None:
            yield decision
    for change, outcome in zip(ours, writer.carry_out(jobs), strict=True):
        if (result := _result(writer.target, change, outcome)) is not None:
            yield result


def _would_be(target: Replaceable, change: ObjectChange) -> ObjectUndone | None:
    """What would become of a change; the object is copied only if its version is not ours."""
    decision = _looked_at(target, change)
    if not isinstance(decision, ObjectEntry):
        return decision
    try:
        held = _held(target, change, decision)
    except TrackError as error:
        return _said(target, change, "failed", str(error))
    if held == change.becomes:
        return _said(target, change, "proposed")
    if change.status == "failed":
        return None
    is_back = held == change.was
    return _said(target, change, *(("unchanged", BEFORE) if is_back else ("failed", _OTHER)))


def _held(target: Replaceable, change: ObjectChange, now: ObjectEntry) -> Identity | None:
    """What an object holds; one whose version is that of the change is not copied.

    Raises:
        WriteError: it cannot be copied.
    """
    if change.new is not None and now.etag == change.new.etag:
        return change.becomes
    return identity_now(target, change.key, ObjectVersion(now.etag, now.size), change)


def _looked_at(target: Replaceable, change: ObjectChange) -> ObjectEntry | ObjectUndone | None:
    """The version that is to be taken back, or what is to be said of it; None for nothing."""
    try:
        with objects_asked(url_of(target.place, change.key), WriteError):
            now = target.version(change.key)
    except TrackError as error:
        return _said(target, change, "failed", str(error))
    if now.etag == change.old.etag:
        return _said(target, change, "unchanged", BEFORE) if change.status == "done" else None
    if now.size not in {change.was.size, change.becomes.size}:
        return None if change.status == "failed" else _said(target, change, "failed", _OTHER)
    return ObjectEntry(change.key, now.size, now.etag, datetime.now(UTC))


def _way_back(change: ObjectChange) -> Plan:
    """Plans to make of a copy what it was before the change."""
    way = WayBack(
        was=change.was,
        becomes=change.becomes,
        before=change.before,
        after=change.after,
        reverse=change.reverse,
    )

    def plan(path: Path) -> PreparedWrite | None:
        return plan_back(path, way, WriteOptions())

    return plan


def _result(
    target: Replaceable, change: ObjectChange, outcome: ObjectOutcome
) -> ObjectUndone | None:
    """What became of a change; of one that was never made nothing is said."""
    if outcome.outcome is True:
        return _said(target, change, "written")
    if change.status == "failed" and (
        outcome.outcome is False or isinstance(outcome.outcome, OtherFileError)
    ):
        return None
    if outcome.outcome is False:
        return _said(target, change, "unchanged", BEFORE)
    status: Status = "skipped" if isinstance(outcome.outcome, UnsupportedTagError) else "failed"
    return _said(target, change, status, str(outcome.outcome))


def _said(
    target: Replaceable, change: ObjectChange, status: Status, reason: str | None = None
) -> ObjectUndone:
    """One result; a reason that begins with the object's name, where it has none, gets it."""
    url = url_of(target.place, change.key)
    if reason == _OTHER:
        reason = f"{url}: {_OTHER}"
    is_back = status in {"written", "proposed", "unchanged"}
    return ObjectUndone(
        url=url,
        key=change.key,
        status=status,
        genres=change.before if is_back else (),
        previous=change.after if status in {"written", "proposed"} else (),
        reason=reason,
    )
