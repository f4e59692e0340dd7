"""Passes over folders: every file decided, from what is stored of it or from its audio."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tagger.errors import StartError, StoppedError
from tagger.journal.background import write_in_background
from tagger.journal.run import Writer, WriteRequest
from tagger.library.listing import Entry, Listing
from tagger.scan.context import ScanContext
from tagger.scan.decide import decide
from tagger.scan.folder_progress import FolderProgress
from tagger.scan.inspect_file import entry_now, inspect_file
from tagger.scan.lookup import look_up, stored_files, unchanged_counts
from tagger.scan.records import FileEntry, TrackScores
from tagger.scan.results import TrackResult
from tagger.scan.stored_scores import store
from tagger.scan.write_results import request_of, with_outcome
from tagger.state.records import StoredFile

if TYPE_CHECKING:
    from tagger.scan.decode_pool import DecodePool
    from tagger.scan.pipeline import Pipeline, Scored


class Passes:
    """Passes over folders; decoding threads start with the first file to be opened in one.

    Attributes:
        stop: as for `tagger.scan.scan.scan_folders`.
    """

    def __init__(
        self,
        scan: ScanContext,
        folders: FolderProgress,
        stop: threading.Event,
        pool: "DecodePool | None",
    ) -> None:
        """Begin none yet; the arguments are those of `scan_folders`."""
        self.stop = stop
        self._scan, self._folders, self._pool = scan, folders, pool
        self._pipeline: Pipeline | None = None
        self._has_begun = False  # something was decided of a file, or told of a folder

    def written(self, listings: Iterable[Listing], writer: Writer) -> Iterator[TrackResult]:
        """Everything that is decided in one pass, and written if that was asked for."""
        results = self.results(listings)
        if not self._scan.options.write:
            return results
        # Beside decoding: a slow disk must not hold it up.
        return write_in_background(
            results, self._request_of, with_outcome, writer=writer, stop=self.stop
        )

    def _request_of(self, result: TrackResult) -> WriteRequest | None:
        request = request_of(result, self._scan.options)
        if request is None:
            return None
        return replace(request, on_placed=partial(self._folders.placed, result.path))

    def results(self, listings: Iterable[Listing]) -> Iterator[TrackResult]:
        """Everything that is decided in one pass; what was decoded is stored first."""
        scan = self._scan
        try:
            for inspected, scores in self._scored(listings):
                entry = inspected.entry
                # Stored only if the file is still what was read: else the next scan would
                # believe it.
                if entry is not None and entry == entry_now(inspected.path):
                    store(inspected, scores, scan.cache, entry)
                # Results may be held by the hundred thousand.
                if not scan.recall.needs_embedding:
                    scores.embedding = None
                self._has_begun = True
                yield decide(inspected, scores, scan.engine.spec, scan.options)
        except StartError as error:
            if not self._has_begun:
                raise
            raise StoppedError(
                f"{error} The scan stopped there; what was done until then stays done."
            ) from error
        finally:
            if self._pipeline is not None:
                self._pipeline.close()
                self._pipeline = None

    def _scored(self, listings: Iterable[Listing]) -> "Iterator[Scored]":
        """Stored scores at once; others as they are done, while folders are gone through."""
        for listing in listings:
            if self.stop.is_set():
                return
            for entry, stored in self._files(listing):
                file = FileEntry(listing.folder / entry[0], entry)
                inspected = look_up(file, stored, self._scan)
                if inspected is None:
                    yield from self._started_pipeline().put(file.path)
                else:
                    yield inspected, inspected.stored or TrackScores(file.path)
            if self._pipeline is not None:
                yield from self._pipeline.ready()
        if self._pipeline is not None:
            yield from self._pipeline.finish()

    def _files(self, listing: Listing) -> Iterator[tuple[Entry, StoredFile | None]]:
        """Files of a folder and what is stored of each; none if it is passed as a whole."""
        scan, recall = self._scan, self._scan.recall
        counts = unchanged_counts(listing, scan)
        if counts is not None and recall.on_unchanged is not None:
            self._has_begun = True
            recall.on_unchanged(counts)
            return
        self._folders.open(listing)
        # One query a folder, not one a file.
        stored = stored_files(listing, scan)
        for entry in listing.files:
            if self.stop.is_set():
                return
            yield entry, stored.get(entry[0])

    def _started_pipeline(self) -> "Pipeline":
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
