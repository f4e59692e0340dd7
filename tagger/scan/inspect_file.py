"""A file -> what is seen of it before it is decoded: its tags, and whether it is known."""

from dataclasses import replace
from pathlib import Path

from tagger.errors import TagError
from tagger.genres.target_fields import second_of
from tagger.library.listing import Entry, entry_of
from tagger.scan.context import ScanContext
from tagger.scan.decide import is_kept
from tagger.scan.options import ResolvedOptions
from tagger.scan.records import Inspected, TrackScores
from tagger.scan.stored_scores import stored_scores
from tagger.tags import TagInfo, read_tags
from tagger.tags.fingerprint import content_of
from tagger.writing.refusals import why_skipped


def inspect_file(path: Path, scan: ScanContext) -> Inspected:
    """Read a file's tags, and see whether its audio was scored before, wherever it lay.

    Called by decoding threads: every look at a disk may take long.
    """
    options = scan.options
    heard = entry_now(path) if scan.cache.is_stored or options.write else None
    entry = heard if scan.cache.is_stored else None
    try:
        tags = read_tags(path, style=options.writing.style, fields=options.targets.names)
        inspected = inspected_of(path, tags, options, entry=entry, heard=heard)
    except TagError as error:
        return Inspected(path, stored=TrackScores(path, error=error), entry=entry)
    if not inspected.needs_scores or not scan.cache.is_stored:
        return inspected
    # By its audio: a file that was moved, renamed or retagged is not decoded again.
    content = _content(path)
    if content and not scan.recall.rescan and not options.listen.keep_windows:
        result = scan.cache.result(content)
        stored = None if result is None else stored_scores(path, content, result, scan)
        if stored is not None:
            return replace(inspected, content=content, needs_scores=False, stored=stored)
    return replace(inspected, content=content)


def inspected_of(
    path: Path,
    tags: TagInfo,
    options: ResolvedOptions,
    *,
    entry: Entry | None = None,
    heard: Entry | None = None,
    n_names: int = 0,
) -> Inspected:
    """What counts of a file's tags.

    Args:
        path: the file.
        tags: as they were read, now or earlier.
        options: of the scan.
        entry: what a listing would have said when they were read; None to store nothing.
        heard: what a listing says of the file; None if it need not be known.
        n_names: as for `why_skipped`.
    """
    genres = tags.values(options.targets.field)
    second = second_of(tags, options.targets.second_field)
    if is_kept(genres, second, options):
        left_alone, needs_scores = None, options.score_all
    else:
        left_alone = why_skipped(path, tags, options.writing, n_names=n_names)
        needs_scores = True
    return Inspected(
        path, genres, left_alone, second, tags, needs_scores, entry=entry, heard=heard
    )


def entry_now(path: Path) -> Entry | None:
    """What a listing would say of a file now; None if it is no file."""
    try:
        entry = entry_of(path.name, path.stat())
    except OSError:
        return None
    return entry if entry[1] >= 0 else None


def _content(path: Path) -> bytes | None:
    """The digest of the audio; without one, the track is scored and not remembered."""
    try:
        return content_of(path)
    except TagError:
        return None
