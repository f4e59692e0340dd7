"""A scan with what it stores: its cache, and the run of the journal if it writes."""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path

from tagger.journal.run import new_run, write_unrecorded
from tagger.library.listing import Listing
from tagger.model.lazy import Scorer
from tagger.scan.cache_key import cache_key_of, sha256_of
from tagger.scan.context import Cache, ScanContext
from tagger.scan.decode_pool import DecodePool
from tagger.scan.options import ResolvedOptions
from tagger.scan.results import TrackResult
from tagger.scan.scan import scan_folders
from tagger.state.null_cache import NullCache
from tagger.state.scan_cache import ScanCache
from tagger.state.store import Store


def open_cache(
    store: Store | None,
    engine: Scorer,
    options: ResolvedOptions,
    *,
    on_notice: Callable[[str], None],
) -> Cache:
    """What is stored for this model and these options; nothing without a state.

    Args:
        store: the state.
        engine: the model.
        options: of the scan.
        on_notice: told once, in a sentence, if the state fails while the scan runs.
    """
    if store is None:
        return NullCache()
    key = cache_key_of(options, engine.spec, model=sha256_of(engine.path))
    return ScanCache(store, key, on_notice=on_notice)


def scan_recorded(
    folders: Iterable[Listing],
    scan: ScanContext,
    *,
    store: Store | None,
    paths: Sequence[Path],
    stop: threading.Event | None,
    pool: DecodePool,
) -> Generator[TrackResult, None, None]:
    """Scan folders; what is written is one run of the journal.

    Args:
        folders: as for `scan_folders`, like `stop` and `pool`.
        scan: the model, the options and the cache.
        store: the state that has the journal; None where nothing is to be written.
        paths: what is scanned, as it was named.
        stop: see above.
        pool: see above.
    """
    with contextlib.ExitStack() as stack:
        writer = write_unrecorded  # not called where nothing is to be written
        if store is not None and scan.options.write:
            run = stack.enter_context(new_run(store, "scan", paths))
            run.model = scan.engine.spec.name
            writer = run.write
        yield from scan_folders(folders, scan, stop=stop, writer=writer, pool=pool)
