"""The state's file on the command line, and writing that can be undone."""

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.plain import text_of, visible

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.state import Store
    from tagger.writing import JournalledRun

State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FILE",
        help="What is remembered.  [default: in the user's state folder]",
    ),
]


@contextlib.contextmanager
def opened_state(state: Path | None, console: "Console") -> Iterator["Store"]:
    """Hold the state, after what a killed run has left was cleared away.

    Raises:
        StateError: another process holds it, or it cannot be used.
    """
    from tagger.settling import settle_open
    from tagger.state import open_store, state_path

    def say(sentence: str) -> None:
        console.print(visible(sentence), markup=False, highlight=False, soft_wrap=True)

    with open_store(state or state_path(), on_notice=say) as store:
        if (said := settle_open(store).sentence) is not None:
            say(said)
        yield store


@contextlib.contextmanager
def undoable_run(
    state: Path | None,
    command: str,
    paths: Sequence[Path],
    console: "Console",
    *,
    wanted: bool = True,
) -> Iterator["JournalledRun | None"]:
    """Hold the state for changes to files that `tagger undo` can take back.

    Args:
        state: its file; None for the user's.
        command: scan or apply.
        paths: what it works on, for people.
        console: is told of what an earlier run has left.
        wanted: False if nothing is to be written; then the state is not needed.

    Raises:
        StateError: another process holds the state, or it cannot be used: what could not be
            undone is not done.
    """
    if not wanted:
        yield None
        return
    with opened_state(state, console) as store, new_run(store, command, paths) as run:
        yield run


def new_run(store: "Store", command: str, paths: Sequence[Path]) -> "JournalledRun":
    """A run on a state that is held."""
    from tagger.writing import JournalledRun

    return JournalledRun(
        store, command, " ".join(shlex.quote(visible(text_of(path))) for path in paths)
    )
