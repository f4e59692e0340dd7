"""Which files are there: what the state knows of is often older than the library."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Present:
    """Tells whether files are there, and remembers which are not; each is looked for once.

    Attributes:
        gone: those that are not there any more.
    """

    gone: set[Path] = field(default_factory=set)
    _found: set[Path] = field(default_factory=set)

    def has(self, path: Path) -> bool:
        """Whether a file is there; one that a share tells nothing of counts as there."""
        if path not in self._found and path not in self.gone:
            (self.gone if _is_gone(path) else self._found).add(path)
        return path in self._found


def _is_gone(path: Path) -> bool:
    try:
        path.stat()  # not lstat: a link to nothing is no track
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
