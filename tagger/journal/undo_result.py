"""What became of a change that was to be taken back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

UndoStatus = Literal["proposed", "written", "unchanged", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoResult:
    """One change.

    Attributes:
        path: where its file lies.
        status: `written` if the file has again what it held (`proposed` if that was only
            asked), `unchanged` if it was taken back before, else it is left alone.
        genres: what the file holds, or would hold.
        previous: what it held until now.
        reason: None, or a sentence.
    """

    path: Path
    status: UndoStatus
    genres: tuple[str, ...]
    previous: tuple[str, ...]
    reason: str | None = None
