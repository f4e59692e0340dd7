"""`tagger models compare`: two models over the same tracks, so that one can be chosen."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import EXIT_OK, EXIT_SOME_FAILED, stderr_console, stdout_console
from tagger.cli.device import DeviceChoice
from tagger.cli.scan_options import Jobs, JsonObject
from tagger.cli.walk import Limit
from tagger.text import json_text, sanitise

if TYPE_CHECKING:
    from rich.table import Table

    from tagger.review.compare import Comparison, Scored


def compare(
    first: Annotated[str, typer.Argument(metavar="MODEL", help="A name or a file.")],
    other: Annotated[str, typer.Argument(metavar="MODEL", help="Another one.")],
    on: Annotated[
        Path,
        typer.Option(metavar="FOLDER|CSV", help="Tracks; or a table with `path` and `genre`."),
    ],
    device: DeviceChoice = "auto",
    jobs: Jobs = None,
    limit: Limit = None,
    json: JsonObject = False,
) -> None:
    """Score the same tracks with two models: agreement, speed, accuracy by their own tags.

    Nothing is written or remembered, so that both are timed alike.
    """
    from tagger.model.catalogue import find_model
    from tagger.model.spec_file import spec_in
    from tagger.review.compare import compare as compare_results
    from tagger.review.compare import read_own_genres

    for model in (first, other):
        spec_in(find_model(model))  # the second one, too, before the first listens for hours
    own = read_own_genres(on) if on.is_file() and on.suffix.lower() == ".csv" else None
    paths = [on] if own is None else list(own)
    scored = [
        _score(model, paths, device=device, n_decoders=jobs, limit=limit)
        for model in (first, other)
    ]
    comparison = compare_results(scored[0], scored[1], own)
    if json:
        typer.echo(json_text(comparison.to_record()))
    else:
        stdout_console().print(_table(comparison))
    raise typer.Exit(EXIT_SOME_FAILED if comparison.n_failed else EXIT_OK)


def _score(
    model: str,
    paths: Iterable[Path],
    *,
    device: str,
    n_decoders: int | None,
    limit: int | None,
) -> "Scored":
    """One model over all tracks; its loading is not timed."""
    from tagger.api import Tagger
    from tagger.library.selection import WalkOptions
    from tagger.review.compare import Scored
    from tagger.scan.options import ScanOptions
    from tagger.settings.model_overrides import rules_of

    console = stderr_console()
    with Tagger(model, device=device, state=False, n_decoders=n_decoders) as tagger:
        console.print(f"Scoring with {sanitise(tagger.spec.name)} ...", markup=False)
        # `append`: every track is scored and decided, whatever its tags say.
        options = ScanOptions(score_all=True, policy="append")
        started, results = time.monotonic(), {}
        for result in tagger.scan(paths, options, walk=WalkOptions(limit=limit)):
            results[result.path.resolve()] = result
        seconds = time.monotonic() - started
        rules = rules_of(tagger.settings, tagger.spec)
        return Scored(spec=tagger.spec, rules=rules, results=results, seconds=seconds)


def _table(comparison: "Comparison") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(caption=_caption(comparison), caption_justify="left")
    table.add_column("")
    for figures in comparison.models:
        table.add_column(escape(sanitise(figures.name)), justify="right")

    def row(title: str, values: Mapping[int, str]) -> None:
        table.add_row(title, values[0], values[1])

    every = dict(enumerate(comparison.models))
    row("genres", {i: str(figures.n_labels) for i, figures in every.items()})
    row("tracks a second", {i: f"{figures.tracks_per_s:.1f}" for i, figures in every.items()})
    row(
        "tracks with a sure genre",
        {i: _share(figures.n_chosen, comparison.n_tracks) for i, figures in every.items()},
    )
    row(
        "first label right",
        {i: _share(figures.n_first_right, figures.n_own) for i, figures in every.items()},
    )
    row(
        "sure genre right",
        {i: _share(figures.n_written_right, figures.n_written) for i, figures in every.items()},
    )
    return table


def _caption(comparison: "Comparison") -> str:
    n_own = comparison.models[0].n_own
    failed = f" {comparison.n_failed} not scored." if comparison.n_failed else ""
    return (
        f"{comparison.n_tracks} tracks; the first labels agree on"
        f" {_share(comparison.n_same_first, comparison.n_tracks)}. Right: by the {n_own} tracks"
        f" whose own genre means a label of both models.{failed}"
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%} of {whole}" if whole else "-"
