"""What is stored of names that are gone: dropped; what was scored of their audio is kept."""

import os
from collections.abc import Iterable
from pathlib import Path

from tagger.state.store import Store

_FILE = "DELETE FROM file WHERE folder = (SELECT id FROM folder WHERE path = ?) AND name = ?"
_FILES = """
    DELETE FROM file WHERE folder IN
        (SELECT id FROM folder WHERE path = ? OR (path > ? AND path < ?))
"""
_FOLDERS = """
    UPDATE folder SET listing = NULL, counts = NULL
    WHERE path = ? OR (path > ? AND path < ?)
"""


def forget_gone(store: Store, paths: Iterable[Path]) -> None:
    """Drop the names of files, and of all files in folders, that are not there any more.

    Args:
        store: held by this process.
        paths: absolute; nothing happens for one that is there, or that cannot be asked for.

    Raises:
        StateError: the state cannot be changed.
    """
    gone = [os.fsencode(path) for path in paths if _is_gone(path)]
    if not gone:
        return
    with store.transaction() as connection:
        for path in gone:
            connection.execute(_FILE, os.path.split(path))
            # All paths that begin with it and a slash; "0" is the character after that.
            below = path, path + b"/", path + b"0"
            connection.execute(_FILES, below)
            connection.execute(_FOLDERS, below)


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
