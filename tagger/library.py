"""Paths -> audio files: what a scan of these files and folders would listen to."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from tagger.errors import InputError

AUDIO_SUFFIXES = frozenset(
    # As one string, since a list would take a line for each of them.
    ".3g2 .3gp .aa3 .aac .ac3 .adts .aif .aifc .aiff .alac .amr .ape .asf .au .awb .caf .dff"
    " .dsf .dts .eac3 .ec3 .f4a .flac .m4a .m4b .m4r .mka .mlp .mov .mp+ .mp1 .mp2 .mp3 .mp4"
    " .mpc .mpga .mpp .oga .ogg .oma .opus .qoa .ra .rf64 .rm .shn .snd .spx .tak .thd .tta"
    " .voc .w64 .wav .wave .weba .webm .wma .wv".split()
)
"""Suffixes of the containers that libsndfile or FFmpeg opens, in lower case.

They only say which files of a folder are worth opening: how a file is decoded is decided by
what is in it. `.bin`, `.dat` and the like, which hold audio now and then, must be named.
"""

T = TypeVar("T")

OnError = Callable[[Path, str], None]
"""Told of each folder or entry that cannot be read: its path and the reason."""

_SUFFIXES = frozenset(suffix[1:] for suffix in AUDIO_SUFFIXES)
_LISTS_OPEN_FOLDERS = os.scandir in os.supports_fd
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


Entry = tuple[str, int, int, int, int]
"""One audio file as the listing of its folder found it (links are followed).

Name, size in bytes, modification time in ns, inode, number of names (hard links). The size is
-1 for what is no regular file or cannot be reached. A plain tuple, since there are as many as
files: a record takes longer to make than the system to answer.
"""


@dataclass(frozen=True, slots=True)
class Listing:
    """Audio files of one folder.

    Attributes:
        folder: where they lie, as it was reached.
        files: by name.
        is_whole: these are all of them, and not those that the user named or `limit` left.
    """

    folder: Path
    files: list[Entry]
    is_whole: bool


def _ignore(_path: Path, _reason: str) -> None:
    """Do nothing about a folder that cannot be listed."""


def find_tracks(
    paths: Sequence[Path],
    *,
    limit: int | None = None,
    on_error: OnError = _ignore,
) -> Iterator[Path]:
    """Walk files and folders and yield the audio files in a repeatable order.

    A file named by the user is taken whatever its suffix or name; in folders, names with an
    audio suffix (in any case) count, and hidden files and folders do not. A folder with an
    audio suffix, such as `x.mp3/`, is walked like any other; if no audio file lies directly
    in it, it is yielded as well, so that the oddity shows up as a failed track. FIFOs,
    sockets, devices and dangling links with an audio suffix are yielded: reading them fails
    with a sentence and never blocks. Symbolic links are followed, but no real directory is
    entered twice, so loops end; a file that is linked from two folders is yielded twice,
    since it has two names.

    The paths are checked at once, before the first track is asked for; folders are listed
    one at a time, when they are reached.

    Args:
        paths: files and folders, in the order in which they are to be walked.
        limit: stop after that many files; None for all.
        on_error: called for each folder that cannot be listed.

    Returns:
        The audio files; in each folder its files by name, then its folders by name.

    Raises:
        InputError: no path was given, or one of them does not exist or cannot be reached.
    """
    _check_paths(paths)
    found = _walk_all(paths, on_error, asks=False)
    tracks = (one.folder / entry[0] for one in found for entry in one.files)
    return islice(tracks, limit)


def find_folders(
    paths: Sequence[Path],
    *,
    limit: int | None = None,
    on_error: OnError = _ignore,
) -> Iterator[Listing]:
    """Walk files and folders as `find_tracks` does, and yield the audio files by folder.

    Each file is asked for its size and times, once. No listing is empty.

    Raises:
        InputError: as for `find_tracks`.
    """
    _check_paths(paths)
    return _limited(_walk_all(paths, on_error, asks=True), limit)


def require_tracks(tracks: Iterator[T], *, paths: Sequence[Path]) -> Iterator[T]:
    """Return the same tracks (or folders of them), or refuse to start when there is none.

    Raises:
        InputError: `tracks` is empty.
    """
    first = next(tracks, None)
    if first is None:
        named = ", ".join(str(path) for path in paths)
        raise InputError(
            f"{named}: no audio file was found; name a folder that holds some, or name the"
            " files themselves if their suffixes are unusual."
        )
    return _prepended(first, tracks)


def is_audio_name(name: str) -> bool:
    """Tell whether a file of that name in a folder is taken for audio."""
    stem, _, suffix = name.rpartition(".")
    return bool(stem) and suffix.lower() in _SUFFIXES


def _prepended(first: T, rest: Iterator[T]) -> Iterator[T]:
    yield first
    yield from rest


def _limited(listings: Iterator[Listing], limit: int | None) -> Iterator[Listing]:
    left = limit
    for one in listings:
        if left is None or len(one.files) < left:
            left = None if left is None else left - len(one.files)
            yield one
            continue
        if left:
            is_whole = one.is_whole and left == len(one.files)
            yield Listing(one.folder, one.files[:left], is_whole)
        return


def _check_paths(paths: Sequence[Path]) -> None:
    if not paths:
        raise InputError("No file or folder was given; name at least one.")
    for path in paths:
        _check_exists(path)


def _check_exists(path: Path) -> None:
    try:
        path.lstat()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file or folder; check the path.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be reached ({_reason(error)}).") from error


def _walk_all(paths: Sequence[Path], on_error: OnError, *, asks: bool) -> Iterator[Listing]:
    entered: set[tuple[int, int]] = set()
    yielded: set[Path] = set()
    for path in paths:
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            is_folder = False  # a dangling link: reading will tell
        except OSError as error:
            on_error(path, f"it cannot be reached any more ({_reason(error)})")
            continue
        if is_folder:
            yield from _walk(path, entered, on_error, asks=asks)
        elif path not in yielded:  # named twice on the command line
            yielded.add(path)
            yield Listing(path.parent, [_entry_of(path)], is_whole=False)


def _walk(
    top: Path, entered: set[tuple[int, int]], on_error: OnError, *, asks: bool
) -> Iterator[Listing]:
    """Yield the tracks under one folder, depth first, without recursion.

    Only the names of the folders on the way down are held, and one listing at a time.
    """
    pending = [top]
    while pending:
        folder = pending.pop()
        try:
            found = _listed(folder, entered, asks=asks)
        except OSError as error:
            on_error(folder, f"the folder cannot be listed ({_reason(error)})")
            continue
        if found is None:
            continue
        files, folders = found
        if files:
            yield Listing(folder, files, is_whole=True)
        elif folder != top and is_audio_name(folder.name):
            yield Listing(folder.parent, [_unknown(folder.name)], is_whole=False)
        pending.extend(folder / name for name in reversed(folders))


def _listed(
    folder: Path, entered: set[tuple[int, int]], *, asks: bool
) -> tuple[list[Entry], list[str]] | None:
    """What is in a folder; None if that real directory was entered before.

    Where the system can list an open folder, the way to it is not walked for each file.
    """
    place = os.open(folder, _DIRECTORY) if _LISTS_OPEN_FOLDERS else folder
    try:
        status = os.stat(place)  # noqa: PTH116 (a descriptor, mostly)
        identity = (status.st_dev, status.st_ino)
        if identity in entered:  # a loop, or a second link to it
            return None
        entered.add(identity)
        return _list(place, asks=asks)
    finally:
        if isinstance(place, int):
            os.close(place)


def _list(place: int | Path, *, asks: bool) -> tuple[list[Entry], list[str]]:
    """Return a folder's audio files by name, and the sorted names of its folders.

    Args:
        place: the folder.
        asks: for size and times, which is one question to the system for each file.
    """
    files: list[Entry] = []
    folders: list[str] = []
    with os.scandir(place) as entries:
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            try:
                if entry.is_dir():
                    folders.append(name)
                elif is_audio_name(name):
                    files.append(entry_of(name, entry.stat()) if asks else _unknown(name))
            except OSError:  # a dangling link, or one that runs in circles: reading will tell
                if is_audio_name(name):
                    files.append(_unknown(name))
    files.sort()
    folders.sort()
    return files, folders


def _unknown(name: str) -> Entry:
    return name, -1, 0, 0, 0


def entry_of(name: str, status: os.stat_result) -> Entry:
    """What a listing would say of a file."""
    if not stat.S_ISREG(status.st_mode):
        return _unknown(name)
    return (name, status.st_size, status.st_mtime_ns, status.st_ino, status.st_nlink)


def _entry_of(path: Path) -> Entry:
    try:
        return entry_of(path.name, path.stat())
    except OSError:
        return _unknown(path.name)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
