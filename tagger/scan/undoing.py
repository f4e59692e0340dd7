"""What a `Tagger` tells of its journal, and takes back."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.scan.resources import Resources
from tagger.scan.results import TrackResult
from tagger.scan.write_results import result_of_undo
from tagger.state import state_path
from tagger.state.aside import being_rescued

if TYPE_CHECKING:
    from tagger.journal.history import Run
    from tagger.journal.undo import UndoOptions


class Undoing(Resources):
    """The runs that wrote, and the way back; a part of `tagger.api.Tagger`."""

    def runs(self) -> "list[Run]":
        """What wrote to files, newest first, also while another process holds the state."""
        from tagger.journal.history import all_runs, runs_at  # noqa: PLC0415

        # The state that this process holds tells more than one that is opened beside it.
        if self._store is not None:
            return all_runs(self._store)
        path = self._state or state_path()
        # One that is set aside only now is asked for as well: that there were none is not so.
        is_there = path.exists() or being_rescued(path).exists()
        is_asked = self._remember and (self._state is not None or is_there)
        return runs_at(path) if is_asked else []

    def run_to_undo(self, paths: Iterable[Path | str] = (), *, run: int | None = None) -> int:
        """The run that `undo` would take back: the last one that is still in force.

        Args:
            paths: of those that wrote in or to these; empty for all.
            run: its number, if it is known: it is only checked.

        Raises:
            InputError: there is none.
        """
        from tagger.journal.undo_run import run_to_undo  # noqa: PLC0415

        return run_to_undo(self._journal(), _absolute(paths), number=run)

    def undo(
        self,
        run: int | None = None,
        *,
        paths: Iterable[Path | str] = (),
        options: "UndoOptions | None" = None,
        stop: threading.Event | None = None,
    ) -> Iterator[TrackResult]:
        """Give files back what they held before a run, to the byte; itself a run.

        Each file is changed when its result is asked for: go through all of them.

        Args:
            run: its number; None for the last one, as `run_to_undo` finds it.
            paths: only files in or of these; empty for all that the run has changed.
            options: whether and how files are changed.
            stop: once set, what has not begun is left as it is.

        Raises:
            InputError: there is no such run, or nothing to undo.
        """
        from tagger.journal.undo import UndoOptions  # noqa: PLC0415
        from tagger.journal.undo_run import run_to_undo, undo_run  # noqa: PLC0415

        store, areas = self._journal(), _absolute(paths)
        number = run_to_undo(store, areas, number=run)
        undone = undo_run(store, number, areas, options or UndoOptions(), stop=stop)
        return map(result_of_undo, undone)


def _absolute(paths: Iterable[Path | str]) -> list[Path]:
    """Resolved as far as they exist: a file that was moved is still asked for by its name."""
    return [Path(path).resolve() for path in paths]
