"""`tagger scan`: options in, results out, exit code."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tagger.cli.console import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SOME_FAILED,
    emit_json,
    optional_report,
    results_console,
    stderr_console,
    stop_on_interrupt,
)
from tagger.cli.device import Where, open_tagger
from tagger.cli.grouped import grouped
from tagger.cli.objects import Objects, Sources
from tagger.cli.scan_options import Json, Listening, Quiet, ReportFile, Verbose, What
from tagger.cli.state import Past
from tagger.cli.walk import Walk, progress
from tagger.cli.writing import Writing

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.api import Tagger
    from tagger.reports.report import Tally
    from tagger.scan.options import ScanOptions
    from tagger.scan.results import Status, TrackResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """What a scan shows, and where, as it was typed. A group of options."""

    json: Json = False
    report: ReportFile = None
    quiet: Quiet = False
    verbose: Verbose = False

    @property
    def passing(self) -> "frozenset[Status]":
        """Statuses of which only the number is shown."""
        from tagger.reports.report import QUIET_STATUSES

        if self.json or self.report is not None or (self.verbose and not self.quiet):
            return frozenset()
        return QUIET_STATUSES | {"skipped"} if self.quiet else QUIET_STATUSES


@grouped
def scan(
    what: What,
    sources: Sources,
    listening: Listening,
    writing: Writing,
    where: Where,
    past: Past,
    show: Show,
    objects: Objects,
) -> None:
    """Show, or write, the genres of all tracks in files and folders.

    Exit code 0: all done, 1: some files failed, 2: nothing was started, 130: interrupted.
    """
    console = stderr_console()
    settings = writing.settings(what.setting)
    options = replace(
        what.options(),
        score_all=listening.score_all,
        listen=listening.options(),
        writing=writing.options(settings),
    )
    of_objects = objects.are_asked(sources)
    if of_objects:
        objects.check(sources, past=past, where=where, report=show.report)
    else:
        past.check(write=what.write_tags)
    files = sources.files()
    walk = files.walk(console)
    with open_tagger(
        where,
        settings=settings,
        console=console,
        quiet=show.quiet,
        state=past.tagger_state,
    ) as tagger:
        # Closed before the exit: the state is let go of even where files failed.
        if of_objects:
            how = {"rows_asked": show.json, "n_decoders": where.jobs or 1}
            how |= {"retry_failed": past.retry_failed, "rescan": past.rescan}
            code = objects.scan(
                tagger, sources, options, console=console, quiet=show.quiet, **how
            )
        else:
            code = _run(tagger, files.paths, options, walk=walk, past=past, show=show)
    raise typer.Exit(code or walk.exit_code)


def _run(
    tagger: "Tagger",
    paths: Sequence[Path],
    options: "ScanOptions",
    *,
    walk: Walk,
    past: Past,
    show: Show,
) -> int:
    """Scan, show each result as it comes, and return the exit code."""
    from tagger.reports.report import Tally

    console, tally, started = walk.console, Tally(), time.monotonic()
    out = results_console(console, quiet=show.quiet)

    def unchanged(counts: Mapping[str, int]) -> None:
        tally.add_passed(counts)
        advance()

    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_on_interrupt(console))
        recall = past.recall(passing=show.passing, on_unchanged=unchanged)
        results = tagger.scan(paths, options, walk=walk.options(), recall=recall, stop=stop)
        stack.enter_context(contextlib.closing(results))
        page = optional_report(show.report, tagger.spec, threshold=options.threshold)
        report = stack.enter_context(page)
        advance = stack.enter_context(progress(tagger, paths, walk, tally, quiet=show.quiet))
        for result in results:
            tally.add(result)
            if report is not None:
                report.add(result)
            _show_one(result, show, out)
            advance()
    if not show.quiet:
        _summary(tally, console, options, elapsed_s=time.monotonic() - started)
    # Even where files failed: who stopped it knows that it is not all.
    if stop.is_set():
        return EXIT_INTERRUPTED
    return EXIT_SOME_FAILED if tally.statuses["failed"] else EXIT_OK


def _show_one(result: "TrackResult", show: Show, out: "Console") -> None:
    from tagger.reports.report import line_of, plain_line_of

    if show.json:
        emit_json(result, out)
        return
    if show.quiet and result.status != "failed":
        return
    if out.is_terminal:
        line = line_of(result, verbose=show.verbose)
        if line is not None:
            out.print(line, highlight=False, soft_wrap=True)
        return
    # Past rich, which would wrap what a pipe reads.
    line = plain_line_of(result, verbose=show.verbose)
    if line is not None:
        out.file.write(line + "\n")
        out.file.flush()


def _summary(
    tally: "Tally", console: "Console", options: "ScanOptions", *, elapsed_s: float
) -> None:
    console.print(tally.table(elapsed_s=elapsed_s))
    if tally.statuses["proposed"] and not options.write:
        console.print("Nothing was changed. Add --write-tags to write these genres.")
