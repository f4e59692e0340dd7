"""A proposal -> what is asked of the file; what became of it -> the result."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tagger.errors import ChangedError, TrackError, UnsupportedTagError
from tagger.genres.rules import fold, merged
from tagger.genres.target_fields import GENRE, asked_of
from tagger.journal.run import Outcome, WriteRequest
from tagger.journal.undo_result import UndoResult
from tagger.scan.options import ResolvedOptions
from tagger.scan.results import Status, TrackResult
from tagger.tags import read_tags

HOLDS_THEM = "it has these genres already"


def request_of(result: TrackResult, options: ResolvedOptions) -> WriteRequest | None:
    """What is to be written of a result; None unless it is `proposed`."""
    if result.status != "proposed":
        return None
    genres, others = asked_of(
        result.field, result.genres, result.second, provenance=options.targets.provenance
    )
    if options.policy == "fill" and result.genres == result.previous:
        genres = None  # only the second field is filled
    return WriteRequest(
        result.path, genres, options.writing, result.read, others, heard=result.heard
    )


def given_genres(path: Path, genres: Sequence[str], options: ResolvedOptions) -> TrackResult:
    """A proposal that somebody else has made, such as the owner.

    Args:
        path: the file.
        genres: what it shall hold, under the policy of the options.
        options: the field that is written, and how; no rule renames or leaves out a genre.
    """
    field, rules = options.targets.field, options.rules
    try:
        info = read_tags(path, style=options.writing.style, fields=(field,))
    except TrackError as error:
        return TrackResult(path=path, status="failed", reason=str(error), field=field)
    previous = info.values(field)
    new = merged(previous, genres, rules, policy=options.policy)
    if not genres and options.policy == "replace":
        new = tuple(genre for genre in previous if fold(genre) in rules.protected)
    is_same = new == previous and (info.is_consistent or field != GENRE)
    return TrackResult(
        path=path,
        status="unchanged" if is_same else "proposed",
        genres=new,
        previous=previous,
        reason=HOLDS_THEM if is_same else None,
        field=field,
        read=info,
    )


def with_outcome(result: TrackResult, outcome: Outcome) -> TrackResult:
    """A proposal, and what became of it."""
    if outcome is True:
        return replace(result, status="written")
    if outcome is False:
        return replace(result, status="unchanged", reason=HOLDS_THEM)
    status: Status = "skipped" if isinstance(outcome, UnsupportedTagError) else "failed"
    # Nothing was written: the result shows what the file still holds.
    second = result.second and replace(result.second, values=result.second.previous)
    return replace(
        result,
        status=status,
        genres=result.previous,
        second=second,
        reason=str(outcome),
        is_stale=isinstance(outcome, ChangedError),
    )


def result_of_undo(undone: UndoResult) -> TrackResult:
    """What became of a change that was to be taken back, in the form of any other result."""
    return TrackResult(
        path=undone.path,
        status=undone.status,
        genres=undone.genres,
        previous=undone.previous,
        reason=undone.reason,
    )
