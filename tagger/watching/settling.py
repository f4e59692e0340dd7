"""Files that change, until they are whole: pure bookkeeping with a clock from outside."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tagger.watching.remembered import Remembered, Signature
from tagger.writing.open_elsewhere import is_being_written

MAX_WAITING = 5_000
"""Files that are waited for one by one; with more, whole folders are looked at again."""

Look = Callable[[str], Signature | None]
IsHeld = Callable[[str], bool]


def signature_of(path: str) -> Signature | None:
    """What the system says of a file; None if it is gone, or cannot be reached."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path for each of 100,000 files is felt
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def is_held(path: str) -> bool:
    """Whether another program has a file open to write to it, where the system tells that."""
    try:
        return is_being_written(Path(path))
    except OSError:
        return False  # it is gone, or may not be read: the scan says so


@dataclass(slots=True)
class _Waiting:
    signature: Signature
    since: float


class Settling:
    """Which changed files are waited for, and which are whole.

    A file is whole when it has looked the same for `quiet_s` seconds. Nothing here reads a
    clock; the caller says what time it is, in seconds of any monotonic clock.
    """

    def __init__(
        self, *, quiet_s: float, look: Look = signature_of, is_held: IsHeld = is_held
    ) -> None:
        self._quiet_s, self._look, self._is_held = quiet_s, look, is_held
        self._waiting: dict[str, _Waiting] = {}
        self._scanned = Remembered()
        self.is_over_full = False

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, path: str, now: float) -> None:
        """A file has changed, or is new, or gone; nothing happens if it is as it was left."""
        signature = self._look(path)
        if signature is None:
            self.forget(path)
        elif not self._scanned.holds(path, signature):
            if path not in self._waiting and len(self._waiting) >= MAX_WAITING:
                self.is_over_full = True  # whoever asks looks at whole folders then
                return
            before = self._waiting.get(path)
            if before is None or before.signature != signature:
                self._waiting[path] = _Waiting(signature, now)

    def whole(self, now: float) -> list[str]:
        """Take the files that have been quiet long enough, in the order in which they came."""
        whole_files = []
        for path, waiting in list(self._waiting.items()):
            if now - waiting.since < self._quiet_s:
                continue
            signature = self._look(path)  # polling may have missed the last change
            if signature is None:
                self.forget(path)
            elif signature != waiting.signature or self._is_held(path):
                # Of a program that has it open and writes nothing, no event tells the end.
                self._waiting[path] = _Waiting(signature, now)
            else:
                del self._waiting[path]
                self._scanned.put(path, signature)
                whole_files.append(path)
        return whole_files

    def take(self, path: str, signature: Signature) -> bool:
        """Remember a file that is scanned now; whether it is not as it was left before."""
        self._waiting.pop(path, None)
        is_news = not self._scanned.holds(path, signature)
        self._scanned.put(path, signature)
        return is_news

    def leave(self, path: str) -> None:
        """A file was changed by ourselves: as it is now it is no news."""
        if (signature := self._look(path)) is not None:
            self._scanned.put(path, signature)

    def forget(self, path: str) -> None:
        """A file is gone."""
        self._waiting.pop(path, None)
        self._scanned.drop(path)
