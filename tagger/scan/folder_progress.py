"""Which folders of a scan are done: the next scan passes them with a look at the listing."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.genres.target_fields import GENRE
from tagger.library.listing import Entry, Listing, entry_of
from tagger.scan.context import ScanContext
from tagger.scan.inspect_file import entry_now
from tagger.scan.results import TrackResult
from tagger.scan.stored_scores import INCONSISTENT
from tagger.state.records import listing_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

_LASTING = frozenset({"kept", "unchanged", "abstained", "skipped"})
"""What becomes of a file again and again, as long as nothing is changed."""


@dataclass(slots=True)
class _OpenFolder:
    """A folder of which some files are not done."""

    left: dict[str, Entry]
    done: list[Entry] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class FolderProgress:
    """The folders that are not done; when one is, that is stored, and how its files are now."""

    def __init__(self, scan: ScanContext) -> None:
        """Follow no folder yet."""
        self._options, self._cache = scan.options, scan.cache
        self._open: dict[Path, _OpenFolder] = {}
        self._placed: dict[Path, Entry] = {}

    def open(self, listing: Listing) -> None:
        """Follow a folder whose files are about to be done."""
        if listing.is_whole and self._cache.is_stored:
            left = {entry[0]: entry for entry in listing.files}
            self._open[listing.folder] = _OpenFolder(left)

    def placed(self, path: Path, state: os.stat_result) -> None:
        """Note how a file is that was written just now; called by the thread that writes."""
        self._placed[path] = entry_of(path.name, state)

    def count(self, result: TrackResult) -> None:
        """Note what became of a file."""
        entry = self._placed.pop(result.path, None)
        if not self._cache.is_stored:
            return
        status, folder, name = result.status, result.path.parent, result.path.name
        if status != "written":
            entry = None
        elif entry is not None and entry == entry_now(result.path):
            self._store_change(result, entry)
        else:  # another program has changed it since: the next scan looks at it again
            entry = None
            self._cache.forget(folder, [name])
        opened = self._open.get(folder)
        if opened is None or name not in opened.left:
            return
        before = opened.left.pop(name)
        opened.done.append(entry or before)
        # What is stored is what the next scan would say: `written` today is `kept` tomorrow.
        opened.counts[status if entry is None else self._next_time(result)] += 1
        if not opened.left:
            del self._open[folder]
            self._close(folder, opened)

    def _store_change(self, result: TrackResult, entry: Entry) -> None:
        """Our own change of a file is no reason to look at it again."""
        changed: dict[str, Sequence[str] | None] = {result.field: result.genres}
        was_kept = self._options.policy == "fill" and result.genres == result.previous
        if result.field == GENRE and not was_kept:
            changed[INCONSISTENT] = None
        if result.second is not None:
            changed[result.second.name] = result.second.values
        self._cache.store_change(result.path.parent, entry, json.dumps(changed))

    def _next_time(self, result: TrackResult) -> str:
        """What the next scan will say of a file that was written, where that is certain."""
        if self._options.policy != "fill":
            return result.status
        return "kept" if result.genres else "unchanged"

    def _close(self, folder: Path, opened: _OpenFolder) -> None:
        if not opened.counts.keys() <= _LASTING:
            return
        done = listing_digest(sorted(opened.done)), dict(opened.counts)
        if self._cache.folder(folder) != done:
            self._cache.store_folder(folder, *done)
