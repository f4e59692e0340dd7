"""How often the process died that had a batch in hand: Ray would begin it again for ever."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tagger.system.leftovers import remove_old

MAX_DEATHS = 3
"""Deaths of a process on one machine after which its batch is given up."""

_NOTE = "tagger-attempt-"
_OLD_S = 24 * 3600.0
"""A note is written anew with each attempt, and no batch takes a day."""


@contextmanager
def attempt(name: str) -> Iterator[int]:
    """Count an attempt at something while it lasts; yields how many have died before.

    The count lies in the machine's folder of temporary files: a machine that is lost takes its
    own count with it, and says nothing of the batch.

    Args:
        name: of what is tried by one driver, the same in all processes of the machine.
    """
    note = Path(tempfile.gettempdir()) / f"{_NOTE}{name}"
    with note.open("ab") as file:
        n_deaths = file.tell()
        file.write(b".")
    try:
        yield n_deaths
    except Exception:  # who can say what went wrong has not died
        note.unlink(missing_ok=True)
        raise
    note.unlink(missing_ok=True)


def clear_attempts() -> None:
    """Remove the notes of drivers that were killed long ago."""
    remove_old(Path(tempfile.gettempdir()).glob(f"{_NOTE}*"), older_than_s=_OLD_S)
