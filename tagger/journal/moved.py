"""Where files that a run has written lie by now, told by what they hold and not by name."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from tagger.errors import TagError
from tagger.journal.history import Change, all_runs, changes_of, roots_of, signed, sizes_of
from tagger.library.walk import find_folders
from tagger.state.store import Store
from tagger.tags.base import open_source
from tagger.tags.payload import Identity, identity_of
from tagger.tags.registry import translated
from tagger.tags.sniff import container_of

_RECORDED = """
    SELECT folder.path, file.name FROM file JOIN folder ON folder.id = file.folder
    WHERE size IN (SELECT new_size FROM change WHERE run = ?)
"""
_TWIN = """
    SELECT 1 FROM change WHERE path = ? AND run = ? AND status = 'done'
        AND new_size = ? AND payload = ? AND new_metadata = ?
"""


@dataclass(slots=True)
class Moved:
    """Finds files that runs have written and that are not at their place any more.

    It looks at nothing before the first file is missed. Then it knows the files of a fitting
    size in the folders that were named, in those that the run worked on, and those that the
    state knows. Whether one is it, all of its bytes decide.

    Attributes:
        store: the state.
        areas: files and folders that the owner named.
        is_near: look in these alone.
        places: number of a change to where its file was found.
    """

    store: Store
    areas: Sequence[Path] = ()
    is_near: bool = False
    places: dict[int, Path] = field(default_factory=dict)
    _by_size: dict[int, dict[int, list[Path]]] = field(default_factory=dict)
    _taken: set[tuple[Path, Identity]] = field(default_factory=set)

    def find(self, change: Change) -> Path | None:
        """Where the file of a change lies, if not at its place; None if it was not found."""
        if change.id in self.places:
            return self.places[change.id]
        by_size = self._sized(change.run)
        fitting = [
            path
            for path in by_size.get(change.becomes.size, ())
            if path != change.path
            and (path, change.becomes) not in self._taken
            and not self._is_anothers(path, change)
            and holds(path, change)
        ]
        if not fitting:
            return None
        nearest = min(fitting, key=lambda path: _distance(path, change))
        # Two equal copies belong to two changes: none is given back twice.
        self._taken.add((nearest, change.becomes))
        self.places[change.id] = nearest
        # When this change is taken back, the file may be that of an earlier one of the run.
        by_size.setdefault(change.was.size, []).append(nearest)
        return nearest

    def brought_into(self, run: int) -> Iterator[Change]:
        """A run's changes to files that lay elsewhere, and by now lie in what was named."""
        by_size = self._sized(run)
        near = {size for size, paths in by_size.items() if any(map(self._is_near, paths))}
        for change in changes_of(self.store, run, sizes=near):
            if change.undone or self._is_near(change.path) or holds(change.path, change):
                continue
            place = self.find(change)
            if place is not None and self._is_near(place):
                yield change

    def _is_anothers(self, path: Path, change: Change) -> bool:
        """Whether the run made the same of another file, which is at its place: a twin."""
        becomes = change.becomes
        content = (
            becomes.size,
            bytes.fromhex(becomes.payload),
            bytes.fromhex(becomes.metadata),
        )
        with self.store.reading() as connection:
            values = (os.fsencode(path), change.run, *content)
            return connection.execute(_TWIN, values).fetchone() is not None

    def _is_near(self, path: Path) -> bool:
        return any(path == area or area in path.parents for area in self.areas)

    def _sized(self, run: int) -> dict[int, list[Path]]:
        """The files that are worth a look, by size."""
        if run not in self._by_size:
            by_size = self._by_size[run] = {}
            for size, path in self._seen(run, sizes_of(self.store, run)):
                # By size first: only a handful of a library's files is then read.
                paths = by_size.setdefault(size, [])
                if path not in paths:
                    paths.append(path)
        return self._by_size[run]

    def _seen(self, run: int, sizes: frozenset[int]) -> Iterator[tuple[int, Path]]:
        """Every file that has one of some sizes, links resolved."""
        roots = () if self.is_near else map(_existing, roots_of(self.store, run))
        tops = [path for path in (*self.areas, *roots) if path and _is_there(path)]
        for listing in find_folders(tops) if tops else ():
            for name, size, *_ in listing.files:
                if size in sizes:
                    yield size, (listing.folder / name).resolve()
        for path in () if self.is_near else self._recorded(run):
            try:
                size = path.stat().st_size
            except OSError:
                continue
            if size in sizes:
                yield size, path.resolve()

    def _recorded(self, run: int) -> Iterable[Path]:
        with self.store.reading() as connection:
            rows = connection.execute(_RECORDED, (run,)).fetchall()
        return (Path(os.fsdecode(folder)) / os.fsdecode(name) for folder, name in rows)


def last_moved_run(store: Store, areas: Sequence[Path]) -> int | None:
    """The last run, undos apart, that changed a file which lies in some areas by now."""
    moved = Moved(store, areas, is_near=True)
    for run in all_runs(store):
        is_in_force = run.n_written > run.n_undone and run.command != "undo"
        if is_in_force and next(moved.brought_into(run.id), None) is not None:
            return run.id
    return None


def holds(path: Path, change: Change) -> bool:
    """Whether a file is, to the byte, what a change has made."""
    expected = change.becomes
    try:
        with translated(path, TagError, "it cannot be compared"), open_source(path) as source:
            if source.size != expected.size or container_of(source) != expected.container:
                return False
            # The tags first: few bytes, and few files have the same.
            if identity_of(source, expected.container, payload=expected.payload) != expected:
                return False
            return identity_of(source, expected.container) == expected
    except (TagError, OSError):
        return False


def _existing(root: Path) -> Path | None:
    """What a run worked on; the folder around it, if that has another name by now."""
    # `Path.is_dir` raises where a share is away, or a folder is another user's.
    if os.path.isdir(root):  # noqa: PTH112
        return root
    return root.parent if root.parent != root.parent.parent else None  # not all of a disk


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def _distance(path: Path, change: Change) -> tuple[bool, bool, int, Path]:
    """Of copies that are equal to the byte: the same inode, the same name, the nearest."""
    try:
        inode = signed(path.stat().st_ino)
    except OSError:
        inode = None
    pairs = zip(path.parts, change.path.parts, strict=False)
    n_common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    apart = len(path.parts) + len(change.path.parts) - 2 * n_common
    return (inode != change.new_inode, path.name != change.path.name, apart, path)
