"""Rows that propose something -> written objects; the journal lies beside the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tagger.cluster.conditional import open_replaceable
from tagger.cluster.journal import ObjectJournal, all_runs, batches_of, begin_run, scans_of
from tagger.cluster.journal_parts import JournalParts, open_parts
from tagger.cluster.journal_rows import ObjectChange
from tagger.cluster.records import ObjectEntry, ObjectResult
from tagger.cluster.replaceable import Replaceable, url_of
from tagger.cluster.results import Results
from tagger.cluster.settled import settle_open
from tagger.cluster.stores import Place
from tagger.cluster.write import ObjectOutcome, ObjectWriteOptions, ObjectWriter
from tagger.errors import TrackError, UnsupportedTagError

if TYPE_CHECKING:
    from tagger.journal.run import WriteRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How objects are changed in a run.

    Attributes:
        dest: the results, beside which the journal lies.
        run: its id in the journal.
        options: how objects are changed.
        has_multipart: large uploads know conditions.
        before: what earlier runs were killed over: objects that they have changed and that have
            no row, by key; as many as their actors had in hand.
    """

    dest: str
    run: str
    options: ObjectWriteOptions
    has_multipart: bool = False
    before: Mapping[str, ObjectChange] = field(default_factory=dict)


def begin_writing(
    place: Place, results: Results, number: int, *, model: str, options: ObjectWriteOptions
) -> Writing:
    """Begin a run of the journal; what earlier runs have left open is settled.

    Args:
        place: the objects.
        results: beside which the journal lies.
        number: of the run in them.
        model: sha256 of the model file.
        options: how objects are changed.

    Raises:
        StateError: the journal cannot be written.
    """
    parts = open_parts(results.url)
    before = _without_a_row(place, results, parts)
    run = begin_run(parts, "scan", place, number=number, model=model)
    return Writing(dest=results.url, run=run.id, options=options, before=before)


def _without_a_row(
    place: Place, results: Results, parts: JournalParts
) -> dict[str, ObjectChange]:
    """The objects that runs have changed which were killed before they said so."""
    latest: dict[str, ObjectChange] = {}
    target = open_replaceable(place)
    for run in reversed(scans_of(all_runs(parts))):
        there = {_batch(number) for number in results.part_numbers(int(run.id))}
        for batch in sorted(batches_of(parts, run.id) - there):
            latest |= _made(target, ObjectJournal(parts, run.id, batch), batch)
    return latest


def earlier_writes(writing: Writing, place: Place, number: int) -> dict[str, ObjectChange]:
    """What a killed process has written already and no row tells of, by key."""
    target = open_replaceable(place, has_multipart=writing.has_multipart)
    made = _made(target, _journal(writing, number), _batch(number))
    return {**writing.before, **made}


def _made(target: Replaceable, journal: ObjectJournal, batch: str) -> dict[str, ObjectChange]:
    settled = settle_open(target, journal, batch=batch)
    return {row.key: row for row in settled if row.status == "done"}


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
    outcomes = {outcome.entry.key: outcome for outcome in writer.write(asked)}
    journal.close()
    return [
        _became(row, outcomes.get(row.key), earlier.get(row.key), url=url_of(place, row.key))
        for row in rows
    ]


def _became(
    row: ObjectResult, outcome: ObjectOutcome | None, earlier: ObjectChange | None, *, url: str
) -> ObjectResult:
    if outcome is not None:
        if outcome.outcome is True:
            now = outcome.entry
            return replace(row, status="written", etag=now.etag, size=now.size)
        if outcome.outcome is False:
            return replace(row, status="unchanged", reason="it has these genres already")
        return _left(row, outcome.outcome, url)
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


def _left(row: ObjectResult, error: TrackError, url: str) -> ObjectResult:
    """The row of an object that was not written: left alone on purpose, or failed."""
    is_skipped = isinstance(error, UnsupportedTagError)
    return replace(
        row,
        status="skipped" if is_skipped else "failed",
        genres=row.previous,
        reason=f"{row.key}: {str(error).removeprefix(f'{url}: ')}",
    )


def _entry(row: ObjectResult) -> ObjectEntry:
    return ObjectEntry(row.key, row.size, row.etag_read, row.modified)


def _journal(writing: Writing, number: int) -> ObjectJournal:
    return ObjectJournal(open_parts(writing.dest), writing.run, _batch(number))


def _batch(number: int) -> str:
    return f"{number:08d}"
