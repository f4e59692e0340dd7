"""The entry point: `Tagger`, a model, decoders, a cache and a journal that are opened once.

    with Tagger() as tagger:
        for result in tagger.scan(["Music"]):
            print(result.path, result.genres)

The command line, the service, the cluster, the watcher and the beets plugin are front ends of
it. Everything that is written goes through the journal: `undo` brings back what was there.
"""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import InputError
from tagger.genres.spelling import no_spelling
from tagger.journal.run import new_run, write_in_run
from tagger.scan.cache_key import cache_key_of
from tagger.scan.context import ScanContext
from tagger.scan.from_settings import writing_of
from tagger.scan.library_spelling import library_spelling
from tagger.scan.options import RecallOptions, ScanOptions
from tagger.scan.recorded_scan import open_cache, recorded_writer
from tagger.scan.records import ListenOptions
from tagger.scan.results import TrackResult
from tagger.scan.scan import scan_files, scan_folders
from tagger.scan.undoing import Undoing
from tagger.scan.write_results import given_genres, request_of, with_outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tagger.genres.choose import Policy
    from tagger.journal.run import Outcome, WriteRequest
    from tagger.library.selection import WalkOptions
    from tagger.review.apply import ApplyOptions
    from tagger.review.findings import Audit, AuditOptions
    from tagger.review.report_rows import Row
    from tagger.writing.options import WriteOptions


class Tagger(Undoing):
    """A model, decoding processes, a cache and a journal. Use it in a `with` statement.

    Methods may be called from several threads. Scans and audits of one `Tagger` run one after
    another; `predict`, `embed` and what writes may run meanwhile. The model is loaded for the
    first file that is decoded. The state is opened by the first method that needs it (all but
    `tracks`, `predict`, `embed` and `runs`) and held until `close`: that method raises
    `StateError` if another process holds it, and what writes raises `InputError` if there is
    none. The arguments, `path`, `spec` and `settings` are those of `Resources`.

    What only one method needs is imported by that method: the second scan of a large library
    takes little longer than the start of the program.
    """

    def tracks(
        self, paths: Iterable[Path | str], walk: "WalkOptions | None" = None
    ) -> Iterator[Path]:
        """The files that a scan of these paths would take, one by one; none is opened."""
        return self._selected(paths, walk).tracks()

    def scan(
        self,
        paths: Iterable[Path | str],
        options: ScanOptions | None = None,
        *,
        walk: "WalkOptions | None" = None,
        recall: RecallOptions | None = None,
        stop: threading.Event | None = None,
    ) -> Generator[TrackResult, None, None]:
        """Show, or write, the genres of all tracks in files and folders.

        Nothing is opened, and nothing written, until the results are asked for.

        Args:
            paths: files and folders.
            options: what is decided, and whether it is written; None only says.
            walk: which files below the paths are taken.
            recall: what of earlier scans counts.
            stop: once set, the file that is being written is finished and reported, and the
                generator ends.

        Returns:
            A generator of one result a file, as soon as it is done; never an exception for a
            single file. Closing it ends the scan.

        Raises:
            InputError: there is no audio file, or files are to be written without a state.
        """
        selection = self._selected(paths, walk)
        folders = selection.folders()
        options = self._filled(options or ScanOptions())
        # What writes without a state is refused by `_journal`, before anything is read.
        store = self._journal() if options.write or self._remember else None
        if store is not None and self.settings.remember_embeddings and self.spec.embedding:
            options = replace(options, listen=replace(options.listen, embeddings=True))
        if options.spelling is None:
            options = replace(
                options, spelling=library_spelling(store, selection.silent().tracks)
            )
        resolved = options.resolved()
        key = cache_key_of(resolved, self.spec, model=self.model_sha)
        cache = open_cache(store, key, on_notice=self._say)
        scan = ScanContext(self._engine, resolved, cache, recall or RecallOptions())
        writing = recorded_writer(scan, store, selection.paths, self._scanning)
        return scan_folders(folders, scan, writing=writing, stop=stop, pool=self._pool)

    def scan_each(
        self,
        paths: Iterable[Path],
        options: ScanOptions | None = None,
        *,
        stop: threading.Event | None = None,
    ) -> Generator[TrackResult, None, None]:
        """Say what a scan would write into files that come one by one; nothing is stored.

        Args:
            paths: files, taken as they are needed: copies of objects, say, which may go as
                soon as their result is there.
            options: what is decided; genres are spelled as the model and the settings do.
            stop: as for `scan`.

        Returns:
            A generator of one result a file, in the order in which they are done.

        Raises:
            InputError: files are to be written.
        """
        options = self._filled(options or ScanOptions())
        if options.write:
            raise InputError("Copies are not written; write what the results propose.")
        options = replace(options, spelling=options.spelling or no_spelling())
        return scan_files(paths, self._engine, options, stop=stop, pool=self._pool)

    def request_of(
        self, result: TrackResult, options: ScanOptions | None = None
    ) -> "WriteRequest | None":
        """What is to be written of a result of `scan_each`; None if it proposes nothing."""
        return request_of(result, self._filled(options or ScanOptions()).resolved())

    def conditions(self, options: ScanOptions | None = None) -> str:
        """A digest of the model and of all options that decide what a scan says."""
        resolved = self._filled(options or ScanOptions()).resolved()
        key = cache_key_of(resolved, self.spec, model=self.model_sha)
        return key.decision.removeprefix("decision ")

    @property
    def model_sha(self) -> str:
        """SHA-256 of the model file as it was when this was opened, in hexadecimal."""
        return self._engine.sha256

    def predict(self, path: Path | str, *, windows: bool = False) -> TrackResult:
        """Decode and score one file, whatever its tags say and whatever is stored of it.

        Args:
            path: the file.
            windows: score all of it, and keep the scores of each window in `timeline`.

        Returns:
            Its scores, and the genres that `replace` would write; with status `failed` and a
            reason where it cannot be read.
        """
        listen = ListenOptions(keep_windows=windows)
        options = self._filled(ScanOptions(policy="replace", score_all=True, listen=listen))
        (result,) = scan_files([Path(path)], self._engine, options, pool=self._pool)
        return result

    def embed(self, path: Path | str) -> "NDArray[np.float32]":
        """What the network makes of a track before it names it.

        Returns:
            The mean over the windows that a scan would score, shape (spec.embedding,).

        Raises:
            InputError: the model gives no embedding.
            DecodeError: the file cannot be read, or all of it is silent.
        """
        from tagger.scan.embedding import mean_embedding  # noqa: PLC0415 (brings NumPy)

        if self.spec.embedding is None:
            raise InputError(f"{self.path}: this model gives no embedding; use one that does.")
        return mean_embedding(Path(path), self._engine, self._listen, pool=self._pool)

    def audit(
        self,
        paths: Iterable[Path | str],
        options: "AuditOptions | None" = None,
        *,
        walk: "WalkOptions | None" = None,
        recall: RecallOptions | None = None,
        on_track: Callable[[TrackResult], None] | None = None,
    ) -> "Audit":
        """Find genres that disagree with the model, or are none. Changes nothing.

        Args:
            paths: files and folders.
            options: what is believed, and suggested.
            walk: which files below the paths are taken.
            recall: what of earlier scans counts.
            on_track: told of each file when it is scored.

        Raises:
            InputError: there is no audio file.
        """
        from tagger.review.audit import auditor_of, options_of  # noqa: PLC0415
        from tagger.review.findings import AuditOptions  # noqa: PLC0415

        options = options or AuditOptions()
        auditor = auditor_of(options, self.settings, self.spec)
        results = self.scan(paths, options_of(options), walk=walk, recall=recall)
        with contextlib.closing(results):
            return auditor.audit(results, on_track=on_track)

    def apply(
        self, rows: "Iterable[Row]", options: "ApplyOptions | None" = None
    ) -> Iterator[TrackResult]:
        """Write the genres of an edited report, row by row.

        Args:
            rows: as `tagger.review.report_rows.read_rows` gives them.
            options: whether and how files are changed.

        Raises:
            InputError: files are to be changed without a state.
        """
        from tagger.review.apply import ApplyOptions, apply_in_run, apply_rows  # noqa: PLC0415

        options = options or ApplyOptions(writing=writing_of(self.settings))
        if not options.write:
            return apply_rows(rows, options)
        return apply_in_run(self._journal(), rows, options)

    def write(
        self,
        what: TrackResult | Path | str,
        genres: Sequence[str] | None = None,
        *,
        policy: "Policy" = "replace",
        options: "WriteOptions | None" = None,
    ) -> TrackResult:
        """Write one file, safely and so that it can be undone; a run of its own.

        Args:
            what: a result that proposes something, or a file.
            genres: what the file shall hold; None for what the result proposes.
            policy: what happens to genres that are there already.
            options: how the file is changed; None for what the settings say.

        Returns:
            What became of it; a file that cannot be written is no exception.

        Raises:
            InputError: neither a proposal nor genres were given, or there is no state.
        """
        store = self._journal()
        asked = self._filled(ScanOptions(policy=policy, writing=options)).resolved()
        if genres is not None:
            path = what.path if isinstance(what, TrackResult) else Path(what)
            proposal = given_genres(path, genres, asked)
        elif isinstance(what, TrackResult):
            proposal = what
        else:
            raise InputError(f"{what}: say which genres it shall hold.")
        if (request := request_of(proposal, asked)) is None:
            return proposal
        with new_run(store, "write", [proposal.path]) as run:
            run.model = self.spec.name if genres is None else None
            (outcome,) = run.write([request])
        return with_outcome(proposal, outcome)

    def write_many(
        self, requests: "Iterable[WriteRequest]", *, reason: str, model: str | None = None
    ) -> "Iterator[Outcome]":
        """Write files in one run of the journal, one outcome each, in their order.

        Args:
            requests: what each file shall hold; taken a few at a time.
            reason: stands beside the run in `tagger runs`.
            model: name of the one that chose the genres, which teach nothing then; None if a
                person did.

        Raises:
            InputError: there is no state.
        """
        store = self._journal()
        return write_in_run(store, "write", requests, reason=reason, model=model)
