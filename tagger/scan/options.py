"""What a scan is asked to do: as its caller says it, and with nothing left open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tagger.genres.choose import Policy
from tagger.genres.rules import GenreRules
from tagger.genres.target_fields import Targets
from tagger.scan.records import ListenOptions
from tagger.writing.options import WriteOptions

if TYPE_CHECKING:
    from tagger.genres.spelling import Spelling
    from tagger.scan.results import Status

TOP = 3
"""Genres that a track gets at most, unless somebody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """What a scan does; `Tagger.scan` takes what is None from the settings.

    Attributes:
        write: change files; otherwise only say what would be written.
        policy: what happens to a genre that is there already.
        top: the most genres that a track gets.
        threshold: one threshold for all labels instead of the model's own.
        score_all: decode and score also tracks that `fill` will keep as they are.
        rules: what genres are called, and which are written.
        listen: how tracks are decoded and scored.
        writing: how files are changed.
        targets: which fields are written.
        spelling: how the library spells genres; a `Tagger` finds it out where it is None.
    """

    write: bool = False
    policy: Policy = "fill"
    top: int | None = None
    threshold: float | None = None
    score_all: bool = False
    rules: GenreRules | None = None
    listen: ListenOptions = field(default_factory=ListenOptions)
    writing: WriteOptions | None = None
    targets: Targets | None = None
    spelling: "Spelling | None" = None

    def resolved(self) -> "ResolvedOptions":
        """The same with plain defaults for what is still None."""
        return ResolvedOptions(
            write=self.write,
            policy=self.policy,
            top=self.top or TOP,
            threshold=self.threshold,
            score_all=self.score_all,
            rules=self.rules or GenreRules(),
            listen=self.listen,
            writing=self.writing or WriteOptions(),
            targets=self.targets or Targets(),
            spelling=self.spelling,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedOptions:
    """`ScanOptions` with every question answered: all that decides about a file."""

    write: bool
    policy: Policy
    top: int
    threshold: float | None
    score_all: bool
    rules: GenreRules
    listen: ListenOptions
    writing: WriteOptions
    targets: Targets
    spelling: "Spelling | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallOptions:
    """What of earlier scans counts.

    Attributes:
        rescan: nothing; every file is decoded, scored and stored anew.
        retry_failed: everything but failures.
        needs_embedding: only scores beside which the track's embedding is stored.
        passing: statuses whose files may be counted folder by folder, without a result each.
        on_unchanged: told how many files of an unchanged folder have which status, in place
            of their results; only folders all of whose files have a status in `passing`.
    """

    rescan: bool = False
    retry_failed: bool = False
    needs_embedding: bool = False
    passing: "frozenset[Status]" = frozenset()
    on_unchanged: Callable[[Mapping[str, int]], None] | None = None
