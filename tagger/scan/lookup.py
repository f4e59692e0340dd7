"""What is known -> results, and what is not: the first stage of a scan with a memory."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import DecodeError, TagError, TrackError
from tagger.genres.target_fields import GENRE
from tagger.library.walk import Entry, Listing
from tagger.model.lazy import Scorer
from tagger.scan.options import RecallOptions, ResolvedOptions
from tagger.scan.records import TrackScores
from tagger.scan.scan import Found, decide, found_of, wants_scores
from tagger.state.records import Known, Result, digest_of
from tagger.state.scan_cache import Memory
from tagger.tags import TagInfo

if TYPE_CHECKING:
    from tagger.scan.results import TrackResult

AGAIN = " It was not tried again; --retry-failed does."

UNSETTLED = "@unsettled"
"""Stands beside the fields where `TagInfo.is_settled` is False; no field can be called so."""

_TOGETHER = 256
"""Results that are handed from one thread to another at once."""


@dataclass(frozen=True, slots=True)
class UnchangedFolder:
    """A folder that is as it was: how many of its files became what, as before."""

    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LookupContext:
    """All that is needed to decide about files."""

    engine: Scorer
    options: ResolvedOptions
    memory: Memory
    recall: RecallOptions


def look_up(
    listings: Iterable[Listing], desk: LookupContext
) -> Iterator[Path | TrackScores | Listing]:
    """Part what is known from what is to be opened.

    Yields:
        For each folder that is passed its counts, as the note of the folder; for each other
        one its listing, then the results of what is known as notes of the folder, then the
        paths of what is not.
    """
    for listing in listings:
        if (passed := _passed(listing, desk)) is not None:
            yield TrackScores(listing.folder, note=passed)
            continue
        yield listing
        known = {} if desk.recall.rescan else desk.memory.files(listing.folder)
        if listing.is_whole and (gone := known.keys() - {one[0] for one in listing.files}):
            desk.memory.forget(listing.folder, gone)
        yield from _parted(listing, known, desk)


def _passed(listing: Listing, desk: LookupContext) -> UnchangedFolder | None:
    """What became of a folder that is as it was, if no result of it is asked for."""
    passing = desk.recall.passing
    if desk.recall.rescan or not passing or not listing.is_whole:
        return None
    known = desk.memory.glance(listing.folder)
    if known is None or not known[1].keys() <= passing:
        return None
    return UnchangedFolder(known[1]) if known[0] == digest_of(listing.files) else None


def _parted(
    listing: Listing, known: Mapping[str, Known], desk: LookupContext
) -> Iterator[Path | TrackScores]:
    results: list[TrackResult] = []
    unknown: list[Path] = []
    for entry in listing.files:
        path = listing.folder / entry[0]
        heard = _recalled(path, entry, known.get(entry[0]), desk)
        if heard is None:
            unknown.append(path)
            continue
        results.append(decide(heard, desk.engine, desk.options))
        if len(results) == _TOGETHER:
            yield TrackScores(listing.folder, note=results)
            results = []
    if results:
        yield TrackScores(listing.folder, note=results)
    yield from unknown


def _recalled(
    path: Path, entry: Entry, known: Known | None, desk: LookupContext
) -> TrackScores | None:
    """What would be heard of a file, as far as it is known; None if it must be opened."""
    if known is None or known.entry != entry or entry[1] < 0 or not known.is_read_alike:
        return None
    if known.container is None:
        return _failed(path, known, Found((), None), TagError, desk)
    values = {name: tuple(one) for name, one in json.loads(known.tags).items()}
    is_settled = values.pop(UNSETTLED, None) is None
    tags = TagInfo(known.container, values.pop(GENRE), known.unwritable, values, is_settled)
    found = found_of(path, tags, desk.options, n_names=entry[4])
    if not wants_scores(found, desk.options):
        return TrackScores(path, note=found)
    if known.error is not None:
        return _failed(path, known, found, DecodeError, desk)
    if not known.is_heard or desk.options.listen.keep_windows:
        return None
    return heard_before(path, found, Result(*known[-4:]))


def tags_to_text(tags: TagInfo | None) -> str:
    """What is remembered of a file's tags."""
    if tags is None:
        return "{}"
    unsettled: dict[str, tuple[str, ...]] = {} if tags.is_settled else {UNSETTLED: ()}
    return json.dumps({GENRE: tags.genres, **tags.others, **unsettled})


def _failed(
    path: Path, known: Known, found: Found, kind: type[TrackError], desk: LookupContext
) -> TrackScores | None:
    if desk.recall.retry_failed or not desk.memory.failed_alike(known):
        return None
    return TrackScores(path, note=found, error=kind(f"{path}: {known.error}{AGAIN}"))


def heard_before(path: Path, found: Found, result: Result) -> TrackScores:
    """A stored result, as if it had just been heard."""
    import numpy as np  # noqa: PLC0415 - a folder that is passed needs no scores

    scores = None if result.scores is None else np.frombuffer(result.scores, np.float32)
    return TrackScores(
        path,
        note=found,
        scores=scores,
        n_windows=result.n_windows,
        n_silent=result.n_silent,
        duration_s=result.duration_s,
    )
