"""`tagger audit` and `tagger apply`: genres that disagree, and a report written back."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import (
    EXIT_OK,
    EXIT_SOME_FAILED,
    emit_json,
    optional_report,
    sayer,
    show_written,
    stderr_console,
    stdout_console,
)
from tagger.cli.device import Where, open_journal, open_tagger
from tagger.cli.grouped import grouped
from tagger.cli.scan_options import Full, Json, Quiet, Set, Threshold
from tagger.cli.state import Past, State
from tagger.cli.walk import Files, Walk, progress
from tagger.cli.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tagger.api import Tagger
    from tagger.reports.report import Report
    from tagger.review.findings import Audit, Audited, AuditOptions
    from tagger.scan.results import Status, TrackResult


Findings = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.csv|.jsonl|.html", help="Write the findings there."),
]
AllRows = Annotated[bool, typer.Option("--all", help="Show all rows.")]
Edited = Annotated[Path, typer.Argument(metavar="REPORT.csv", help="An edited report.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be written; change nothing.")
]
Remove = Annotated[bool, typer.Option("--remove", help="An emptied cell removes the genre.")]


@grouped
def audit(
    report: Findings = None,
    everything: AllRows = False,
    threshold: Threshold = None,
    setting: Set = None,
    *,
    files: Files,
    full: Full = False,
    where: Where,
    past: Past,
    json: Json = False,
) -> None:
    """Find genres that disagree with the music, or say nothing. Changes nothing.

    A CSV report of it can be edited and given to `tagger apply`.
    """
    from tagger.reports.audit_tables import SHOWN, show_audit
    from tagger.review.findings import AuditOptions
    from tagger.scan.records import ListenOptions
    from tagger.settings.config import load_settings

    console = stderr_console()
    walk = files.walk(console)
    past.check()
    options = AuditOptions(threshold=threshold, listen=ListenOptions(full=full))
    with open_tagger(
        where,
        settings=load_settings(setting or ()),
        console=console,
        quiet=json,
        state=past.tagger_state,
    ) as tagger:
        audited = _audited(tagger, files.paths, options, walk=walk, past=past, report=report)
    if json:
        for file in _worth_a_row(audited.files):
            emit_json(file.result, stdout_console())
    else:
        show_audit(stdout_console(), audited, limit=None if everything else SHOWN)
    has_failed = any(file.finding == "failed" for file in audited.files)
    raise typer.Exit(EXIT_SOME_FAILED if has_failed else walk.exit_code)


def _audited(
    tagger: "Tagger",
    paths: "Sequence[Path]",
    options: "AuditOptions",
    *,
    walk: Walk,
    past: Past,
    report: Path | None,
) -> "Audit":
    """Audit files, with a bar, and write the report that was asked for."""
    from tagger.reports.report import Tally

    tally = Tally()
    with (
        optional_report(report, tagger.spec, threshold=options.threshold) as file,
        progress(tagger, paths, walk, tally) as advance,
    ):

        def scored(result: "TrackResult") -> None:
            tally.add(result)
            advance()

        audited = tagger.audit(
            paths, options, walk=walk.options(), recall=past.recall(), on_track=scored
        )
        _add_all(file, audited.files)
    return audited


def _worth_a_row(files: "Iterable[Audited]") -> "Iterator[Audited]":
    """Files that agree, or of which nothing is sure, are not what an audit is about."""
    return (file for file in files if file.finding not in {"agrees", "unsure"})


def _add_all(report: "Report | None", files: "Sequence[Audited]") -> None:
    """The page gets every file, a table what is worth a row."""
    if report is None:
        return
    for file in files if report.takes_findings else _worth_a_row(files):
        report.add(file.result, finding=file.finding)


@grouped
def apply(
    report: Edited,
    dry_run: DryRun = False,
    remove: Remove = False,
    setting: Set = None,
    *,
    writing: Writing,
    state: State = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the genres of an edited CSV report into the files.

    A row whose `genres` differ from `previous` is written, if the file still holds `previous`.
    """
    from tagger.reports.report import Tally
    from tagger.review.apply import NOT_EDITED, ApplyOptions
    from tagger.review.report_rows import read_rows
    from tagger.state.corrections import lesson_due

    settings = writing.settings(setting)
    options = ApplyOptions(
        write=not dry_run, remove=remove, report=report, writing=writing.options(settings)
    )
    tally, started, n_unedited = Tally(), time.monotonic(), 0
    console, out = stderr_console(), stdout_console()
    rows = read_rows(report, on_note=sayer(console))
    with open_journal(state, console, settings) as tagger:
        for result in tagger.apply(rows, options):
            tally.add(result)
            n_unedited += result.reason == NOT_EDITED
            show_written(result, out, json=json, quiet=quiet)
        # Asked while the state is held, told once it is let go of.
        is_due = settings.auto_learn and not dry_run
        due = lesson_due(tagger.held_state()) if is_due else None
    if due is not None:
        sayer(console)(due)
    if not quiet:
        meanings = _of_unchanged(n_unedited, tally.statuses["unchanged"])
        console.print(tally.table(elapsed_s=time.monotonic() - started, meanings=meanings))
        if dry_run:
            console.print("Nothing was changed: this was a dry run.")
    raise typer.Exit(EXIT_SOME_FAILED if tally.statuses["failed"] else EXIT_OK)


def _of_unchanged(n_unedited: int, n_unchanged: int) -> "dict[Status, str]":
    """What the summary says of rows that changed nothing: most were never touched."""
    if not n_unedited:
        return {}
    n_others = n_unchanged - n_unedited
    others = f"; {n_others} have these genres already" if n_others else ""
    number = f"{n_unedited} " if n_others else ""
    return {"unchanged": f"{number}not edited, left as they are{others}"}
