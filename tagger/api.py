"""The door: `Tagger`, a model, decoders, a cache and a journal, opened once, used many times.

    with Tagger() as tagger:
        for result in tagger.scan(["Music"]):
            print(result.path, result.genres)

The command line, the service, the cluster, the watcher and the beets plugin are front ends of
it. Everything that is written goes through the journal: `undo` brings back what was there.
"""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tagger.errors import InputError
from tagger.genres.choose import Policy
from tagger.genres.rules import GenreRules
from tagger.genres.spelling import no_spelling
from tagger.genres.target_fields import Targets
from tagger.journal.history import Run, all_runs, runs_at
from tagger.journal.recover import open_recovered
from tagger.journal.run import Outcome, WriteRequest, new_run, write_in_run
from tagger.journal.undo import UndoOptions
from tagger.journal.undo_run import run_to_undo, undo_run
from tagger.library.selection import Selection, WalkOptions, select
from tagger.model.catalogue import find_model
from tagger.model.device_options import DeviceOptions
from tagger.model.lazy import LoadWatch
from tagger.review.apply import ApplyOptions, apply_in_run, apply_rows
from tagger.review.audit import Audit, AuditOptions, Auditor
from tagger.review.report_rows import Row
from tagger.scan.context import ScanContext
from tagger.scan.decode_pool import DecodePool
from tagger.scan.from_settings import filled, writing_of
from tagger.scan.library_spelling import library_spelling
from tagger.scan.options import RecallOptions, ScanOptions
from tagger.scan.recorded_scan import open_cache, scan_recorded
from tagger.scan.records import ListenOptions
from tagger.scan.results import TrackResult
from tagger.scan.scan import scan_files
from tagger.scan.write_results import given_genres, request_of, with_outcome
from tagger.settings.config import Settings, load_settings
from tagger.settings.model_overrides import rules_of
from tagger.settings.open_model import open_model
from tagger.settings.values import checked_patterns
from tagger.state import Store, state_path
from tagger.writing.safe_write import WriteOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NEEDS_STATE = (
    "What is written could not be undone without a state; open the Tagger with remember=True."
)


def _say_nothing(_sentence: str) -> None:
    """Drop what the owner might like to know; errors are raised all the same."""


class Tagger:
    """A model, decoding processes, a cache and a journal. Use it in a `with` statement.

    Methods may be called from several threads. Scans and audits of one `Tagger` run one after
    another; `predict`, `embed` and what writes may run meanwhile. The model is loaded for the
    first file that is decoded. The state is opened by the first method that needs it (all but
    `tracks`, `predict`, `embed` and `runs`) and held until `close`: that method raises
    `StateError` if another process holds it.

    Attributes:
        path: the model file.
        spec: what the model says of itself, with the settings' thresholds and tree.
        settings: the owner's settings.
    """

    def __init__(
        self,
        model: str | Path = "default",
        *,
        device: str = "auto",
        compute: DeviceOptions | None = None,
        state: Path | None = None,
        remember: bool = True,
        settings: Settings | Mapping[str, object] | None = None,
        n_decoders: int | None = None,
        on_notice: Callable[[str], None] | None = None,
        watch: LoadWatch | None = None,
    ) -> None:
        """Check the model and the settings; a model for a GPU is loaded, no other yet.

        Args:
            model: a file, or a name of `tagger models`.
            device: auto, cpu, cuda or tensorrt; `cuda:1` is the second GPU. Only auto may
                settle for less.
            compute: how the device is used.
            state: the file of the cache and the journal; None for the user's own.
            remember: False for neither of them; then no file can be written.
            settings: the owner's, or values that lie over them; None for config.toml and the
                environment, as the command line reads them.
            n_decoders: decoding processes; None for one a core.
            on_notice: told, in a sentence, what the owner should know.
            watch: told of the loading of the model, in place of `on_notice`.

        Raises:
            ModelError: there is no such model, or it cannot be run.
            DeviceError: the device that was asked for cannot be used.
            InputError: a setting or the device's name is wrong.
        """
        if not isinstance(settings, Settings):
            settings = load_settings(values=settings or {})
        self.settings: Settings = settings
        self.path = find_model(str(model))
        self._say = on_notice or _say_nothing
        self._state, self._remember = state, remember
        self._listen = ListenOptions(n_decoders=n_decoders)
        self._store: Store | None = None
        self._pool = DecodePool()
        self._opening, self._scanning = threading.Lock(), threading.Lock()
        self._engine, notes = open_model(
            self.path,
            device,
            compute or DeviceOptions(),
            settings=self.settings,
            watch=watch or LoadWatch(on_note=self._say),
        )
        self.spec = self._engine.spec
        for note in notes:
            self._say(f"{note}.")

    def tracks(
        self, paths: Iterable[Path | str], walk: WalkOptions | None = None
    ) -> Iterator[Path]:
        """The files that a scan of these paths would take, one by one; none is opened.

        Raises:
            InputError: a path does not exist.
        """
        return self._selected(paths, walk).tracks()

    def scan(
        self,
        paths: Iterable[Path | str],
        options: ScanOptions | None = None,
        *,
        walk: WalkOptions | None = None,
        recall: RecallOptions | None = None,
        stop: threading.Event | None = None,
    ) -> Generator[TrackResult, None, None]:
        """Show, or write, the genres of all tracks in files and folders.

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
        store = self._journal() if options.write or self._remember else None
        if options.spelling is None:
            options = replace(options, spelling=library_spelling(store, selection.tracks))
        resolved = options.resolved()
        cache = open_cache(store, self._engine, resolved, on_notice=self._say)
        scan = ScanContext(self._engine, resolved, cache, recall or RecallOptions())
        return self._one_at_a_time(
            scan_recorded(
                folders, scan, store=store, paths=selection.paths, stop=stop, pool=self._pool
            )
        )

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
        options = ScanOptions(policy="replace", score_all=True, listen=listen)
        (result,) = scan_files(
            [Path(path)], self._engine, self._filled(options), pool=self._pool
        )
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
        options: AuditOptions | None = None,
        *,
        walk: WalkOptions | None = None,
        recall: RecallOptions | None = None,
        on_track: Callable[[TrackResult], None] | None = None,
    ) -> Audit:
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
        options = options or AuditOptions()
        rules, top = rules_of(self.settings, self.spec), options.top or self.settings.max_genres
        auditor = Auditor(self.spec, rules, threshold=options.threshold, limit=top)
        # What is suggested is chosen and spelled by the auditor, when all files are known.
        scanning = ScanOptions(
            score_all=True,
            listen=options.listen,
            rules=GenreRules(),
            targets=Targets(),
            spelling=no_spelling(),
        )
        with contextlib.closing(self.scan(paths, scanning, walk=walk, recall=recall)) as found:
            return auditor.audit(found, on_track=on_track)

    def apply(
        self, rows: Iterable[Row], options: ApplyOptions | None = None
    ) -> Iterator[TrackResult]:
        """Write the genres of an edited report, row by row.

        Args:
            rows: as `tagger.review.report_rows.read_rows` gives them.
            options: whether and how files are changed.

        Raises:
            InputError: files are to be changed without a state.
        """
        options = options or ApplyOptions(writing=writing_of(self.settings))
        if not options.write:
            return apply_rows(rows, options)
        return apply_in_run(self._journal(), rows, options)

    def write(
        self,
        what: TrackResult | Path | str,
        genres: Sequence[str] | None = None,
        *,
        policy: Policy = "replace",
        options: WriteOptions | None = None,
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
            (outcome,) = run.write([request])
        return with_outcome(proposal, outcome)

    def write_many(self, requests: Iterable[WriteRequest], *, reason: str) -> Iterator[Outcome]:
        """Write files in one run of the journal, one outcome each, in their order.

        Args:
            requests: what each file shall hold; taken a few at a time.
            reason: stands beside the run in `tagger runs`.

        Raises:
            InputError: there is no state.
        """
        return write_in_run(self._journal(), "write", requests, reason=reason)

    def runs(self) -> list[Run]:
        """What wrote to files, newest first, also while another process holds the state."""
        if self._store is not None:
            return all_runs(self._store)
        path = self._state or state_path()
        is_there = self._remember and (self._state is not None or path.exists())
        return runs_at(path) if is_there else []

    def run_to_undo(self, paths: Iterable[Path | str] = (), *, run: int | None = None) -> int:
        """The run that `undo` would take back: the last one that is still in force.

        Args:
            paths: of those that wrote in or to these; empty for all.
            run: its number, if it is known; it is only checked then.

        Raises:
            InputError: there is none.
        """
        return run_to_undo(self._journal(), _absolute(paths), number=run)

    def undo(
        self,
        run: int | None = None,
        *,
        paths: Iterable[Path | str] = (),
        options: UndoOptions | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[TrackResult]:
        """Give files back what they held before a run, to the byte; itself a run.

        Args:
            run: its number; None for the last one, as `run_to_undo` finds it.
            paths: only files in or of these; empty for all that the run has changed.
            options: whether and how files are changed.
            stop: once set, what has not begun is left as it is.

        Raises:
            InputError: there is no such run, or nothing to undo.
        """
        store, areas = self._journal(), _absolute(paths)
        number = run_to_undo(store, areas, number=run)
        return undo_run(store, number, areas, options or UndoOptions(), stop=stop)

    def close(self) -> None:
        """Let go of the state and end the decoding processes."""
        with self._opening:
            store, self._store = self._store, None
        self._pool.close()
        if store is not None:
            store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _selected(self, paths: Iterable[Path | str], walk: WalkOptions | None) -> Selection:
        walk = walk or WalkOptions()
        patterns = checked_patterns(walk.exclude, option="exclude")
        return select(paths, replace(walk, exclude=(*self.settings.exclude, *patterns)))

    def _filled(self, options: ScanOptions) -> ScanOptions:
        """With what the settings say where nothing else was said."""
        n_decoders = options.listen.n_decoders or self._listen.n_decoders
        options = replace(options, listen=replace(options.listen, n_decoders=n_decoders))
        return filled(options, self.settings, self.spec)

    def _journal(self) -> Store:
        """The state, held by this process from now on."""
        if not self._remember:
            raise InputError(_NEEDS_STATE)
        with self._opening:
            if self._store is None:
                self._store = open_recovered(self._state, on_notice=self._say)
            return self._store

    def _one_at_a_time(
        self, results: Generator[TrackResult, None, None]
    ) -> Generator[TrackResult, None, None]:
        with self._scanning, contextlib.closing(results):
            yield from results


def _absolute(paths: Iterable[Path | str]) -> list[Path]:
    """Resolved as far as they exist: a file that was moved is still asked for by its name."""
    return [Path(path).resolve() for path in paths]
