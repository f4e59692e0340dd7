"""Paths -> audio files: what a scan of these files and folders would listen to."""

import stat
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from tagger.errors import InputError, NotThereError
from tagger.library import ignored
from tagger.library.listing import (
    AUDIO_SUFFIXES,
    Entry,
    Listing,
    entry_of,
    is_audio_name,
    list_folder,
    unknown_entry,
)

__all__ = [
    "AUDIO_SUFFIXES", "Entry", "Listing", "check_exists", "entry_of", "find_folders",
    "find_tracks", "is_audio_name", "require_tracks",
]  # fmt: skip

T = TypeVar("T")

OnError = Callable[[Path, str], None]
"""Told of each folder or entry that cannot be read: its path and the reason."""


def _ignore(_path: Path, _reason: str) -> None:
    """Do nothing about a folder that cannot be listed."""


def find_tracks(
    paths: Sequence[Path],
    *,
    limit: int | None = None,
    exclude: Sequence[str] = (),
    on_error: OnError = _ignore,
    on_note: OnError = _ignore,
) -> Iterator[Path]:
    """Walk files and folders and yield the audio files in a repeatable order.

    A file named by the user is taken whatever its suffix or name; in folders, names with an
    audio suffix (in any case) count. Hidden files and folders do not, nor what
    `tagger.library.ignored` leaves out: a NAS' trash and thumbnails, patterns, marked
    folders. A folder that is named is taken even so, unless it is one of several: most of these
    were named by the shell's `*`. FIFOs, sockets, devices and dangling links with an audio
    suffix are yielded: reading them fails with a sentence and never blocks. Symbolic links are
    followed, but no real directory is entered twice, so loops end; a file that is linked from
    two folders is yielded twice, since it has two names.

    The paths are checked at once, before the first track is asked for; folders are listed
    one at a time, when they are reached.

    Args:
        paths: files and folders, in the order in which they are to be walked.
        limit: stop after that many files; None for all.
        exclude: patterns of what is left out, as for `tagger.library.ignored.own_rules`.
        on_error: called for each folder that cannot be listed.
        on_note: called for each named folder that is left out without having been excluded.

    Returns:
        The audio files; in each folder its files by name, then its folders by name.

    Raises:
        InputError: no path was given, or one of them does not exist or cannot be reached.
    """
    _check_paths(paths)
    listings = _Walk(exclude, on_error, on_note, asks=False).over(paths)
    tracks = (listing.folder / entry[0] for listing in listings for entry in listing.files)
    return islice(tracks, limit)


def find_folders(
    paths: Sequence[Path],
    *,
    limit: int | None = None,
    exclude: Sequence[str] = (),
    on_error: OnError = _ignore,
    on_note: OnError = _ignore,
) -> Iterator[Listing]:
    """Walk files and folders as `find_tracks` does, and yield the audio files by folder.

    Each file is asked for its size and times, once. No listing is empty.

    Raises:
        InputError: as for `find_tracks`.
    """
    _check_paths(paths)
    return _limited(_Walk(exclude, on_error, on_note, asks=True).over(paths), limit)


def require_tracks(tracks: Iterator[T], *, paths: Sequence[Path]) -> Iterator[T]:
    """Return the same tracks (or folders of them), or refuse to start when there is none.

    Raises:
        InputError: `tracks` is empty.
    """
    # One is taken to see that there is one, and put back in front.
    first = next(tracks, None)
    if first is None:
        named = ", ".join(str(path) for path in paths)
        raise InputError(
            f"{named}: no audio file was found; name a folder that has some, or name the"
            " files themselves if their suffixes are unusual. What --exclude, `exclude` of the"
            f" settings or {', '.join(ignored.MARKS)} files leave out does not count."
        )
    return _prepended(first, tracks)


def _prepended(first: T, rest: Iterator[T]) -> Iterator[T]:
    yield first
    yield from rest


def _joined(listings: Iterator[Listing]) -> Iterator[Listing]:
    """Files that were named one after another and share a folder, as one listing of it.

    What is stored of a folder is read once a listing: for a thousand files that are named in a
    folder of a thousand that would be a million records.
    """
    beside: Listing | None = None
    for one in listings:
        if beside is not None:
            if not one.is_whole and one.folder == beside.folder:
                beside.files.extend(one.files)
                continue
            yield beside
        beside = None if one.is_whole else one
        if one.is_whole:
            yield one
    if beside is not None:
        yield beside


def _limited(listings: Iterator[Listing], limit: int | None) -> Iterator[Listing]:
    left = limit
    for listing in listings:
        if left is None or len(listing.files) < left:
            left = None if left is None else left - len(listing.files)
            yield listing
            continue
        if left:
            is_whole = listing.is_whole and left == len(listing.files)
            yield Listing(listing.folder, listing.files[:left], is_whole)
        return


def _check_paths(paths: Sequence[Path]) -> None:
    if not paths:
        raise InputError("No file or folder was given; name at least one.")
    for path in paths:
        check_exists(path)


def check_exists(path: Path) -> None:
    """Check that there is a file or folder of a name.

    Raises:
        NotThereError: there is none, or it cannot be reached.
    """
    try:
        path.lstat()
    except FileNotFoundError as error:
        raise NotThereError(
            f"{path}: there is no such file or folder; check the path."
        ) from error
    except (OSError, ValueError) as error:
        raise NotThereError(f"{path}: cannot be reached ({_reason(error)}).") from error


class _Walk:
    """A walk over files and folders; only what lies on the way down is held."""

    def __init__(
        self, exclude: Sequence[str], on_error: OnError, on_note: OnError, *, asks: bool
    ) -> None:
        """Enter nothing yet; the arguments are those of `find_tracks` and `_list`."""
        self.exclude, self.on_error, self.on_note = exclude, on_error, on_note
        self.asks = asks
        self.entered: set[tuple[int, int]] = set()

    def over(self, paths: Sequence[Path]) -> Iterator[Listing]:
        """What is found of each path, in their order; files of one folder come together."""
        return _joined(self._over_each(paths))

    def _over_each(self, paths: Sequence[Path]) -> Iterator[Listing]:
        distinct = dict.fromkeys(paths)  # named twice on the command line
        is_alone = len(distinct) == 1
        for path in distinct:
            own = ignored.own_rules(self.exclude, path)
            try:
                is_folder = stat.S_ISDIR(path.stat().st_mode)
            except (FileNotFoundError, NotADirectoryError):
                is_folder = False  # a dangling link: reading will tell
            except OSError as error:
                self.on_error(path, f"it cannot be reached any more ({_reason(error)})")
                continue
            if not is_alone and self._is_left_out(path, own, is_folder=is_folder):
                continue
            if is_folder:
                yield from self._down(path, own, is_alone=is_alone)
            else:
                yield Listing(path.parent, [_entry_of(path)], is_whole=False)

    def _is_left_out(self, path: Path, own: ignored.Rules, *, is_folder: bool) -> bool:
        """Whether one of several paths is left out; said, if nobody has asked for that."""
        parts = ignored.absolute_parts(path)
        if not ignored.is_left_out(own, (), parts, is_folder=is_folder):
            return False
        if ignored.verdict(own, parts, is_folder=is_folder) is None:
            self.on_note(
                path, f"left out: a NAS or a system uses that name for itself; {_take(path)}"
            )
        return True

    def _down(self, top: Path, own: ignored.Rules, *, is_alone: bool) -> Iterator[Listing]:
        """Yield the tracks under one folder, depth first, without recursion."""
        pending: list[tuple[Path, ignored.Rules]] = [(top, ())]
        while pending:
            folder, marked = pending.pop()
            if (contents := self._in(folder)) is None:
                continue
            files, folders, more = contents
            if more is None and not (folder == top and is_alone):
                if folder == top:
                    self.on_note(folder, f"left out: a file in it says so; {_take(top)}")
                continue
            marked += more or ()
            files, folders = _sifted(folder, files, folders, own, marked)
            if files:
                yield Listing(folder, files, is_whole=True)
            # Reversed onto a stack: folders come out by name, depth first.
            pending.extend((folder / name, marked) for name in reversed(folders))

    def _in(self, folder: Path) -> tuple[list[Entry], list[str], ignored.Rules | None] | None:
        """Files, folders and rules of a folder; None if it is not to be entered."""
        try:
            contents = list_folder(folder, self.entered, asks=self.asks)
        except OSError as error:
            self.on_error(folder, f"the folder cannot be listed ({_reason(error)})")
            return None
        if contents is None:
            return None
        files, folders, marks = contents
        try:
            return files, folders, ignored.marked_rules(folder, marks) if marks else ()
        except OSError as error:
            message = f"what {' and '.join(sorted(marks))} in it leaves out cannot be read"
            self.on_error(folder, f"{message} ({_reason(error)})")
            return None


def _take(path: Path) -> str:
    return f"name it alone to include it: {path}"


def _sifted(
    folder: Path,
    files: list[Entry],
    folders: list[str],
    own: ignored.Rules,
    marked: ignored.Rules,
) -> tuple[list[Entry], list[str]]:
    """What of a folder is not left out."""
    if not own and not marked:
        return files, [
            folder for folder in folders if folder.casefold() not in ignored.KEPT_BY_SYSTEMS
        ]
    parts = ignored.absolute_parts(folder)

    def is_in(name: str, *, is_folder: bool) -> bool:
        path = (*parts, ignored.composed(name))
        return not ignored.is_left_out(own, marked, path, is_folder=is_folder)

    return (
        [entry for entry in files if is_in(entry[0], is_folder=False)],
        [name for name in folders if is_in(name, is_folder=True)],
    )


def _entry_of(path: Path) -> Entry:
    try:
        return entry_of(path.name, path.stat())
    except OSError:
        return unknown_entry(path.name)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
