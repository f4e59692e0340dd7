"""One folder -> its audio files, with what the system says of them."""

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from tagger.library.ignored import MARKS
from tagger.tags.registry import containers

_DECODE_ONLY = ".aa3 .amr .awb .dts .eac3 .ec3 .mlp .oma .qoa .ra .rm .shn .thd .voc"
"""Of containers that FFmpeg opens and that have no family among the tags."""

AUDIO_SUFFIXES = frozenset(
    suffix
    for suffixes in (
        _DECODE_ONLY,
        *(container.suffixes for _, container in containers() if container.is_decoded),
    )
    for suffix in suffixes.split()
)
"""Suffixes of the containers that libsndfile or FFmpeg opens, in lower case.

They only say which files of a folder are worth opening: how a file is decoded is decided by
what is in it. `.bin`, `.dat` and the like, which hold audio now and then, must be named.
"""

_SUFFIXES = frozenset(suffix[1:] for suffix in AUDIO_SUFFIXES)
_LISTS_OPEN_FOLDERS = os.scandir in os.supports_fd
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


_HAS_CHANGE_TIME = sys.platform != "win32"  # there it is the time when the file was made
_MAX_INT = (1 << 63) - 1  # of SQLite; some file systems use all 64 bits of an inode

Entry = tuple[str, int, int, int, int, int]
"""One audio file as the listing of its folder found it (links are followed).

Name, size in bytes, modification time in ns, inode, number of names (hard links), and the time
in ns of the last change to anything of it (ctime): programs that tag can put back the
modification time, but not that one; 0 where the system does not tell. The size is -1 for what
is no regular file or cannot be reached. A plain tuple, since there are as many as files: a
record takes longer to make than the system to answer.
"""


Contents = tuple[list[Entry], list[str], list[str]]
"""Audio files by name, sorted names of folders, and the marks of `tagger.library.ignored`."""


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


def is_audio_name(name: str) -> bool:
    """Tell whether a file of that name in a folder is taken for audio."""
    stem, _, suffix = name.rpartition(".")
    return bool(stem) and suffix.lower() in _SUFFIXES


def list_folder(folder: Path, entered: set[tuple[int, int]], *, asks: bool) -> Contents | None:
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


def _list(place: int | Path, *, asks: bool) -> Contents:
    """Return a folder's audio files by name, the sorted names of its folders, and its marks.

    Args:
        place: the folder.
        asks: for size and times, which is one question to the system for each file.
    """
    files: list[Entry] = []
    folders: list[str] = []
    marks: list[str] = []
    with os.scandir(place) as entries:
        for entry in entries:
            name = entry.name
            # Hidden: nothing is asked of it, whatever it is.
            if name[0] == ".":
                if name in MARKS:
                    marks.append(name)
                continue
            try:
                if entry.is_dir():
                    folders.append(name)
                elif is_audio_name(name):
                    files.append(entry_of(name, entry.stat()) if asks else unknown_entry(name))
            except OSError:  # a dangling link, or one that runs in circles: reading will tell
                if is_audio_name(name):
                    files.append(unknown_entry(name))
    files.sort()
    folders.sort()
    return files, folders, marks


def unknown_entry(name: str) -> Entry:
    """What a listing says of what is no regular file or cannot be reached."""
    return name, -1, 0, 0, 0, 0


def entry_of(name: str, status: os.stat_result) -> Entry:
    """What a listing would say of a file."""
    if not stat.S_ISREG(status.st_mode):
        return unknown_entry(name)
    return (
        name,
        status.st_size,
        status.st_mtime_ns,
        status.st_ino & _MAX_INT,
        status.st_nlink,
        status.st_ctime_ns if _HAS_CHANGE_TIME else 0,
    )
