"""The folder of files that are on their way in or out, and what a killed process left there."""

import os
import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from tagger.system.processes import is_alive

_PASSING = re.compile(r"(?:upload|form|read|work)-(\d+)-[0-9a-f]+.*")
_PART = re.compile(r"part-[0-9a-f]{32}")
_DAY_S = 86_400.0
_PART_DAYS = 7


def passing(folder: Path, kind: str, *, suffix: str = "") -> Path:
    """A name for a file that this process makes and deletes; it says whose it is.

    Args:
        folder: the spool folder.
        kind: upload, form, read or work.
        suffix: of the name.
    """
    return folder / f"{kind}-{os.getpid()}-{uuid.uuid4().hex}{suffix}"


def clean_spool(folder: Path) -> None:
    """Delete what processes left that do not live any more, and uploads given up long ago."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # its process lives, and has deleted it just now
            _clean(path)


def _clean(path: Path) -> None:
    age_s = time.time() - path.stat().st_mtime
    match, is_folder = _PASSING.fullmatch(path.name), path.is_dir()
    # A worker's folder is as old as the worker: of a process that lives only files are old.
    is_given_up = age_s > _DAY_S and not is_folder
    is_left = match is not None and (is_given_up or not is_alive(int(match[1])))
    is_old = _PART.fullmatch(path.name) is not None and age_s > _PART_DAYS * _DAY_S
    if is_folder and is_left:
        shutil.rmtree(path, ignore_errors=True)
    elif is_left or is_old:
        path.unlink()
