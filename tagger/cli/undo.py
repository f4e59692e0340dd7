"""`tagger runs` and `tagger undo`: what was written, and back again."""

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import (
    EXIT_OK,
    EXIT_SOME_FAILED,
    show_written,
    stderr_console,
    stdout_console,
)
from tagger.cli.device import open_journal
from tagger.cli.grouped import grouped
from tagger.cli.options import one_of
from tagger.cli.scan_options import Json, Quiet
from tagger.cli.state import State
from tagger.cli.undo_objects import (
    WAS_BACK,
    Results,
    UnsafeOverwrite,
    show_object_runs,
    undo_on_results,
)
from tagger.cli.writing import Hardlinks
from tagger.errors import InputError
from tagger.text import counted, json_text, sanitise

if TYPE_CHECKING:
    from rich.table import Table

    from tagger.api import Tagger
    from tagger.journal.history import Run
    from tagger.journal.undo import UndoOptions


def runs(
    state: State = None,
    results: Results = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a run on stdout.")
    ] = False,
) -> None:
    """List what wrote to files: scans, applied reports, undos. Newest first."""
    from dataclasses import asdict

    if results is not None:
        show_object_runs(results, json=json)
        return
    with open_journal(state, stderr_console()) as tagger:
        recorded = tagger.runs()
    if json:
        for run in recorded:
            typer.echo(json_text(asdict(run)))
    elif recorded:
        stdout_console().print(_table(recorded))
    else:
        stderr_console().print("Nothing was written so far.")


What = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN] [PATH...]",
        help="A number of `tagger runs`; files and folders.",
        show_default="the last run, all",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be restored; change nothing.")
]
KeepMtime = Annotated[
    bool, typer.Option("--keep-mtime", help="Restore modification times, too.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """How files are given back what they held, as it was typed. A group of options."""

    dry_run: DryRun = False
    keep_mtime: KeepMtime = False
    hardlinks: Hardlinks = "skip"

    def options(self) -> "UndoOptions":
        """The same for `Tagger.undo`.

        Raises:
            InputError: there is no such way to treat hard links.
        """
        from tagger.journal.undo import UndoOptions
        from tagger.writing.options import HARDLINKS, WriteOptions

        writing = WriteOptions(
            keep_mtime=self.keep_mtime,
            hardlinks=one_of("--hardlinks", self.hardlinks, HARDLINKS),
        )
        return UndoOptions(write=not self.dry_run, writing=writing)


@grouped
def undo(
    what: What = None,
    *,
    restoring: Restoring,
    results: Results = None,
    unsafe_overwrite: UnsafeOverwrite = False,
    state: State = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Restore files to what they were before a run, to the byte.

    A file that somebody else has changed since is left alone and named.

    An undo is itself a run: `tagger undo` with its number brings back what it took away.

    With --results, objects get back what they held before a scan of objects.
    """
    if results is not None:
        if restoring.keep_mtime or restoring.hardlinks != "skip" or state is not None:
            raise InputError("--keep-mtime, --hardlinks and --state are not of --results.")
        code = undo_on_results(
            results,
            what or [],
            dry_run=restoring.dry_run,
            unsafe_overwrite=unsafe_overwrite,
            json=json,
            quiet=quiet,
        )
        raise typer.Exit(code)
    if unsafe_overwrite:
        raise InputError("--unsafe-overwrite is of --results: files have no need of it.")
    options = restoring.options()
    with open_journal(state, stderr_console()) as tagger:
        code = _undo_files(tagger, what or [], options, json=json, quiet=quiet)
    raise typer.Exit(code)


def _undo_files(
    tagger: "Tagger", what: list[str], options: "UndoOptions", *, json: bool, quiet: bool
) -> int:
    """Undo a run, show what became of each file, and return the exit code."""
    from tagger.reports.report import Tally

    console, out = stderr_console(), stdout_console()
    tally, started = Tally(), time.monotonic()
    run, paths = _named(what)
    # The newest run so far, to tell afterwards whether the undo wrote anything itself.
    number, latest = tagger.run_to_undo(paths, run=run), tagger.runs()[0].id
    for path in paths:
        if not os.path.lexists(path):  # mistyped, unless the run wrote there before it moved
            tagger.run_to_undo([path], run=number)
    for result in tagger.undo(number, paths=paths, options=options):
        tally.add(result)
        show_written(result, out, json=json, quiet=quiet)
    recorded = tagger.runs()
    if not quiet:
        elapsed_s = time.monotonic() - started
        console.print(tally.table(elapsed_s=elapsed_s, meanings={"unchanged": WAS_BACK}))
        if not options.write:
            console.print("Nothing was changed: this was a dry run.")
        elif recorded[0].id > latest:
            undone = next(run for run in recorded if run.id == number)
            console.print(_was_undone(undone, by=recorded[0].id), highlight=False)
    return EXIT_SOME_FAILED if tally.statuses["failed"] else EXIT_OK


def _was_undone(run: "Run", *, by: int) -> str:
    """Says what an undo has left of a run."""
    if run.n_undone >= run.n_written:
        return f"Run {run.id} was undone by run {by}."
    changes = counted(run.n_written, "change", "changes")
    return (
        f"Run {run.id} was undone in part by run {by}: {run.n_undone} of its {changes} are"
        " taken back."
    )


def _named(what: list[str]) -> tuple[int | None, list[str]]:
    """The run and the files and folders that were named."""
    if what and what[0].isdecimal():
        return int(what[0]), what[1:]
    return None, what


def _table(recorded: "list[Run]") -> "Table":
    from rich.table import Table

    table = Table(title="Runs that wrote")
    for name in ("run", "when", "command", "of", "model"):
        table.add_column(name, overflow="fold")
    for name in ("written", "undone", "failed"):
        table.add_column(name, justify="right")
    for run in recorded:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.began_s))
        if run.n_open:
            when += " (interrupted)"
        table.add_row(
            *(str(run.id), when, run.command, sanitise(run.about), sanitise(run.model or "")),
            *(str(run.n_written), str(run.n_undone), str(run.n_failed)),
        )
    return table
