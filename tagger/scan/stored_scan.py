"""A scan composed: with or without a state, and written through the journal if asked for."""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace

from tagger.journal.run import new_run, write_unrecorded
from tagger.library.selection import Selection
from tagger.library.walk import Listing
from tagger.model.lazy import Scorer
from tagger.scan.cache_key import cache_key_of, sha256_of
from tagger.scan.cached_scan import scan_library
from tagger.scan.library_spelling import library_spelling
from tagger.scan.lookup import UnchangedFolder
from tagger.scan.options import RecallOptions, ScanOptions
from tagger.scan.results import TrackResult
from tagger.scan.scan import scan
from tagger.state.scan_cache import Memory
from tagger.state.store import Store


def scan_stored(
    folders: Iterable[Listing],
    engine: Scorer,
    options: ScanOptions,
    recall: RecallOptions,
    *,
    store: Store | None,
    selection: Selection,
    stop: threading.Event | None,
    on_notice: Callable[[str], None],
) -> Generator[TrackResult, None, None]:
    """Scan folders.

    Args:
        folders: what is scanned, taken as it is needed.
        engine: the model.
        options: what is decided.
        recall: what of earlier scans counts.
        store: the state; None without one, then nothing is written.
        selection: lists the same files once more, to see how they spell genres.
        stop: as for `tagger.scan.scan.scan`.
        on_notice: told once, in a sentence, if the state fails.
    """
    if options.spelling is None:
        options = replace(options, spelling=library_spelling(store, selection.tracks))
    if store is None:
        tracks = (one.folder / entry[0] for one in folders for entry in one.files)
        yield from scan(tracks, engine, options, stop=stop)
        return
    keys = cache_key_of(options.resolved(), engine.spec, model=sha256_of(engine.path))
    memory = Memory(store, keys, on_notice=on_notice)
    with contextlib.ExitStack() as stack:
        writer = write_unrecorded  # not called where nothing is to be written
        if options.write:
            run = stack.enter_context(new_run(store, "scan", selection.paths))
            run.model = engine.spec.name
            writer = run.write
        results = scan_library(
            folders, engine, options, memory, recall, stop=stop, writer=writer
        )
        for one in stack.enter_context(contextlib.closing(results)):
            if not isinstance(one, UnchangedFolder):
                yield one
            elif recall.on_unchanged is not None:
                recall.on_unchanged(one.counts)
