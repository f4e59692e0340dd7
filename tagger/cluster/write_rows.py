"""Rows that propose something -> written objects; the journal lies beside the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tagger.cluster.conditional import check_conditional, open_replaceable
from tagger.cluster.journal import ObjectJournal, begin_run
from tagger.cluster.journal_parts import open_parts
from tagger.cluster.journal_rows import ObjectChange
from tagger.cluster.records import ObjectEntry, ObjectResult
from tagger.cluster.settled import settle_open
from tagger.cluster.stores import Place
from tagger.cluster.write import ObjectOutcome, ObjectWriteOptions, ObjectWriter

if TYPE_CHECKING:
    from tagger.journal.run import WriteRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How objects are changed in a run.

    Attributes:
        dest: the results, beside which the journal lies.
        run: its id in the journal.
        has_multipart: large uploads know conditions.
        options: how objects are changed.
    """

    dest: str
    run: str
    has_multipart: bool
    options: ObjectWriteOptions


def begin_writing(
    place: Place, results: str, *, number: int, model: str, options: ObjectWriteOptions
) -> Writing:
    """Make sure that objects can be changed safely, and begin a run of the journal.

    Args:
        place: the objects.
        results: as `--results` names them.
        number: of the run in them.
        model: sha256 of the model file.
        options: how objects are changed.

    Raises:
        InputError: the store knows no conditions.
        StateError: the journal cannot be written.
    """
    has_multipart = check_conditional(place, unsafe_overwrite=options.unsafe_overwrite)
    run = begin_run(open_parts(results), "scan", place, number=number, model=model)
    return Writing(dest=results, run=run.id, has_multipart=has_multipart, options=options)


def earlier_writes(writing: Writing, place: Place, number: int) -> dict[str, ObjectChange]:
    """What a killed process has written of this batch already, by key."""
    target = open_replaceable(place, has_multipart=writing.has_multipart)
    found = settle_open(target, _journal(writing, number), batch=_batch(number))
    return {one.key: one for one in found if one.status == "done"}


def write_rows(
    writing: Writing,
    place: Place,
    number: int,
    rows: Sequence[ObjectResult],
    *,
    requests: "Mapping[str, WriteRequest]",
    earlier: Mapping[str, ObjectChange],
) -> list[ObjectResult]:
    """Write what the rows propose, and say what became of it.

    Args:
        writing: how.
        place: the objects.
        number: of the batch.
        rows: of the batch.
        requests: what objects shall hold, by key.
        earlier: as `earlier_writes` gives it.
    """
    target = open_replaceable(place, has_multipart=writing.has_multipart)
    journal = _journal(writing, number)
    writer = ObjectWriter(target, journal, writing.options)
    asked = [(_entry(row), requests[row.key], "") for row in rows if row.key in requests]
    outcomes = {one.entry.key: one for one in writer.write(asked)}
    journal.close()
    return [_became(row, outcomes.get(row.key), earlier.get(row.key)) for row in rows]


def _became(
    row: ObjectResult, outcome: ObjectOutcome | None, earlier: ObjectChange | None
) -> ObjectResult:
    if outcome is not None:
        if outcome.outcome is True:
            now = outcome.entry
            return replace(row, status="written", etag=now.etag, size=now.size)
        if outcome.outcome is False:
            return replace(row, status="unchanged", reason="it has these genres already")
        return replace(row, status="failed", reason=str(outcome.outcome))
    if earlier is not None and earlier.new is not None and earlier.new.etag == row.etag:
        return replace(
            row,
            status="written",
            reason=None,
            etag_read=earlier.old.etag,
            genres=earlier.after,
            previous=earlier.before,
        )
    return row


def _entry(row: ObjectResult) -> ObjectEntry:
    return ObjectEntry(row.key, row.size, row.etag_read, row.modified)


def _journal(writing: Writing, number: int) -> ObjectJournal:
    return ObjectJournal(open_parts(writing.dest), writing.run, _batch(number))


def _batch(number: int) -> str:
    return f"{number:08d}"
