"""One walk over files and folders for every command that has some: the same is left out."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import EXIT_OK, EXIT_SOME_FAILED, sayer
from tagger.cli.help import WHAT

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.api import Tagger
    from tagger.library.selection import WalkOptions
    from tagger.reports.report import Tally

Paths = Annotated[
    list[Path], typer.Argument(metavar="PATH...", readable=False, help="Files and folders.")
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Stop after this many files.", rich_help_panel=WHAT)
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help="Leave out matching files and folders, even named ones unless alone; repeatable.",
        rich_help_panel=WHAT,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Which files are taken, as it was typed. A group of options."""

    paths: Paths
    limit: Limit = None
    exclude: Exclude = None

    def walk(self, console: "Console") -> "Walk":
        """The walk over them."""
        return Walk(console, self.exclude or (), self.limit)


@dataclass(slots=True)
class Walk:
    """Which files a command takes; folders that cannot be listed are told, and counted.

    Attributes:
        console: where that is told.
        exclude: patterns of what is left out.
        limit: the most files; None for all.
        n_failed: folders that could not be listed so far.
    """

    console: "Console"
    exclude: Sequence[str] = ()
    limit: int | None = None
    n_failed: int = field(default=0, init=False)

    def options(self) -> "WalkOptions":
        """The same for `Tagger.scan`.

        Raises:
            InputError: a pattern is none.
        """
        from tagger.library.selection import WalkOptions
        from tagger.settings.values import checked_patterns

        return WalkOptions(
            exclude=checked_patterns(self.exclude, option="--exclude"),
            limit=self.limit,
            on_error=self._failed,
            on_note=self._say,
        )

    @property
    def exit_code(self) -> int:
        """What the command ends with if nothing else failed."""
        return EXIT_SOME_FAILED if self.n_failed else EXIT_OK

    def _failed(self, path: Path, reason: str) -> None:
        self.n_failed += 1
        self._say(path, reason)

    def _say(self, path: Path, reason: str) -> None:
        sayer(self.console)(f"{path}: {reason}")


def progress(
    tagger: "Tagger", paths: Sequence[Path], walk: Walk, tally: "Tally", *, quiet: bool = False
) -> AbstractContextManager[Callable[[], None]]:
    """A bar, or lines, for what the tally holds: updated by the function that is yielded."""
    from tagger.reports.progress import TotalCount, show_progress

    if quiet:
        return nullcontext(lambda: None)
    # A walk of its own: the scan begins before the first one is over.
    total = TotalCount(tagger.tracks(paths, walk.options().silent()))
    return show_progress(walk.console, tally, total)
