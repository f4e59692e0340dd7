"""What every command shares: exit codes, where results and problems go, Ctrl-C."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tagger.text import sanitise

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rich.console import Console

    from tagger.model.spec import ModelSpec
    from tagger.reports.report import Report
    from tagger.scan.results import TrackResult

EXIT_OK, EXIT_SOME_FAILED, EXIT_NOT_STARTED, EXIT_INTERRUPTED = 0, 1, 2, 130


def emit_json(result: "TrackResult", out: "Console") -> None:
    """Print one result as a line of JSON, whole and at once."""
    from tagger.reports.report import to_json

    emit_line(to_json(result), out)


def emit_line(line: str, out: "Console") -> None:
    """Print a line that programs read, whole and at once."""
    if out.stderr:  # the console of the bar, which must be told of every line
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    else:
        out.file.write(line + "\n")
        out.file.flush()


def show_written(result: "TrackResult", out: "Console", *, json: bool, quiet: bool) -> None:
    """Print what became of a file that was to be written or given back."""
    from tagger.reports.report import line_of

    if json:
        emit_json(result, out)
    elif (not quiet or result.status == "failed") and (line := line_of(result, verbose=False)):
        out.print(line, highlight=False, soft_wrap=True)


def optional_report(
    path: "Path | None", spec: "ModelSpec", *, threshold: float | None
) -> "AbstractContextManager[Report | None]":
    """A report that takes results until it is left; None if none was asked for.

    Raises:
        InputError: the suffix is unknown, or the file cannot be made.
    """
    from tagger.reports.report import open_report

    if path is None:
        return contextlib.nullcontext(None)
    return open_report(path, spec=spec, threshold=threshold)


def stderr_console() -> "Console":
    """Where progress and problems go."""
    from rich.console import Console

    return Console(stderr=True, emoji=False)


def stdout_console() -> "Console":
    """Where results go."""
    from rich.console import Console

    return Console(emoji=False)


def results_console(console: "Console", *, quiet: bool) -> "Console":
    """Where results go beside a bar: on its terminal above it, by the console that draws it.

    Args:
        console: draws the bar.
        quiet: it draws none.
    """
    shares_terminal = console.is_terminal and sys.stdout.isatty() and not quiet
    return console if shares_terminal else stdout_console()


def sayer(console: "Console") -> Callable[[str], None]:
    """Tells people a sentence in which there may be a file's name."""

    def say(sentence: str) -> None:
        console.print(sanitise(sentence), markup=False, highlight=False, soft_wrap=True)

    return say


@contextlib.contextmanager
def stop_on_interrupt(console: "Console") -> Iterator[threading.Event]:
    """A first Ctrl-C sets the event that is yielded, a second one interrupts at once."""
    stop = threading.Event()

    def handle(_signal: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.print("Stopping: the file that is being written is finished first.")

    # What is being written is never cut off by a first Ctrl-C; a second one means it.
    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)
