"""`tagger predict`: the scores of single files."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import (
    EXIT_SOME_FAILED,
    emit_json,
    optional_report,
    stderr_console,
    stdout_console,
)
from tagger.cli.device import Where, open_tagger
from tagger.cli.grouped import grouped
from tagger.cli.scan_options import Full, Json, Set, Threshold, Top
from tagger.cli.walk import Exclude, Walk
from tagger.errors import InputError
from tagger.text import sanitise

if TYPE_CHECKING:
    from tagger.model.spec import ModelSpec
    from tagger.reports.report import Report
    from tagger.scan.results import TrackResult


IN_TURN = 100
"""Up to so many tracks are shown in the order in which they were named."""

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", readable=False, help="Audio files.")
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot", metavar="FILE.png|.svg|.pdf", help="Draw one file: labels over time."
    ),
]
ResultsFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE.html|.csv|.jsonl",
        help="Write all results there; the page shows them over time.",
    ),
]
AllLabels = Annotated[
    bool, typer.Option("--all", help="Show all labels, not only the likely ones.")
]
OverTime = Annotated[
    bool, typer.Option("--timeline", help="Show labels over time; listens to the whole track.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """What is shown of each file, and where, as it was typed. A group of options."""

    json: Json = False
    plot: Plot = None
    report: ResultsFile = None
    everything: AllLabels = False
    timeline: OverTime = False

    @property
    def needs_windows(self) -> bool:
        """Whether the scores of each window are shown."""
        is_page = self.report is not None and self.report.suffix.lower() == ".html"
        return self.timeline or self.plot is not None or is_page


@grouped
def predict(
    files: Files,
    top: Top = None,
    threshold: Threshold = None,
    setting: Set = None,
    exclude: Exclude = None,
    full: Full = False,
    *,
    where: Where,
    show: Show,
) -> None:
    """Show the scores of single files, label by label. Changes nothing."""
    from tagger.genres.spelling import no_spelling
    from tagger.scan.options import ScanOptions
    from tagger.scan.records import ListenOptions
    from tagger.settings.config import load_settings

    console = stderr_console()
    options = ScanOptions(
        policy="replace",
        spelling=no_spelling(),
        top=top,
        threshold=threshold,
        score_all=True,
        listen=ListenOptions(full=full, keep_windows=show.needs_windows),
    )
    walk = Walk(console, exclude or ())
    with open_tagger(
        where,
        settings=load_settings(setting or ()),
        console=console,
        quiet=show.json,
        state=False,
    ) as tagger:
        if show.plot is not None:
            _check_one(tagger.tracks(files, walk.options().silent()), show.plot)
        order = tagger.tracks(files, walk.options().silent())
        results = in_turn(tagger.scan(files, options, walk=walk.options()), order)
        with optional_report(show.report, tagger.spec, threshold=threshold) as file:
            failed = _show_all(results, tagger.spec, show, threshold, file)
    raise typer.Exit(EXIT_SOME_FAILED if failed else walk.exit_code)


def in_turn(results: "Iterable[TrackResult]", order: Iterable[Path]) -> "Iterator[TrackResult]":
    """The results in an order, each once it is its turn; as they come if these are many.

    Args:
        results: of the tracks, as they are done.
        order: of the tracks; of more than `IN_TURN` none waits for another, and no more than
            that are looked for.
    """
    turns = deque(islice(order, IN_TURN + 1))
    if len(turns) > IN_TURN:
        yield from results
        return
    waiting: dict[Path, deque[TrackResult]] = {}
    for result in results:
        waiting.setdefault(result.path, deque()).append(result)
        while turns and waiting.get(turns[0]):
            yield waiting[turns.popleft()].popleft()
    # One of them may have gone since the order was made.
    for path in (*turns, *waiting):
        yield from waiting.pop(path, ())


def _show_all(
    results: "Iterable[TrackResult]",
    spec: "ModelSpec",
    show: Show,
    threshold: float | None,
    report: "Report | None",
) -> bool:
    """Show results as they come; whether one of them failed."""
    failed = False
    for result in results:
        failed |= result.status == "failed"
        _show_one(result, spec, show, threshold)
        if report is not None:
            report.add(result)
    return failed


def _show_one(
    result: "TrackResult", spec: "ModelSpec", show: Show, threshold: float | None
) -> None:
    from tagger.reports.prediction_table import prediction

    if show.json and show.timeline:
        _emit_with_segments(result, spec, threshold)
    elif show.json:
        emit_json(result, stdout_console())
    else:
        shown = prediction(result, spec, threshold=threshold, everything=show.everything)
        stdout_console().print(shown)
        if show.timeline:
            _show_timeline(result, spec, threshold)
    if show.plot is not None:
        _save_plot(result, spec, show.plot, threshold)


def _check_one(tracks: Iterator[Path], plot: Path) -> None:
    from tagger.reports.taggram import check_plot

    check_plot(plot)
    # Two are enough to know; a folder may hold a hundred thousand.
    if len(list(islice(tracks, 2))) > 1:
        raise InputError("--plot draws one file: name a single one.")


def _show_timeline(result: "TrackResult", spec: "ModelSpec", threshold: float | None) -> None:
    from tagger.reports.timeline_lines import timeline_view

    if result.timeline is not None:
        console = stdout_console()
        width = max(20, min(100, console.width - 16))
        view = timeline_view(result.timeline, spec, threshold=threshold, width=width)
        console.print(view, "")


def _emit_with_segments(
    result: "TrackResult", spec: "ModelSpec", threshold: float | None
) -> None:
    from tagger.reports.report import to_record
    from tagger.scan.timeline import segments
    from tagger.text import json_text

    parts = []
    if result.timeline is not None:
        parts = segments(result.timeline, spec, threshold=threshold)
    record = {**to_record(result), "segments": [part.to_record() for part in parts]}
    typer.echo(json_text(record))


def _save_plot(
    result: "TrackResult", spec: "ModelSpec", plot: Path, threshold: float | None
) -> None:
    from tagger.reports.taggram import save_taggram

    if result.timeline is None:
        stderr_console().print("There is nothing to draw: the file gave no audio.")
        return
    save_taggram(result.path, result.timeline, spec, plot, threshold=threshold)
    stderr_console().print(sanitise(f"{plot}: drawn."), markup=False, highlight=False)
