"""How far something counted is: a bar where somebody looks on, nothing where nobody does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

Tell = Callable[[int, int], None]
Follow = Callable[[str], Tell]
"""What is counted -> a function that is told how many are done, and of how many."""


@contextmanager
def count_bars(console: Console) -> Iterator[Follow | None]:
    """Show a bar for each thing that is counted; None where the console is no terminal.

    Args:
        console: writes to stderr.
    """
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, redirect_stdout=False) as progress:

        def follow(what: str) -> Tell:
            task = progress.add_task(what, total=None)
            return lambda done, n: progress.update(task, completed=done, total=n)

        yield follow
