"""`tagger scan`: options in, results out, exit code."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli_device import (
    BatchSize,
    Compute,
    DeviceChoice,
    ExcludeOps,
    GpuMemory,
    Model,
    PrecisionChoice,
    load,
)
from tagger.cli_options import one_of
from tagger.cli_state import State, undoable_run
from tagger.cli_writing import (
    Hardlinks,
    Id3Version,
    KeepMtime,
    Mp4Compat,
    Separator,
    WavInfo,
    writing_of,
    writing_settings,
)
from tagger.plain import visible

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.report import Tally
    from tagger.runtime import Engine
    from tagger.scan import ScanOptions, TrackResult
    from tagger.writing import JournalledRun

EXIT_OK, EXIT_SOME_FAILED, EXIT_NOT_STARTED, EXIT_INTERRUPTED = 0, 1, 2, 130

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.")]
Full = Annotated[bool, typer.Option("--full", help="Listen to all of each track.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Decoding threads.  [default: one a core]")
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold", min=0.0, max=1.0, help="Believe from this score.  [default: the model's]"
    ),
]
Top = Annotated[
    int | None,
    typer.Option("--top", min=1, help="At most so many genres a track.  [default: 3]"),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting, as in `tagger config show`."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a track on stdout.")]
PolicyChoice = Annotated[
    str,
    typer.Option(
        "--policy", metavar="fill|append|replace", help="What to do with genres that are there."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """What a scan shows, and where."""

    json: bool = False
    report: Path | None = None
    quiet: bool = False
    verbose: bool = False


def scan(
    paths: Paths,
    write_tags: Annotated[
        bool, typer.Option("--write-tags", help="Change the files; otherwise nothing is.")
    ] = False,
    policy: PolicyChoice = "fill",
    top: Top = None,
    threshold: Threshold = None,
    setting: Set = None,
    model: Model = "default",
    device: DeviceChoice = "auto",
    precision: PrecisionChoice = None,
    batch_size: BatchSize = None,
    gpu_memory: GpuMemory = None,
    exclude_ops: ExcludeOps = None,
    full: Full = False,
    jobs: Jobs = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many files.")] = None,
    score_all: Annotated[
        bool, typer.Option("--score-all", help="Listen also to tracks that keep their genre.")
    ] = False,
    time_limit: Annotated[
        float,
        typer.Option(
            "--time-limit", min=1.0, metavar="S", help="Seconds without audio of a file."
        ),
    ] = 60.0,
    json: Json = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv|.jsonl|.html", help="Write all results there."),
    ] = None,
    id3v2_version: Id3Version = None,
    id3v23_separator: Separator = None,
    wav_info: WavInfo = False,
    mp4_compat: Mp4Compat = False,
    keep_mtime: KeepMtime = False,
    hardlinks: Hardlinks = "skip",
    state: State = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what failed.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="A line for each file, with its scores.")
    ] = False,
) -> None:
    """Say, or write, the genres of all tracks in files and folders.

    Exit code 0: all done, 1: some files failed, 2: nothing was started, 130: interrupted.
    """
    from tagger.config import load_settings, targets_of
    from tagger.genres import POLICIES
    from tagger.library import find_tracks, require_tracks
    from tagger.pipeline import ListenOptions
    from tagger.scan import ScanOptions

    console = stderr_console()
    settings = load_settings(
        writing_settings(
            setting,
            id3v2_version=id3v2_version,
            id3v23_separator=id3v23_separator,
            wav_info=wav_info,
            mp4_compat=mp4_compat,
        )
    )
    options = ScanOptions(
        write=write_tags,
        policy=one_of("--policy", policy, POLICIES),
        top=top or settings.max,
        threshold=threshold,
        score_all=score_all,
        rules=settings.rules,
        listen=ListenOptions(full=full, n_decoders=jobs, limit_s=time_limit),
        writing=writing_of(settings, keep_mtime=keep_mtime, hardlinks=hardlinks),
    )

    def walk(on_error: Callable[[Path, str], None]) -> Iterator[Path]:
        return find_tracks(paths, limit=limit, on_error=on_error)

    problems = _WalkProblems(console)
    tracks = require_tracks(walk(problems), paths=paths)
    compute = Compute(
        precision=precision,
        batch_size=batch_size,
        gpu_memory=gpu_memory,
        exclude_ops=exclude_ops,
    )
    show = Show(json=json, report=report, quiet=quiet, verbose=verbose)
    count = walk(lambda *_: None)
    with undoable_run(state, "scan", paths, console, wanted=write_tags) as run:
        engine = load(
            model, device, console=console, quiet=quiet, settings=settings, compute=compute
        )
        targets = targets_of(settings, engine.spec, today=date.today())  # noqa: DTZ011, owner's
        options = replace(options, targets=targets)
        if run is not None:
            run.model = engine.spec.name
        code = _run(tracks, engine, options, show, run=run, console=console, count=count)
    raise typer.Exit(code or (EXIT_SOME_FAILED if problems.n_folders else EXIT_OK))


def _run(
    tracks: Iterable[Path],
    engine: "Engine",
    options: "ScanOptions",
    show: Show,
    *,
    run: "JournalledRun | None",
    console: "Console",
    count: Iterable[Path],
) -> int:
    """Scan, show each result as it comes, and return the exit code."""
    from tagger.progress import TotalCount, show_progress
    from tagger.report import Tally, open_report
    from tagger.scan import scan as scan_tracks
    from tagger.writing import write_unrecorded

    tally, started = Tally(), time.monotonic()
    # On a terminal, results are printed above the bar, by the console that draws it.
    shares_terminal = console.is_terminal and sys.stdout.isatty() and not show.quiet
    out = console if shares_terminal else stdout_console()
    with contextlib.ExitStack() as stack:
        report = None
        if show.report is not None:
            page = open_report(show.report, engine=engine, threshold=options.threshold)
            report = stack.enter_context(page)
        stop = stack.enter_context(_stop_on_interrupt(console))
        bar = show_progress(console, tally, TotalCount(count)) if not show.quiet else None
        advance = stack.enter_context(bar) if bar else (lambda: None)
        writer = run.write if run else write_unrecorded  # not called without --write-tags
        found = scan_tracks(tracks, engine, options, stop=stop, writer=writer)
        for result in stack.enter_context(contextlib.closing(found)):
            tally.add(result)
            if report is not None:
                report.add(result)
            _show_one(result, show, out)
            advance()
    if not show.quiet:
        _summary(tally, console, options, elapsed_s=time.monotonic() - started)
    if stop.is_set():
        return EXIT_INTERRUPTED
    return EXIT_SOME_FAILED if tally.statuses["failed"] else EXIT_OK


def _show_one(result: "TrackResult", show: Show, out: "Console") -> None:
    from tagger.report import line_of

    if show.json:
        emit_json(result, out)
        return
    if show.quiet and result.status != "failed":
        return
    line = line_of(result, verbose=show.verbose)
    if line is not None:
        out.print(line, highlight=False, soft_wrap=True)


def _summary(
    tally: "Tally", console: "Console", options: "ScanOptions", *, elapsed_s: float
) -> None:
    console.print(tally.table(elapsed_s=elapsed_s))
    if tally.statuses["proposed"] and not options.write:
        console.print("Nothing was changed. Add --write-tags to write these genres.")


@contextlib.contextmanager
def _stop_on_interrupt(console: "Console") -> Iterator[threading.Event]:
    """A first Ctrl-C sets the event that is yielded, a second one interrupts at once."""
    stop = threading.Event()

    def handle(_signal: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.print("Stopping: the file that is being written is finished first.")

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)


class _WalkProblems:
    """Folders that cannot be listed: said at once, and they count as failures."""

    def __init__(self, console: "Console") -> None:
        self.console, self.n_folders = console, 0

    def __call__(self, path: Path, reason: str) -> None:
        self.n_folders += 1
        self.console.print(visible(f"{path}: {reason}"), markup=False, highlight=False)


def emit_json(result: "TrackResult", out: "Console") -> None:
    """Print one result as a line of JSON, whole and at once."""
    from tagger.report import to_json

    if out.stderr:  # the console of the bar, which must be told of every line
        out.print(to_json(result), markup=False, highlight=False, soft_wrap=True)
    else:
        out.file.write(to_json(result) + "\n")
        out.file.flush()


def stderr_console() -> "Console":
    """Where progress and problems go."""
    from rich.console import Console

    return Console(stderr=True, emoji=False)


def stdout_console() -> "Console":
    """Where results go."""
    from rich.console import Console

    return Console(emoji=False)
