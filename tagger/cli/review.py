"""`tagger audit` and `tagger apply`: the genres that are there, and those that are wanted."""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
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
from tagger.cli.device import (
    BatchSize,
    Compute,
    DeviceChoice,
    Model,
    PrecisionChoice,
    load_later,
)
from tagger.cli.scan import Full, Jobs, Json, Set, Threshold
from tagger.cli.state import (
    NoState,
    Past,
    Rescan,
    RetryFailed,
    State,
    held_for_scan,
    scan_with,
    undoable_run,
)
from tagger.cli.walk import Exclude, Limit, Paths, walk_of
from tagger.cli.writing import (
    Hardlinks,
    Id3Version,
    KeepMtime,
    Mp4Compat,
    Separator,
    WavInfo,
    writing_of,
    writing_settings,
)
from tagger.text import sanitise

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.cli.state import ScanUntil
    from tagger.reports.report import Report
    from tagger.review.audit import Audited
    from tagger.scan.scan import TrackResult


def audit(
    paths: Paths,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv|.jsonl|.html", help="Write what was found there."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show all rows.")] = False,
    threshold: Threshold = None,
    setting: Set = None,
    model: Model = "default",
    device: DeviceChoice = "auto",
    precision: PrecisionChoice = None,
    batch_size: BatchSize = None,
    full: Full = False,
    jobs: Jobs = None,
    limit: Limit = None,
    exclude: Exclude = None,
    state: State = None,
    no_state: NoState = False,
    rescan: Rescan = False,
    retry_failed: RetryFailed = False,
    json: Json = False,
) -> None:
    """Find genres that disagree with what is heard, or are none. Changes nothing.

    A CSV report of it can be edited and given to `tagger apply`.
    """
    from tagger.reports.audit_tables import SHOWN, show_audit
    from tagger.reports.report import open_report
    from tagger.review.audit import Auditor
    from tagger.scan.records import ListenOptions
    from tagger.scan.scan import ScanOptions
    from tagger.settings.config import load_settings
    from tagger.settings.model_overrides import rules_of

    console = stderr_console()
    settings = load_settings(setting or ())
    walk = walk_of(console, paths, settings, exclude, limit=limit)
    folders = walk.folders()
    compute = Compute(precision=precision, batch_size=batch_size)
    engine = load_later(
        model, device, console=console, quiet=json, settings=settings, compute=compute
    )
    auditor = Auditor(
        engine.spec, rules_of(settings, engine.spec), threshold=threshold, limit=settings.max
    )
    listen = ListenOptions(full=full, n_decoders=jobs)
    past = Past(state=state, no_state=no_state, rescan=rescan, retry_failed=retry_failed)
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(held_for_scan(past, paths, console))
        file = None
        if report is not None:
            file = stack.enter_context(open_report(report, engine=engine, threshold=threshold))
        options = ScanOptions(score_all=True, listen=listen, writing=writing_of(settings))
        listening = scan_with(held, folders, engine, options)
        results = _listened(listening, console, walk.count())
        found, variants = auditor.finish(auditor.judge(one) for one in results)
        _add_all(file, found)
    if json:
        for one in _worth_a_row(found):
            emit_json(one.result, stdout_console())
    else:
        shown = None if everything else SHOWN
        show_audit(stdout_console(), found, auditor, variants, limit=shown)
    failed = any(one.finding == "failed" for one in found)
    raise typer.Exit(EXIT_SOME_FAILED if failed else walk.exit_code)


def _listened(
    listening: "ScanUntil", console: "Console", count: Iterable[Path]
) -> "Iterator[TrackResult]":
    """Every file listened to, whatever it holds, with a progress bar."""
    from tagger.reports.progress import TotalCount, show_progress
    from tagger.reports.report import Tally
    from tagger.scan.scan import TrackResult

    tally = Tally()
    with (
        show_progress(console, tally, TotalCount(count)) as advance,
        contextlib.closing(listening(threading.Event())) as results,
    ):
        for result in results:
            if isinstance(result, TrackResult):  # no folder is passed as a whole
                tally.add(result)
                advance()
                yield result


def _worth_a_row(found: "Iterable[Audited]") -> "Iterator[Audited]":
    """Files that agree, or of which nothing sure is heard, are not what an audit is about."""
    return (one for one in found if one.finding not in {"agrees", "unsure"})


def _add_all(report: "Report | None", found: "Sequence[Audited]") -> None:
    """The page gets every file, a table what is worth a row."""
    if report is None:
        return
    for one in found if report.takes_findings else _worth_a_row(found):
        report.add(one.result, finding=one.finding)


def apply(
    report: Annotated[Path, typer.Argument(metavar="REPORT.csv", help="An edited report.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written; change nothing.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="An emptied cell removes the genre.")
    ] = False,
    setting: Set = None,
    id3v2_version: Id3Version = None,
    id3v23_separator: Separator = None,
    wav_info: WavInfo = False,
    mp4_compat: Mp4Compat = False,
    keep_mtime: KeepMtime = False,
    hardlinks: Hardlinks = "skip",
    state: State = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what failed.")] = False,
) -> None:
    """Write the genres of an edited CSV report into the files.

    A row whose `genres` differ from `previous` is written, if the file still holds `previous`.
    """
    from tagger.journal.run import write_unrecorded
    from tagger.reports.report import Tally, line_of
    from tagger.review.apply import ApplyOptions, apply_rows
    from tagger.review.report_rows import read_rows
    from tagger.settings.config import load_settings

    settings = load_settings(
        writing_settings(
            setting,
            id3v2_version=id3v2_version,
            id3v23_separator=id3v23_separator,
            wav_info=wav_info,
            mp4_compat=mp4_compat,
        )
    )
    writing = writing_of(settings, keep_mtime=keep_mtime, hardlinks=hardlinks)
    options = ApplyOptions(write=not dry_run, remove=remove, writing=writing)
    tally, started = Tally(), time.monotonic()
    console, out = stderr_console(), stdout_console()
    rows = read_rows(report, on_note=lambda note: console.print(sanitise(note), markup=False))
    with undoable_run(state, "apply", [report], console, wanted=not dry_run) as run:
        writer = run.write if run else write_unrecorded  # not called in a dry run
        for result in apply_rows(rows, options, writer=writer):
            tally.add(result)
            if json:
                emit_json(result, out)
            elif (not quiet or result.status == "failed") and (
                line := line_of(result, verbose=False)
            ):
                out.print(line, highlight=False, soft_wrap=True)
    if not quiet:
        console.print(tally.table(elapsed_s=time.monotonic() - started))
    raise typer.Exit(EXIT_SOME_FAILED if tally.statuses["failed"] else EXIT_OK)
