"""One walk over files and folders for every command that has some: the same is left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import EXIT_OK, EXIT_SOME_FAILED
from tagger.errors import InputError
from tagger.text import sanitise

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.library.walk import Listing
    from tagger.settings.config import Settings

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after so many files.")]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help="Leave out such files and folders; also more than once.",
    ),
]


@dataclass(slots=True)
class Walk:
    """What a command walks over; folders that cannot be listed are said, and count as failures.

    Attributes:
        console: where that is said.
        paths: files and folders that were named.
        exclude: patterns of what is left out.
        limit: the most files; None for all.
        n_failed: folders that could not be listed so far.
    """

    console: "Console"
    paths: Sequence[Path]
    exclude: Sequence[str]
    limit: int | None = None
    n_failed: int = field(default=0, init=False)

    def folders(self) -> "Iterator[Listing]":
        """The audio files by folder.

        Raises:
            InputError: there is none, or a path does not exist.
        """
        from tagger.library.walk import find_folders, require_tracks

        found = find_folders(
            self.paths,
            limit=self.limit,
            exclude=self.exclude,
            on_error=self._failed,
            on_note=self._say,
        )
        return require_tracks(found, paths=self.paths)

    def tracks(self) -> Iterator[Path]:
        """The audio files one by one; errors as for `folders`."""
        return (one.folder / entry[0] for one in self.folders() for entry in one.files)

    def count(self) -> Iterator[Path]:
        """The same files for a second look that only counts, and says nothing."""
        from tagger.library.walk import find_tracks

        return find_tracks(self.paths, limit=self.limit, exclude=self.exclude)

    @property
    def exit_code(self) -> int:
        """What the command ends with if nothing else failed."""
        return EXIT_SOME_FAILED if self.n_failed else EXIT_OK

    def _failed(self, path: Path, reason: str) -> None:
        self.n_failed += 1
        self._say(path, reason)

    def _say(self, path: Path, reason: str) -> None:
        said = sanitise(f"{path}: {reason}")
        self.console.print(said, markup=False, highlight=False, soft_wrap=True)


def walk_of(
    console: "Console",
    paths: Sequence[Path],
    settings: "Settings",
    exclude: Sequence[str] | None,
    *,
    limit: int | None = None,
) -> Walk:
    """The walk that the settings and the options ask for.

    Raises:
        InputError: a pattern is none.
    """
    from tagger.settings.values import CHECKS, WrongValueError

    try:
        more = CHECKS["exclude"](list(exclude or ()))
    except WrongValueError as wrong:
        raise InputError(f"--exclude: it {wrong}.") from None
    return Walk(console, paths, (*settings.exclude, *more), limit)
