"""A scan with what it stores: its cache, and the run of the journal if it writes."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tagger.journal.run import Writer, new_run, write_unrecorded
from tagger.scan.context import Cache, ScanContext
from tagger.state.null_cache import NullCache
from tagger.state.records import CacheKey
from tagger.state.scan_cache import ScanCache
from tagger.state.store import Store


def open_cache(
    store: Store | None, key: CacheKey, *, on_notice: Callable[[str], None]
) -> Cache:
    """What is stored for a model and options; nothing without a state.

    Args:
        store: the state.
        key: of the model and the options of the scan.
        on_notice: told once, in a sentence, if the state fails while the scan runs.
    """
    if store is None:
        return NullCache()
    return ScanCache(store, key, on_notice=on_notice)


@contextlib.contextmanager
def recorded_writer(
    scan: ScanContext, store: Store | None, paths: Sequence[Path], turn: threading.Lock
) -> Iterator[Writer]:
    """What writes in a scan: a run of the journal of its own. For a `with` statement.

    Args:
        scan: the model, the options and the cache.
        store: the state that has the journal; None where nothing is to be written.
        paths: what is scanned, as it was named.
        turn: held as long, so that scans run one after another.
    """
    with turn:
        if store is None or not scan.options.write:
            yield write_unrecorded  # not called: nothing is to be written
            return
        with new_run(store, "scan", paths) as run:
            run.model = scan.engine.spec.name
            yield run.write
