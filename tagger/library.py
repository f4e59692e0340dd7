"""Paths -> audio files: what a scan of these files and folders would listen to."""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

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

OnError = Callable[[Path, str], None]
"""Told of each folder or entry that cannot be read: its path and the reason."""


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
    if not paths:
        raise InputError("No file or folder was given; name at least one.")
    for path in paths:
        _check_exists(path)
    return islice(_walk_all(paths, on_error), limit)


def require_tracks(tracks: Iterator[Path], *, paths: Sequence[Path]) -> Iterator[Path]:
    """Return the same tracks, or refuse to start when there is not a single one.

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
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES  # noqa: PTH122 (strings)


def _prepended(first: Path, rest: Iterator[Path]) -> Iterator[Path]:
    yield first
    yield from rest


def _check_exists(path: Path) -> None:
    try:
        path.lstat()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file or folder; check the path.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be reached ({_reason(error)}).") from error


def _walk_all(paths: Sequence[Path], on_error: OnError) -> Iterator[Path]:
    entered: set[tuple[int, int]] = set()
    yielded: set[Path] = set()
    for path in paths:
        if path.is_dir():
            yield from _walk(path, entered, on_error)
        elif path not in yielded:  # named twice on the command line
            yielded.add(path)
            yield path


def _walk(top: Path, entered: set[tuple[int, int]], on_error: OnError) -> Iterator[Path]:
    """Yield the tracks under one folder, depth first, without recursion.

    Only the names of the folders on the way down are held, and one listing at a time.
    """
    pending = [top]
    while pending:
        folder = pending.pop()
        try:
            if not _enter(folder, entered):
                continue
            files, folders = _list(folder)
        except OSError as error:
            on_error(folder, f"the folder cannot be listed ({_reason(error)})")
            continue
        if not files and folder != top and is_audio_name(folder.name):
            yield folder
        yield from (folder / name for name in files)
        pending.extend(folder / name for name in reversed(folders))


def _enter(folder: Path, entered: set[tuple[int, int]]) -> bool:
    """Return False when this real directory was entered before (a loop or a second link)."""
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in entered:
        return False
    entered.add(identity)
    return True


def _list(folder: Path) -> tuple[list[str], list[str]]:
    """Return the sorted names of a folder's audio files and of its folders."""
    files, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                folders.append(entry.name)
            elif is_audio_name(entry.name):
                files.append(entry.name)
    return sorted(files), sorted(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that runs in circles: not a folder, and reading it will tell
        return False


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
