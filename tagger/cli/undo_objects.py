"""`tagger runs` and `tagger undo` with `--results`: what was written to objects, and back."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import EXIT_OK, EXIT_SOME_FAILED, stderr_console, stdout_console
from tagger.cli.options import needs_extra
from tagger.errors import InputError
from tagger.text import json_text, sanitise

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.cluster.journal import ObjectRun
    from tagger.cluster.journal_parts import JournalParts
    from tagger.cluster.undo import ObjectUndone

Results = Annotated[
    str | None,
    typer.Option(
        "--results",
        metavar="DEST",
        help="Of a scan of objects: where its results, and the journal, lie.",
    ),
]
UnsafeOverwrite = Annotated[
    bool,
    typer.Option(
        "--unsafe-overwrite",
        help="Write also where the store knows no conditional put.",
    ),
]
WAS_BACK = "were given back before, left as they are"
"""What the summary of an undo says of what it found nothing to do for."""

_NO_CAP = 1 << 62  # what has been written was not too large to be copied


def show_object_runs(results: str, *, json: bool) -> None:
    """List what wrote to objects, newest first.

    Raises:
        StartError: the journal cannot be read.
    """
    parts = _parts(results)
    from tagger.cluster.journal import all_runs, batches_of

    runs = [run for run in all_runs(parts) if batches_of(parts, run.id)]
    undone = {run.undoes for run in runs}
    for run in runs:
        if json:
            typer.echo(json_text(asdict(run) | {"is_undone": run.id in undone}))
    if not runs:
        stderr_console().print("Nothing was written so far.")
    elif not json:
        _show_table(runs, undone, stdout_console())


def undo_on_results(
    results: str,
    what: list[str],
    *,
    dry_run: bool,
    unsafe_overwrite: bool,
    json: bool,
    quiet: bool,
) -> int:
    """Give objects back what they held before a run; returns the exit code.

    Args:
        results: where the journal lies.
        what: the run, or nothing for the last one.
        dry_run: only say what would become of them.
        unsafe_overwrite: put without a condition.
        json: one object a line.
        quiet: failures only, and no summary.

    Raises:
        StartError: nothing can be undone.
    """
    if len(what) > 1:
        raise InputError("--results: name one run, or none for the last one.")
    parts = _parts(results)
    from tagger.cluster.journal import run_named
    from tagger.cluster.undo import undo_objects
    from tagger.cluster.write import ObjectWriteOptions
    from tagger.reports.report import Tally

    run, tally, started = run_named(parts, what[0] if what else None), Tally(), time.monotonic()
    options = ObjectWriteOptions(max_len=_NO_CAP, unsafe_overwrite=unsafe_overwrite)
    for result in undo_objects(parts, run, write=not dry_run, options=options):
        tally.statuses[result.status] += 1
        if json:
            typer.echo(json_text(asdict(result)))
        elif not quiet or result.status == "failed":
            typer.echo(_line_of(result))
    if not quiet:
        console = stderr_console()
        elapsed_s = time.monotonic() - started
        console.print(tally.table(elapsed_s=elapsed_s, meanings={"unchanged": WAS_BACK}))
        if dry_run:
            console.print("Nothing was changed: this was a dry run.")
        elif tally.statuses["written"]:
            console.print(f"Run {run.id} was undone.", highlight=False)
    return EXIT_SOME_FAILED if tally.statuses["failed"] else EXIT_OK


def _parts(results: str) -> "JournalParts":
    """The journal beside some results.

    Raises:
        MissingExtraError: what it needs is not installed.
    """
    with needs_extra("--results", "cluster"):
        import pyarrow as pa  # noqa: F401

        from tagger.cluster.journal_parts import open_parts
    return open_parts(results)


def _line_of(result: "ObjectUndone") -> str:
    """What became of an object, in a line for people."""
    reason = (result.reason or "").removeprefix(f"{result.url}: ")
    shown = ", ".join(result.genres) or "(no genre)" if result.status != "failed" else ""
    if result.status not in {"written", "proposed"}:
        shown = reason
    return sanitise(f"{result.status:<9} {result.url}  {shown}")


def _show_table(runs: "list[ObjectRun]", undone: set[str | None], console: "Console") -> None:
    from rich.table import Table

    table = Table(title="Runs that wrote to objects")
    for name in ("run", "when (UTC)", "command", "of", "undone"):
        table.add_column(name, overflow="fold")
    for run in runs:
        of = run.url if run.undoes is None else f"run {run.undoes}"
        is_undone = "yes" if run.id in undone else ""
        table.add_row(run.id, run.began[:16], run.command, sanitise(of), is_undone)
    console.print(table)
