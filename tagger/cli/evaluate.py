"""`tagger evaluate` and `tagger study`: what a model is worth, and why."""

from pathlib import Path
from typing import Annotated

import typer

from tagger.cli.options import (
    Config,
    Data,
    Datasets,
    Metadata,
    Partial,
    Prepared,
    Settings,
    Split,
    data_choices,
    needs_extra,
    say,
)


def evaluate(
    model: Annotated[Path, typer.Argument(help="best.pt of a run, or an exported .onnx.")],
    dataset: Datasets = None,
    data: Data = Path("data"),
    split: Split = "test",
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with pictures.")
    ] = None,
    metadata: Metadata = None,
    partial: Partial = False,
    prepared: Prepared = Path("prepared"),
    option: Settings = None,
) -> None:
    """Measure a checkpoint or a model on a split of a data set."""
    with needs_extra():
        from train.evaluation.evaluate import evaluate_model, show_json, show_table, write_page
        from train.fit.run import parse_overrides
    overrides = {
        **data_choices(dataset, metadata, partial=partial),
        **parse_overrides(option or []),
    }
    places = {"data": data, "prepared": prepared}
    found = evaluate_model(model, overrides, split=split, say=say, **places)
    if html is not None:
        write_page(found, html)
    typer.echo(show_json(found) if json else show_table(found))


def study(
    name: Annotated[
        str, typer.Argument(metavar="compare|length|rare|transfer|features|distil")
    ],
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="RUN|MODEL...", help="What is studied.")
    ] = None,
    dataset: Datasets = None,
    data: Data = Path("data"),
    split: Split = "valid",
    out: Annotated[Path, typer.Option(help="For table, JSON and picture.")] = Path(
        "runs/study"
    ),
    label: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="DATA=MODEL", help="Which label of the data is which."),
    ] = None,
    config: Config = None,
    metadata: Metadata = None,
    partial: Partial = False,
    prepared: Prepared = Path("prepared"),
    option: Settings = None,
) -> None:
    """Answer a question that takes several runs."""
    with needs_extra():
        from train.experiments.study import Question, run_study
        from train.fit.run import parse_overrides
    question = Question(
        paths=paths or [],
        overrides={
            **data_choices(dataset, metadata, partial=partial),
            **parse_overrides(option or []),
        },
        config_path=config,
        data=data,
        prepared=prepared,
        split=split,
        labels={one: str(other) for one, other in parse_overrides(label or []).items()},
        out=out,
        say=say,
    )
    typer.echo(run_study(name, question))
