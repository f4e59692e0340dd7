"""What an audit is asked, and what it says of each file and of all of them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from tagger.scan.records import ListenOptions
from tagger.scan.results import TrackResult

Finding = Literal[
    "disagrees", "empty", "numeric", "placeholder", "variant", "unknown", "agrees", "unsure",
    "failed",
]  # fmt: skip
FINDINGS: tuple[Finding, ...] = (
    "disagrees", "empty", "numeric", "placeholder", "variant", "unknown", "agrees", "unsure",
    "failed",
)  # fmt: skip
TO_MEND: frozenset[Finding] = frozenset(
    {"disagrees", "empty", "numeric", "placeholder", "variant"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """How a library is audited.

    Attributes:
        threshold: one threshold for all labels instead of the model's own.
        top: the most genres that are suggested; None for what the settings say.
        listen: how tracks are decoded and scored.
    """

    threshold: float | None = None
    top: int | None = None
    listen: ListenOptions = field(default_factory=ListenOptions)


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit says of one file.

    Attributes:
        result: the file as a result; `genres` is what is suggested, `previous` what it holds.
        finding: what is to be said of its genre.
        predicted: the best label that is believed, or ''.
        predicted_score: its score.
        own_score: the best score among the labels that the file's genres mean.
    """

    result: TrackResult
    finding: Finding
    predicted: str = ""
    predicted_score: float = 0.0
    own_score: float = 0.0

    @property
    def certainty(self) -> float:
        """How much surer the model is of what it hears than of what the file says, -1..1."""
        return self.predicted_score - self.own_score


@dataclass(frozen=True, slots=True)
class Variant:
    """One genre that is spelled in several ways.

    Attributes:
        suggested: the spelling to keep.
        spellings: each with the number of its files, most first.
    """

    suggested: str
    spellings: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit says of a library.

    Attributes:
        files: all files, what is worth a look first, the most certain first.
        variants: genres that are spelled in several ways, most files first.
        unknown: genres that the model has no label for, with the number of their files.
    """

    files: list[Audited]
    variants: list[Variant]
    unknown: Counter[str]
