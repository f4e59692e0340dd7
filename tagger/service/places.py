"""Names from outside -> files, and never one outside of the library's folder."""

import os
import re
from pathlib import Path, PurePosixPath

from tagger.service.db.models import Track
from tagger.service.problems import ProblemError, not_there, wrong
from tagger.service.texts import plain

NAME_LEN = 200
_ODD = re.compile(r"[\x00-\x1f\x7f/\\]")


def library_file(root: Path, track: Track) -> Path:
    """The file of a track of the library.

    Raises:
        ProblemError: it is not there, or a link on the way leads out of the library.
    """
    assert track.raw_path is not None
    path = root / os.fsdecode(track.raw_path)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise not_there(f"file {track.name} any more") from None
    if not real.is_relative_to(root.resolve()):
        raise ProblemError(
            403,
            "outside",
            "That is outside of the library",
            detail=f"{track.name} is a link to a file outside of the library's folder.",
            remedy="Serve the folder that it leads to, or put the file itself there.",
        )
    if not real.is_file():
        raise not_there(f"regular file {track.name}")
    return path


def is_inside(root: Path, path: Path) -> bool:
    """Whether a file lies in a folder, once all links are followed."""
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError, ValueError):
        return False


def upload_name(text: str) -> str:
    """The name of an upload: the last part of what the client says, made harmless.

    Raises:
        ProblemError: nothing is left of it, or it is no name of a file.
    """
    if "\0" in text:
        raise wrong("The name holds NUL.", remedy="Give the file's plain name.")
    last = PurePosixPath(text.replace("\\", "/")).name
    name = _ODD.sub("_", plain(last)).strip()
    if name.strip(".") == "":
        raise wrong(
            f"{plain(text)!r} is no name of a file.", remedy="Give a name such as song.mp3."
        )
    stem, dot, suffix = name.rpartition(".")
    if len(name) > NAME_LEN:
        name = (stem or name)[: NAME_LEN - 16] + (dot + suffix[:15] if stem else "")
    return name


def folder_parts(text: str) -> tuple[str, ...]:
    """The parts of a folder that an upload is to be shown in.

    Raises:
        ProblemError: it leads upwards or holds NUL.
    """
    parts = [name for name in text.replace("\\", "/").split("/") if name not in {"", "."}]
    if ".." in parts or any(_ODD.search(part) for part in parts):
        raise wrong(
            f"{plain(text)!r} is no folder below the top.",
            remedy="Give names parted by slashes, without '..'.",
        )
    return tuple(part[:NAME_LEN] for part in parts[:20])
