"""`tagger runs` and `tagger undo`: what was written, and back again."""

import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import (
    EXIT_OK,
    EXIT_SOME_FAILED,
    emit_json,
    stderr_console,
    stdout_console,
)
from tagger.cli.options import one_of
from tagger.cli.scan import Json
from tagger.cli.state import State, new_run, opened_state
from tagger.cli.writing import Hardlinks
from tagger.errors import InputError
from tagger.text import json_text, sanitise

if TYPE_CHECKING:
    from rich.table import Table

    from tagger.journal.history import Run
    from tagger.state import Store


def runs(
    state: State = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a run on stdout.")
    ] = False,
) -> None:
    """List what wrote to files: scans, applied reports, undos. Newest first."""
    from dataclasses import asdict

    from tagger.journal.history import all_runs
    from tagger.state import open_store, state_path

    found: list[Run] = []
    if state is not None or state_path().exists():
        with open_store(state or state_path(), on_notice=_ignore, shared=True) as store:
            found = all_runs(store)
    if json:
        for run in found:
            typer.echo(json_text(asdict(run)))
    elif found:
        stdout_console().print(_table(found))
    else:
        stderr_console().print("Nothing was written so far.")


def undo(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN] [PATH...]",
            help="A number of `tagger runs`; files and folders.  [default: the last run, all]",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of the files.")
    ] = False,
    keep_mtime: Annotated[
        bool, typer.Option("--keep-mtime", help="Give files back the time that they had, too.")
    ] = False,
    hardlinks: Hardlinks = "skip",
    state: State = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what failed.")] = False,
) -> None:
    """Give files back what they held before a run, to the byte.

    A file that was changed since by somebody else is left alone and named. An undo is a run
    too: `tagger undo` with its number brings back what it took away.
    """
    from tagger.journal.history import changes_of, roots_of
    from tagger.journal.moved import Moved
    from tagger.journal.undo import UndoOptions
    from tagger.journal.undo import undo as undo_changes
    from tagger.reports.report import Tally, line_of
    from tagger.writing.safe_write import HARDLINKS, WriteOptions

    console, out = stderr_console(), stdout_console()
    writing = WriteOptions(
        keep_mtime=keep_mtime, hardlinks=one_of("--hardlinks", hardlinks, HARDLINKS)
    )
    tally, started = Tally(), time.monotonic()
    with opened_state(state, console) as store:
        number, areas = _meant(what or [], store)
        with new_run(store, "undo", areas) as run:
            run.about = f"run {number} {run.about}".rstrip()
            run.roots = roots_of(store, number)
            options = UndoOptions(write=not dry_run, writing=writing)
            moved = Moved(store, areas)
            more = moved.brought_into(number) if areas else ()
            changes = chain(changes_of(store, number, areas), more)
            for result in undo_changes(changes, run, options, moved):
                tally.add(result)
                if json:
                    emit_json(result, out)
                elif (not quiet or result.status == "failed") and (
                    line := line_of(result, verbose=False)
                ):
                    out.print(line, highlight=False, soft_wrap=True)
    if not quiet:
        console.print(tally.table(elapsed_s=time.monotonic() - started))
        if dry_run:
            console.print("Nothing was changed: this was a dry run.")
        elif run.number is not None:
            console.print(f"Run {number} was undone by run {run.number}.", highlight=False)
    raise typer.Exit(EXIT_SOME_FAILED if tally.statuses["failed"] else EXIT_OK)


def _meant(what: list[str], store: "Store") -> tuple[int, list[Path]]:
    """The run and the files and folders that were named; the last run if none was.

    Raises:
        InputError: there is no such run, or nothing to undo.
    """
    from tagger.journal.history import all_runs, last_run
    from tagger.journal.moved import last_moved_run

    named = int(what[0]) if what and what[0].isdecimal() else None
    areas = [Path(one) for one in (what if named is None else what[1:])]
    # Resolved as far as they exist: a file that was moved is still asked for by its name.
    resolved = [area.resolve() for area in areas]
    number = last_run(store, resolved) if named is None else named
    if number is None and areas:
        number = last_moved_run(store, resolved)
    if number is None:
        raise InputError(
            f"{areas[0]}: nothing that was written there is still in force."
            if areas
            else "There is nothing to undo: no run that wrote is still in force."
        )
    if number not in {run.id for run in all_runs(store)}:
        raise InputError(f"{number}: there is no such run; `tagger runs` lists them.")
    return number, resolved


def _table(found: "list[Run]") -> "Table":
    from rich.table import Table

    table = Table(title="Runs that wrote")
    for name in ("run", "when", "command", "of", "model"):
        table.add_column(name, overflow="fold")
    for name in ("written", "undone", "failed"):
        table.add_column(name, justify="right")
    for run in found:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.began_s))
        if run.n_open:
            when += " (interrupted)"
        table.add_row(
            *(str(run.id), when, run.command, sanitise(run.about), sanitise(run.model or "")),
            *(str(run.n_written), str(run.n_undone), str(run.n_failed)),
        )
    return table


def _ignore(_sentence: str) -> None:
    """A state that is only looked at is not set aside."""
