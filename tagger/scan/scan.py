"""The main job: listings in, a result for each file out, genres written if asked for.

    listing -> cached?  -> decided -> written
            -> inspected -> decoded and scored -> decided -> written

The thread that asks for results reads the listing and decides (`tagger.scan.passes`); only
files that must be opened reach the decoding threads (`tagger.scan.pipeline`).
"""

import threading
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.journal.run import Writer, write_unrecorded
from tagger.library.listing import Listing, unknown_entry
from tagger.model.lazy import Scorer
from tagger.scan.context import ScanContext
from tagger.scan.folder_progress import FolderProgress
from tagger.scan.options import ScanOptions
from tagger.scan.passes import Passes
from tagger.scan.results import TrackResult

if TYPE_CHECKING:
    from tagger.scan.decode_pool import DecodePool


def scan_folders(
    listings: Iterable[Listing],
    scan: ScanContext,
    *,
    writing: AbstractContextManager[Writer],
    stop: threading.Event | None = None,
    pool: "DecodePool | None" = None,
) -> Generator[TrackResult, None, None]:
    """Scan folders: find out only what is not stored, and store it.

    Args:
        listings: the folders, taken as they are needed.
        scan: the model, the options and the cache, which is flushed at the end.
        writing: entered while the scan runs; gives what changes files, if that was asked for.
        stop: once set, the file that is being written is finished and reported, and the
            generator ends; all other files are left as they are.
        pool: has the decoding processes; None for some that end with the scan.

    Yields:
        One result a file, as soon as it is done; never an exception for a single file.

    Raises:
        StartError: what all files need cannot be had, and of no file was anything decided.
        StoppedError: the same, and something was: it may be written.
    """
    folders, changed = FolderProgress(scan), list[Path]()
    passes = Passes(scan, folders, stop or threading.Event(), pool)
    try:
        with writing as writer:
            for result in passes.written(listings, writer):
                # Another program changed it since it was read, and no time of the file may
                # have told that: what is stored of it may be wrong.
                if result.is_stale and not passes.stop.is_set():
                    scan.cache.forget(result.path.parent, [result.path.name])
                    changed.append(result.path)
                    continue
                folders.count(result)
                yield result
            # Before the second pass asks for what was just forgotten.
            scan.cache.flush()
            for result in passes.written(map(listing_of, changed), writer):
                folders.count(result)
                yield result
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
    """Scan single files without a cache; `writer` changes files, if that was asked for."""
    scan = ScanContext(engine, options.resolved())
    listings = map(listing_of, paths)
    return scan_folders(listings, scan, writing=nullcontext(writer), stop=stop, pool=pool)


def listing_of(path: Path) -> Listing:
    """The listing of a single file of which nothing is known."""
    return Listing(path.parent, [unknown_entry(path.name)], is_whole=False)
