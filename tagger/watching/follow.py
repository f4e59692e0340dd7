"""Changes in folders -> results: the loop of `tagger watch`."""

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from tagger.errors import InputError, NotThereError
from tagger.library.below import is_taken
from tagger.library.selection import WalkOptions
from tagger.scan.options import ScanOptions
from tagger.scan.results import TrackResult
from tagger.watching.settling import IsHeld, Look, Settling, is_held, signature_of

CHUNK = 500
"""Files of a pass that are scanned together, so that memory does not grow with the library."""

_HELD_AT_MOST_S = 3600.0
"""Age of a file to which nobody is writing any more, as a rule."""


class Door(Protocol):
    """What is needed of a `tagger.Tagger`."""

    def tracks(
        self, paths: Iterable[Path | str], walk: WalkOptions | None = None
    ) -> Iterator[Path]:
        """The files that a scan would take."""

    def scan(
        self,
        paths: Iterable[Path | str],
        options: ScanOptions | None = None,
        *,
        stop: threading.Event | None = None,
    ) -> Iterator[TrackResult]:
        """A result for each file."""

    def forget_gone(self, paths: Iterable[Path | str]) -> None:
        """Drop what is stored of files, and of folders, that are not there any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowOptions:
    """How folders are followed.

    Attributes:
        exclude: patterns of what is left out, those of the settings included.
        quiet_s: seconds in which a file must not have changed to be whole.
        pass_s: seconds between two looks at everything, for what no event told of.
        clock: seconds of a clock that never goes back.
        wall: seconds since 1970, which files' times are compared with.
        look: what the system says of a file.
        is_held: whether another program has a file open to write to it.
    """

    exclude: Sequence[str] = ()
    quiet_s: float = 5.0
    pass_s: float = 6 * 3600.0
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    look: Look = signature_of
    is_held: IsHeld = is_held


def follow(
    tagger: Door,
    folders: Sequence[Path],
    scanning: ScanOptions,
    changes: Iterator[set[Path]],
    options: FollowOptions = FollowOptions(),
    *,
    stop: threading.Event,
    on_notice: Callable[[str], None] = lambda _: None,
) -> Iterator[TrackResult]:
    """Scan what is there, then what changes, until `stop` is set or `changes` ends.

    Changes are taken down before the first pass begins, so that nothing falls between them.

    Args:
        tagger: open, with a state.
        folders: absolute.
        scanning: what becomes of each file.
        changes: sets of paths, an empty one now and then: `tagger.watching.changes`.
        options: when a file is whole, and how often all is looked at.
        stop: ends it; the file that is being written is finished.
        on_notice: told, in a sentence, of a folder that is lost or cannot be listed.

    Yields:
        One result for each file that was scanned.
    """
    state = _Following(tagger, folders, scanning, options, stop, on_notice)
    next_pass, next_look = options.clock(), math.inf
    for changed in changes:
        if stop.is_set():
            return
        state.note(changed)
        if state.settling.is_over_full:  # looked over as a whole, but not at every tick of it
            state.settling.is_over_full = False
            next_look = min(next_look, options.clock() + options.quiet_s)
        # The first round is the first pass: by now changes are being taken down.
        if options.clock() >= next_pass:
            next_pass = options.clock() + options.pass_s
            yield from state.look_over(folders)
        if options.clock() >= next_look:
            next_look = math.inf
            yield from state.look_over(folders, only_news=True)
        for folder in state.take_folders():
            yield from state.look_over([folder], only_news=True)
        yield from state.scan(state.settling.whole(options.clock()))


class _Following:
    """What is waited for."""

    def __init__(
        self,
        tagger: Door,
        folders: Sequence[Path],
        scanning: ScanOptions,
        options: FollowOptions,
        stop: threading.Event,
        on_notice: Callable[[str], None],
    ) -> None:
        self.tagger, self.folders, self.scanning = tagger, folders, scanning
        self.options, self.stop, self.on_notice = options, stop, on_notice
        self.settling = Settling(
            quiet_s=options.quiet_s, look=options.look, is_held=options.is_held
        )
        self.new_folders: set[Path] = set()
        self.told: set[tuple[Path, str]] = set()

    def note(self, changed: Iterable[Path]) -> None:
        """Take down what has changed and is part of the library."""
        now = self.options.clock()
        if gone := [path for path in sorted(changed) if self._is_gone(path)]:
            self.tagger.forget_gone(gone)
        for path in sorted(changed):
            # `Path.is_dir` raises where a share is away, or a folder is another user's.
            is_folder = os.path.isdir(path)  # noqa: PTH112
            if not any(self._takes(path, top, is_folder=is_folder) for top in self.folders):
                continue
            if is_folder:
                self.new_folders.add(path)
            else:
                self.settling.note(str(path), now)

    def _is_gone(self, path: Path) -> bool:
        """Whether a file or a folder in a followed one is gone, as far as can be seen."""
        if path in self.folders or path.name.startswith("."):  # our own copies, for one
            return False
        if self.options.look(str(path)) is not None:
            return False
        return any(path.is_relative_to(top) for top in self.folders)

    def _takes(self, path: Path, top: Path, *, is_folder: bool) -> bool:
        if not path.is_relative_to(top):
            return False
        return is_taken(path, top, self.options.exclude, is_folder=is_folder)

    def take_folders(self) -> list[Path]:
        """Folders that are new as a whole: one event for all that is in them."""
        taken, self.new_folders = self.new_folders, set()
        return sorted(path for path in taken if taken.isdisjoint(path.parents))

    def look_over(
        self, folders: Sequence[Path], *, only_news: bool = False
    ) -> Iterator[TrackResult]:
        """Scan what has been quiet for long below folders, and wait for the rest.

        Args:
            folders: each of those that are followed, or below one.
            only_news: leave out files that are as they were left: polling names a folder
                whenever a file comes, goes, or is written by ourselves.
        """
        old = self._old_files(folders, only_news=only_news)
        while not self.stop.is_set() and (part := list(islice(old, CHUNK))):
            yield from self.scan(part)

    def _old_files(self, folders: Sequence[Path], *, only_news: bool) -> Iterator[str]:
        walk = WalkOptions(exclude=self.options.exclude, on_error=self._tell)
        for folder in folders:
            top = next(followed for followed in self.folders if folder.is_relative_to(followed))
            try:
                for track in self.tagger.tracks([folder], walk):
                    is_ours = folder == top or self._takes(track, top, is_folder=False)
                    if is_ours and self._is_due(str(track), only_news=only_news):
                        yield str(track)
            except InputError as error:  # a share that is away for now
                self.on_notice(str(error))

    def _tell(self, folder: Path, reason: str) -> None:
        """Once for each folder and reason: a walk meets it again and again."""
        if (folder, reason) not in self.told:
            self.told.add((folder, reason))
            self.on_notice(f"{folder}: {reason}")

    def _is_due(self, path: str, *, only_news: bool) -> bool:
        """Whether a file's own time says that it is whole; else it is waited for."""
        signature = self.options.look(path)
        if signature is None:
            return False
        age = self.options.wall() - signature[1] / 1e9
        # Not asked of older ones: each file of a library would be opened for it.
        if age > self.options.quiet_s and (
            age > _HELD_AT_MOST_S or not self.options.is_held(path)
        ):
            return self.settling.take(path, signature) or not only_news
        # Young, or of the future, as a share's clock may have it: watched until it is quiet.
        self.settling.note(path, self.options.clock())
        return False

    def scan(self, paths: Iterable[str]) -> Iterator[TrackResult]:
        """A result for each file that is still there."""
        left = list(paths)
        while left and not self.stop.is_set():
            try:
                results = self.tagger.scan(left, self.scanning, stop=self.stop)
            except InputError as error:
                there = [path for path in left if self.options.look(path) is not None]
                if there != left:  # one was removed just now
                    left = self._without_lost(left, there)
                    continue
                if not isinstance(error, NotThereError):
                    raise
                # A tag editor deleted one and wrote it anew, or a share was away for a moment.
                self._wait_for(left)
                return
            for result in results:
                # Otherwise the event that our own write causes would be a second round.
                if result.status == "written":
                    self.settling.leave(str(result.path))
                elif result.status == "failed":  # by a share that went away, perhaps
                    self.settling.forget(str(result.path))
                yield result
            return

    def _without_lost(self, paths: list[str], there: list[str]) -> list[str]:
        """The files that are there; should another one come back, it is news."""
        for path in set(paths).difference(there):
            self.settling.forget(path)
        return there

    def _wait_for(self, paths: Iterable[str]) -> None:
        """Try files again once they have been quiet, though they were taken for whole."""
        for path in paths:
            self.settling.forget(path)
            self.settling.note(path, self.options.clock())
