"""Temporary copies and unfinished files; what a killed process left a later one clears."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tagger.system.leftovers import remove_old
from tagger.system.processes import is_alive
from tagger.writing import filecopy

_UNUSED_S = 3600.0
"""A process of another container may live although this one cannot see it."""

_UNFINISHED = ("_runs", "run=*", "_journal/*", "_journal/*/*")
"""Folders of results in which files are written."""

_NAME = re.compile(r"tagger-objects-(\d+)-\w+")


@contextmanager
def scratch_folder(parent: Path | None) -> Iterator[Path]:
    """A folder for copies of one object, links resolved, removed in the end.

    Args:
        parent: where it is made; None for the system's folder of temporary files.
    """
    prefix = f"tagger-objects-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as folder:
        yield Path(folder).resolve()


def clear_scratch(parent: Path | None) -> None:
    """Remove the folders of processes of this machine that do not live any more."""
    for path in Path(parent or tempfile.gettempdir()).glob("tagger-objects-*"):
        match = _NAME.fullmatch(path.name)
        if not match or path.is_symlink() or is_alive(int(match[1])):
            continue
        with suppress(FileNotFoundError):  # another process has removed it just now
            if time.time() - path.stat().st_mtime > _UNUSED_S:
                shutil.rmtree(path, ignore_errors=True)


def clear_unfinished(results: Path) -> None:
    """Remove what killed processes were writing into a folder of results."""
    for folder in _UNFINISHED:
        temps = filter(filecopy.is_temp, results.glob(f"{folder}/.*.tmp"))
        remove_old(temps, older_than_s=_UNUSED_S)
