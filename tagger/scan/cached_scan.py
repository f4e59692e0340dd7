"""A scan that knows what earlier ones found out: what is new is heard, all else is decided.

A folder that is as it was is passed with one look at the listing. A file that is as it was is
decided anew from the scores that are stored. A file that was moved, renamed or tagged is opened
for its tags and recognised by its audio. What is left is listened to.
"""

import json
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from tagger.genres.target_fields import GENRE
from tagger.journal.run import Writer, write_unrecorded
from tagger.library.walk import Entry, Listing
from tagger.model.lazy import Scorer
from tagger.scan.inspect_file import entry_now, look, remember
from tagger.scan.lookup import UNSETTLED, LookupContext, UnchangedFolder, look_up
from tagger.scan.options import RecallOptions, ScanOptions
from tagger.scan.records import TrackScores
from tagger.scan.results import TrackResult
from tagger.scan.scan import decide
from tagger.scan.write_results import write_all
from tagger.state.records import digest_of
from tagger.state.scan_cache import Memory

_LASTING = frozenset({"kept", "unchanged", "abstained", "skipped"})
"""What becomes of a file again and again, as long as nothing is changed."""


def scan_library(
    listings: Iterable[Listing],
    engine: Scorer,
    options: ScanOptions,
    memory: Memory,
    recall: RecallOptions = RecallOptions(),
    *,
    stop: threading.Event | None = None,
    writer: Writer = write_unrecorded,
) -> Generator[TrackResult | UnchangedFolder, None, None]:
    """Scan folders, find out only what is not known, and remember it.

    A file that another program has changed since it was read is looked at once more at the
    end: what was known of it may have been wrong, where no time of the file has told that.

    Args:
        listings: the folders, taken as they are needed.
        engine: the model.
        options: what to do with what is heard.
        memory: made for these options and this model; it is flushed at the end.
        recall: what of the past counts.
        stop: as for `tagger.scan.scan.scan`.
        writer: likewise.

    Yields:
        One result a file, or a folder that is passed; never an exception for a single file.
    """
    stop = stop or threading.Event()
    desk = LookupContext(engine, options.resolved(), memory, recall)
    folders = _Folders(desk)
    changed: list[Path] = []
    try:
        source = folders.watched(look_up(listings, desk))
        for one in _written(source, desk, stop, writer):
            if isinstance(one, TrackResult):
                if one.is_stale and not stop.is_set():
                    memory.forget(one.path.parent, [one.path.name])
                    changed.append(one.path)
                    continue
                folders.settle(one)
            yield one
        memory.flush()
        for one in _written(iter(changed), desk, stop, writer):
            if isinstance(one, TrackResult):
                folders.settle(one)
            yield one
    finally:
        memory.flush()


def _written(
    source: Iterator[Path | TrackScores],
    desk: LookupContext,
    stop: threading.Event,
    writer: Writer,
) -> Iterator[TrackResult | UnchangedFolder]:
    """Everything that is decided, and written if that was asked for."""
    results = _results(source, desk, stop)
    return write_all(results, desk.options, stop, writer) if desk.options.write else results


def _results(
    source: Iterator[Path | TrackScores], desk: LookupContext, stop: threading.Event
) -> Iterator[TrackResult | UnchangedFolder]:
    """Everything that is decided; threads are started for the first file to be opened."""
    for first in source:
        if stop.is_set():
            return
        if isinstance(first, TrackScores):
            yield from _decided(first, desk)
            continue
        from tagger.scan.pipeline import analyse  # noqa: PLC0415 - brings NumPy and the decoders

        heard = analyse(
            chain([first], source),
            desk.engine,
            desk.options.listen,
            intake=lambda path: look(path, desk),
            stop=stop,
        )
        for one in heard:
            yield from _decided(one, desk)


def _decided(
    heard: TrackScores, desk: LookupContext
) -> Iterator[TrackResult | UnchangedFolder]:
    if isinstance(heard.note, UnchangedFolder):
        yield heard.note
    elif isinstance(heard.note, list):
        yield from heard.note
    else:
        remember(heard, desk.memory)
        yield decide(heard, desk.engine, desk.options)


@dataclass(slots=True)
class _Open:
    """A folder of which some files are not done."""

    left: dict[str, Entry]
    done: list[Entry] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class _Folders:
    """The folders that are not done; when one is, it is recorded so that it can be passed."""

    def __init__(self, desk: LookupContext) -> None:
        self.desk = desk
        self.open: dict[Path, _Open] = {}

    def watched(
        self, sifted: Iterable[Path | TrackScores | Listing]
    ) -> Iterator[Path | TrackScores]:
        """The same without the listings, which are noted."""
        for one in sifted:
            if not isinstance(one, Listing):
                yield one
            elif one.is_whole:
                self.open[one.folder] = _Open({entry[0]: entry for entry in one.files})

    def settle(self, result: TrackResult) -> None:
        """Note what became of a file."""
        folder, name = result.path.parent, result.path.name
        status: str = result.status
        entry = None
        if status == "written":
            entry = entry_now(result.path)
            if entry is not None:
                changed: dict[str, Sequence[str] | None] = {result.field: result.genres}
                was_kept = (
                    self.desk.options.policy == "fill" and result.genres == result.previous
                )
                if result.field == GENRE and not was_kept:
                    changed[UNSETTLED] = None
                if result.second is not None:
                    changed[result.second.name] = result.second.values
                self.desk.memory.record_change(folder, entry, json.dumps(changed))
                status = self._next_time(result)
        opened = self.open.get(folder)
        if opened is None or name not in opened.left:
            return
        was = opened.left.pop(name)
        opened.done.append(entry or was)
        opened.counts[status] += 1
        if not opened.left:
            del self.open[folder]
            self._close(folder, opened)

    def _next_time(self, result: TrackResult) -> str:
        """What the next scan will say of a file that was written, where that is certain."""
        if self.desk.options.policy != "fill":
            return result.status
        return "kept" if result.genres else "unchanged"

    def _close(self, folder: Path, opened: _Open) -> None:
        if not opened.counts.keys() <= _LASTING:
            return
        done = digest_of(sorted(opened.done)), dict(opened.counts)
        if self.desk.memory.glance(folder) != done:
            self.desk.memory.record_folder(folder, *done)
