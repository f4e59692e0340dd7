"""The audio files that a command or a program means: paths, and what of them is left out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tagger.library.listing import Listing
from tagger.library.walk import OnError, find_folders, find_tracks, require_tracks


def _say_nothing(_path: Path, _reason: str) -> None:
    """Leave a folder that cannot be listed to whoever asks for it next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkOptions:
    """Which files below the named paths are taken.

    Attributes:
        exclude: patterns of what is left out; for a `Tagger`, beside those of the settings.
        limit: the most files; None for all.
        on_error: told of each folder that cannot be listed: its path and the reason.
        on_note: told of each named path that is left out without having been excluded.
    """

    exclude: Sequence[str] = ()
    limit: int | None = None
    on_error: OnError = _say_nothing
    on_note: OnError = _say_nothing

    def silent(self) -> "WalkOptions":
        """The same files, of whose folders another walk tells."""
        return replace(self, on_error=_say_nothing, on_note=_say_nothing)


@dataclass(frozen=True, slots=True)
class Selection:
    """Files and folders that were named, and which files of them are taken."""

    paths: tuple[Path, ...]
    options: WalkOptions

    def folders(self) -> Iterator[Listing]:
        """The audio files by folder; each folder is listed when it is reached.

        Raises:
            InputError: there is none, or a path does not exist.
        """
        listings = find_folders(
            self.paths,
            limit=self.options.limit,
            exclude=self.options.exclude,
            on_error=self.options.on_error,
            on_note=self.options.on_note,
        )
        return require_tracks(listings, paths=self.paths)

    def tracks(self) -> Iterator[Path]:
        """The same files, one by one; none is asked for its size.

        Raises:
            InputError: a path does not exist any more.
        """
        return find_tracks(
            self.paths,
            limit=self.options.limit,
            exclude=self.options.exclude,
            on_error=self.options.on_error,
            on_note=self.options.on_note,
        )

    def silent(self) -> "Selection":
        """The same, for a second walk that tells nothing of folders."""
        return Selection(self.paths, self.options.silent())


def select(paths: Iterable[Path | str], options: WalkOptions) -> Selection:
    """What is meant by some paths."""
    return Selection(tuple(Path(path) for path in paths), options)
