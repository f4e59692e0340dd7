"""A listing -> what is stored of it: unchanged folders as a whole, files one by one."""

from collections.abc import Mapping
from dataclasses import replace

from tagger.errors import DecodeError, TagError, TrackError
from tagger.library.listing import Listing
from tagger.scan.context import ScanContext
from tagger.scan.inspect_file import inspected_of
from tagger.scan.records import FileEntry, Inspected, TrackScores
from tagger.scan.stored_scores import stored_scores, tags_of
from tagger.state.records import Result, StoredFile, listing_digest

AGAIN = " It was not tried again; --retry-failed does."


def unchanged_counts(listing: Listing, scan: ScanContext) -> Mapping[str, int] | None:
    """How many files of an unchanged folder have which status; None if results are needed."""
    recall = scan.recall
    if recall.rescan or recall.on_unchanged is None or not listing.is_whole:
        return None
    stored = scan.cache.folder(listing.folder)
    if stored is None or not stored[1].keys() <= recall.passing:
        return None
    return stored[1] if stored[0] == listing_digest(listing.files) else None


def stored_files(listing: Listing, scan: ScanContext) -> Mapping[str, StoredFile]:
    """What is stored of a folder's files, by name; what is gone from it is forgotten."""
    if scan.recall.rescan:
        return {}
    stored = scan.cache.files(listing.folder)
    if listing.is_whole and (gone := stored.keys() - {entry[0] for entry in listing.files}):
        scan.cache.forget(listing.folder, gone)
    return stored


def look_up(file: FileEntry, stored: StoredFile | None, scan: ScanContext) -> Inspected | None:
    """What would be seen of a file, with its stored scores; None if it must be opened."""
    path, entry = file
    # A negative size stands for what could not be asked; other settings read other fields.
    if stored is None or stored.entry != entry or entry[1] < 0 or not stored.is_read_alike:
        return None
    tags = tags_of(stored)
    if tags is None:
        return _failed(Inspected(path), stored, TagError, scan)
    inspected = inspected_of(path, tags, scan.options, heard=entry, n_names=entry[4])
    if not inspected.needs_scores:
        return inspected
    if stored.error is not None:
        return _failed(inspected, stored, DecodeError, scan)
    if not stored.is_scored or scan.options.listen.keep_windows:
        return None
    scores = stored_scores(path, stored.content, Result(*stored[-4:]), scan)
    return None if scores is None else _with(inspected, scores)


def _failed(
    inspected: Inspected, stored: StoredFile, kind: type[TrackError], scan: ScanContext
) -> Inspected | None:
    """A failure that would come again; None if the file is to be tried once more."""
    if scan.recall.retry_failed or not scan.cache.failed_alike(stored):
        return None
    error = kind(f"{inspected.path}: {stored.error}{AGAIN}")
    return _with(inspected, TrackScores(inspected.path, error=error))


def _with(inspected: Inspected, scores: TrackScores) -> Inspected:
    return replace(inspected, needs_scores=False, stored=scores)
