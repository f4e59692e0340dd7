"""How far a scan is: a bar where somebody looks on, plain lines where nobody does."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from tagger.reports.report import Tally

PLAIN_EVERY_S = 10.0
BAR_EVERY_S = 0.1

Advance = Callable[[], None]


@contextmanager
def show_progress(
    console: Console, tally: Tally, total: Callable[[], int | None]
) -> Iterator[Advance]:
    """Show what `tally` holds after each call of the function that is yielded.

    Args:
        console: writes to stderr.
        tally: what was counted so far.
        total: the number of files, or None while it is unknown.
    """
    if not console.is_terminal:
        yield _plain(console, tally, total)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[counts]}"),
    )
    # Not redirected: what is piped from stdout must not land in the bar's stderr.
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as progress:
        task = progress.add_task("scan", total=None, rate="", counts="")
        started = time.monotonic()

        last = started

        def advance() -> None:
            nonlocal last
            now = time.monotonic()
            # Drawing takes longer than passing a file whose result is stored.
            if now - last < BAR_EVERY_S:
                return
            last = now
            elapsed = max(now - started, 1e-3)
            progress.update(
                task,
                completed=tally.n_tracks,
                total=total(),
                rate=f"{tally.n_tracks / elapsed:.1f}/s",
                counts=_counts(tally),
            )

        yield advance


def _counts(tally: Tally) -> str:
    names = ("proposed", "written", "abstained", "failed")
    shown = ((name, tally.statuses[name]) for name in names)
    return "  ".join(f"{name} {count}" for name, count in shown if count)


def _plain(console: Console, tally: Tally, total: Callable[[], int | None]) -> Advance:
    started = last = time.monotonic()

    def advance() -> None:
        nonlocal last
        now = time.monotonic()
        # In a log file a line a file would drown what went wrong.
        if now - last < PLAIN_EVERY_S:
            return
        last = now
        of_all = f" of {total()}" if total() is not None else ""
        rate = tally.n_tracks / (now - started)
        console.print(
            f"{tally.n_tracks}{of_all} files, {rate:.1f}/s  {_counts(tally)}", highlight=False
        )

    return advance


class TotalCount:
    """Counts the files in the background, since a scan begins before the walk is over.

    A second walk is no matter beside listening, but it is where all is known: it begins when
    the scan has run for a moment, which an unchanged library does not take.
    """

    def __init__(self, tracks: Iterable[Path], *, after_s: float = 2.0) -> None:
        self.n_tracks: int | None = None
        self._tracks: Iterable[Path] | None = tracks
        self._begin = time.monotonic() + after_s

    def __call__(self) -> int | None:
        """The number of files once it is known."""
        if self._tracks is not None and time.monotonic() >= self._begin:
            tracks, self._tracks = self._tracks, None
            threading.Thread(target=self._count, args=(tracks,), daemon=True).start()
        return self.n_tracks

    def _count(self, tracks: Iterable[Path]) -> None:
        self.n_tracks = sum(1 for _ in tracks)
