"""`tagger scan s3://...`: what a scan of objects shows while it runs, and at its end."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tagger.cli.console import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SOME_FAILED,
    emit_line,
    results_console,
    sayer,
    stop_on_interrupt,
)
from tagger.cluster.actor import Done
from tagger.cluster.destination import open_results
from tagger.cluster.records import ObjectResult
from tagger.cluster.run import Lost, ObjectScan, RunningScan, scanning
from tagger.cluster.stores import open_place
from tagger.reports.report import Tally
from tagger.text import json_text, sanitise

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.api import Tagger
    from tagger.scan.options import ScanOptions

EVERY_S = 10.0
"""Between two lines of progress where nobody looks on."""

_N_REASONS = 20
_REASON_LEN = 120


class Progress:
    """What a scan of objects has done so far; its size does not grow with the bucket."""

    def __init__(self, passed: Counter[str]) -> None:
        """Nothing yet.

        Args:
            passed: objects that earlier runs have done, by status; grows meanwhile.
        """
        self.tally, self.passed = Tally(), passed
        self.nodes: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.n_lost = self.n_read = 0
        self._started = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Since the start."""
        return max(time.monotonic() - self._started, 1e-3)

    def add(self, done: Done) -> None:
        """Count a batch."""
        self.tally.statuses.update(done.statuses)
        self.tally.genres.update(done.genres)
        self.tally.audio_s += done.audio_s
        self.nodes[done.node] += sum(done.statuses.values())
        self.n_read += done.n_read
        for reason, n in done.reasons.items():
            self._failed(reason, n)

    def lose(self, lost: Lost) -> None:
        """Count a batch that was given up."""
        self.n_lost += len(lost.entries)
        self._failed(lost.reason, len(lost.entries))

    def line(self) -> str:
        """How far it is, in a line."""
        n, elapsed_s = self.tally.n_tracks, self.elapsed_s
        most = self.nodes.most_common(4)
        nodes = ", ".join(f"{name} {count / elapsed_s:.1f}/s" for name, count in most)
        passed = f", {sum(self.passed.values())} passed" if self.passed else ""
        failed = f", {self.tally.statuses['failed']} failed" if self.reasons else ""
        return f"{n} tracks, {n / elapsed_s:.1f}/s{passed}{failed}  {nodes}"

    def _failed(self, reason: str, n: int) -> None:
        reason = sanitise(reason)[:_REASON_LEN]
        if reason not in self.reasons and len(self.reasons) >= _N_REASONS:
            reason = "other reasons"
        self.reasons[reason] += n


def scan_objects(
    tagger: "Tagger",
    source: str,
    options: "ScanOptions",
    asked: ObjectScan,
    *,
    results: str,
    console: "Console",
    quiet: bool,
) -> int:
    """Scan the objects of a place, show how far it is, and return the exit code.

    Args:
        tagger: gives the model and the settings.
        source: URL or folder.
        options: what is decided.
        asked: how; rows that come back are printed.
        results: where rows go.
        console: for progress and problems.
        quiet: no progress and no summary.

    Raises:
        StartError: it cannot be started.
        StoppedError: what all objects need was lost on the way.
    """
    place, kept = open_place(source, option="PATH"), open_results(results)
    if not quiet:  # the listing and Ray's start take seconds
        sayer(console)(f"Scanning {place.url}; rows go to {kept.shown}.")
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_on_interrupt(console))
        run = stack.enter_context(
            scanning(tagger, place, kept, options=options, asked=asked, stop=stop)
        )
        progress = Progress(run.passed)
        advance = stack.enter_context(_shown(console, progress, quiet=quiet))
        out = results_console(console, quiet=quiet)
        _follow(run, progress, advance, source=source, out=out)
    if not quiet:
        _summary(progress, console, written=options.write)
        sayer(console)(f"Results: {kept.shown}, run {run.number}.")
    if stop.is_set():
        return EXIT_INTERRUPTED
    return EXIT_SOME_FAILED if progress.reasons else EXIT_OK


def _follow(
    run: RunningScan,
    progress: Progress,
    advance: Callable[[], None],
    *,
    source: str,
    out: "Console",
) -> None:
    for batch in run.batches:
        if isinstance(batch, Done):
            progress.add(batch)
            for row in batch.rows or ():
                emit_line(_line_of(row, source), out)
        else:
            progress.lose(batch)
        advance()


def _line_of(row: ObjectResult, source: str) -> str:
    """A row as a line of JSON: the fields of `--json`, with the object's own behind them."""
    record: dict[str, Any] = {
        "path": f"{_root(source)}/{row.key}",
        "status": row.status,
        "genres": list(row.genres),
        "previous": list(row.previous),
        "scores": row.scores,
        "duration_s": None if row.duration_s is None else round(row.duration_s, 3),
        "reason": row.reason,
        "field": row.field,
        **({} if row.others is None else {"others": row.others}),
        "key": row.key,
        "etag": row.etag,
        "size": row.size,
    }
    return json_text(record)


def _root(source: str) -> str:
    """What stands in front of a key: the bucket, or the folder."""
    if "://" not in source:
        return source.rstrip("/")
    scheme, _, rest = source.partition("://")
    return f"{scheme}://{rest.partition('?')[0].partition('/')[0]}"


@contextmanager
def _shown(
    console: "Console", progress: Progress, *, quiet: bool
) -> Iterator[Callable[[], None]]:
    """A line that moves on a terminal, a line now and then elsewhere."""
    if quiet:
        yield lambda: None
    elif console.is_terminal:
        with console.status("Starting ...") as status:
            yield lambda: status.update(sanitise(progress.line()))
    else:
        last = time.monotonic()

        def advance() -> None:
            nonlocal last
            if time.monotonic() - last >= EVERY_S:
                last = time.monotonic()
                console.print(sanitise(progress.line()), markup=False, highlight=False)

        yield advance


def _summary(progress: Progress, console: "Console", *, written: bool) -> None:
    table = progress.tally.table(elapsed_s=progress.elapsed_s)
    for name, n in progress.nodes.most_common(8):
        table.add_row("node", str(n), f"{name}, {n / progress.elapsed_s:.1f} a second")
    if progress.passed:
        table.add_row("passed", str(sum(progress.passed.values())), "have a row already")
    if progress.n_lost:
        table.add_row("lost", str(progress.n_lost), "have no row; --resume does them again")
    for reason, n in progress.reasons.most_common(8):
        table.add_row("[red]reason[/]", str(n), reason.replace("[", r"\["))
    if progress.n_read:
        table.add_row("fetched", f"{progress.n_read / 1e6:,.1f} MB", "from the store")
    console.print(table)
    if progress.tally.statuses["proposed"] and not written:
        console.print("Nothing was changed. Add --write-tags to write these genres.")
