"""The main job: listings in, a result for each file out, genres written if asked for.

    listing -> cached?  -> decided -> written
            -> inspected -> decoded and scored -> decided -> written

The thread that asks for results reads the listing and decides; only files that must be opened
reach the decoding threads (`tagger.scan.pipeline`).
"""

import threading
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import StartError, StoppedError
from tagger.journal.run import Writer, write_unrecorded
from tagger.library.listing import Listing, unknown_entry
from tagger.model.lazy import Scorer
from tagger.scan.context import ScanContext
from tagger.scan.decide import decide
from tagger.scan.folder_progress import FolderProgress
from tagger.scan.inspect_file import entry_now, inspect_file
from tagger.scan.lookup import look_up, stored_files, unchanged_counts
from tagger.scan.options import ScanOptions
from tagger.scan.records import FileEntry, Inspected, TrackScores
from tagger.scan.results import TrackResult
from tagger.scan.stored_scores import store
from tagger.scan.write_results import write_all

if TYPE_CHECKING:
    from tagger.scan.decode_pool import DecodePool
    from tagger.scan.pipeline import Pipeline, Scored


def scan_folders(
    listings: Iterable[Listing],
    scan: ScanContext,
    *,
    stop: threading.Event | None = None,
    writer: Writer = write_unrecorded,
    pool: "DecodePool | None" = None,
) -> Generator[TrackResult, None, None]:
    """Scan folders: find out only what is not stored, and store it.

    A file that another program has changed since it was read is looked at once more at the
    end: what was stored of it may have been wrong, where no time of the file has told that.

    Args:
        listings: the folders, taken as they are needed.
        scan: the model, the options and the cache, which is flushed at the end.
        stop: once set, the file that is being written is finished and reported, and the
            generator ends; all other files are left as they are.
        writer: what changes files, if that was asked for; a `JournalledRun` has one whose
            changes can be undone.
        pool: has the decoding processes; None for some that end with the scan.

    Yields:
        One result a file, as soon as it is done; never an exception for a single file.

    Raises:
        StartError: what all files need cannot be had, and of no file was anything decided.
        StoppedError: the same, and something was: it may be written.
    """
    folders, changed = FolderProgress(scan), list[Path]()
    passes = _Passes(scan, folders, stop or threading.Event(), pool)
    try:
        for result in passes.written(listings, writer):
            if result.is_stale and not passes.stop.is_set():
                scan.cache.forget(result.path.parent, [result.path.name])
                changed.append(result.path)
                continue
            folders.count(result)
            yield result
        scan.cache.flush()
        for result in passes.written(map(listing_of, changed), writer):
            folders.count(result)
            yield result
    except StartError as error:
        if not passes.has_begun:
            raise
        raise StoppedError(
            f"{error} The scan stopped there; what was done until then stays done."
        ) from error
    finally:
        scan.cache.flush()


def scan_files(
    paths: Iterable[Path],
    engine: Scorer,
    options: ScanOptions,
    *,
    stop: threading.Event | None = None,
    writer: Writer = write_unrecorded,
    pool: "DecodePool | None" = None,
) -> Generator[TrackResult, None, None]:
    """Scan single files without a cache; the other arguments are those of `scan_folders`."""
    scan = ScanContext(engine, options.resolved())
    listings = map(listing_of, paths)
    return scan_folders(listings, scan, stop=stop, writer=writer, pool=pool)


def listing_of(path: Path) -> Listing:
    """The listing of a single file of which nothing is known."""
    return Listing(path.parent, [unknown_entry(path.name)], is_whole=False)


class _Passes:
    """Passes over folders; decoding threads start with the first file to be opened in one.

    Attributes:
        stop: as for `scan_folders`.
        has_begun: something was decided of a file, or told of a folder.
    """

    def __init__(
        self,
        scan: ScanContext,
        folders: FolderProgress,
        stop: threading.Event,
        pool: "DecodePool | None",
    ) -> None:
        self.stop, self.has_begun = stop, False
        self._scan, self._folders, self._pool = scan, folders, pool
        self._pipeline: Pipeline | None = None

    def written(self, listings: Iterable[Listing], writer: Writer) -> Iterator[TrackResult]:
        """Everything that is decided in one pass, and written if that was asked for."""
        results, options = self._results(listings), self._scan.options
        return write_all(results, options, self.stop, writer) if options.write else results

    def _results(self, listings: Iterable[Listing]) -> Iterator[TrackResult]:
        """Everything that is decided in one pass."""
        try:
            for listing in listings:
                if self.stop.is_set():
                    return
                yield from self._folder(listing)
                if self._pipeline is not None:
                    yield from self._decided(self._pipeline.ready())
            if self._pipeline is not None:
                yield from self._decided(self._pipeline.finish())
        finally:
            if self._pipeline is not None:
                self._pipeline.close()
                self._pipeline = None

    def _folder(self, listing: Listing) -> Iterator[TrackResult]:
        """What is stored of a folder, and what else is done while it is gone through."""
        scan, recall = self._scan, self._scan.recall
        counts = unchanged_counts(listing, scan)
        if counts is not None and recall.on_unchanged is not None:
            self.has_begun = True
            recall.on_unchanged(counts)
            return
        self._folders.open(listing)
        stored = stored_files(listing, scan)
        for entry in listing.files:
            if self.stop.is_set():
                return
            file = FileEntry(listing.folder / entry[0], entry)
            inspected = look_up(file, stored.get(entry[0]), scan)
            if inspected is None:
                yield from self._decided(self._opened().put(file.path))
            else:
                yield self._decide(inspected, inspected.stored or TrackScores(file.path))

    def _opened(self) -> "Pipeline":
        """The pipeline, which is started for the first file to be opened."""
        if self._pipeline is None:
            from tagger.scan.pipeline import Pipeline  # noqa: PLC0415 (NumPy, the decoders)

            self._pipeline = Pipeline(
                partial(inspect_file, scan=self._scan),
                self._scan.engine,
                self._scan.options.listen,
                stop=self.stop,
                pool=self._pool,
            )
        return self._pipeline

    def _decided(self, scored: "Iterator[Scored]") -> Iterator[TrackResult]:
        """Store what was found out, and decide."""
        scan = self._scan
        for inspected, scores in scored:
            entry = inspected.entry
            if entry is not None and entry == entry_now(inspected.path):
                store(inspected, scores, scan.cache, entry)
            if not scan.recall.needs_embedding:  # results may be held by the hundred thousand
                scores.embedding = None
            yield self._decide(inspected, scores)

    def _decide(self, inspected: Inspected, scores: TrackScores) -> TrackResult:
        self.has_begun = True
        return decide(inspected, scores, self._scan.engine.spec, self._scan.options)
