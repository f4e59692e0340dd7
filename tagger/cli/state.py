"""The state's file on the command line, and what of it counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tagger.cli.help import PAST
from tagger.errors import InputError

if TYPE_CHECKING:
    from tagger.scan.options import RecallOptions
    from tagger.scan.results import Status

State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FILE",
        help="What is remembered.",
        show_default="in the user's state folder",
        rich_help_panel=PAST,
    ),
]


NoState = Annotated[
    bool,
    typer.Option(
        "--no-state",
        help="Use no state: nothing is remembered or written.",
        rich_help_panel=PAST,
    ),
]
Rescan = Annotated[
    bool,
    typer.Option(
        "--rescan", help="Listen again to files whose scores are stored.", rich_help_panel=PAST
    ),
]
RetryFailed = Annotated[
    bool,
    typer.Option(
        "--retry-failed", help="Retry files that failed in earlier scans.", rich_help_panel=PAST
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What of earlier scans counts, as it was typed. A group of options."""

    state: State = None
    no_state: NoState = False
    rescan: Rescan = False
    retry_failed: RetryFailed = False

    def check(self, *, write: bool = False) -> None:
        """Refuse options that exclude one another.

        Raises:
            InputError: without a state nothing can be written, nor known.
        """
        if not self.no_state:
            return
        if write:
            raise InputError(
                "--no-state: what --write-tags changes could not be undone; leave out one of"
                " them."
            )
        # Said rather than ignored: who names a state believes that it counts.
        if self.state is not None or self.rescan or self.retry_failed:
            raise InputError("--no-state: --state, --rescan and --retry-failed need a state.")

    @property
    def tagger_state(self) -> Path | Literal[False] | None:
        """The same as `Tagger` takes it."""
        return False if self.no_state else self.state

    def recall(
        self,
        *,
        passing: "frozenset[Status]" = frozenset(),
        on_unchanged: Callable[[Mapping[str, int]], None] | None = None,
    ) -> "RecallOptions":
        """The same for `Tagger.scan`; the arguments are those of `RecallOptions`."""
        from tagger.scan.options import RecallOptions

        return RecallOptions(
            rescan=self.rescan,
            retry_failed=self.retry_failed,
            passing=passing,
            on_unchanged=on_unchanged,
        )
