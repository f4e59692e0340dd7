"""`tagger evaluate` and `tagger study`: what a model is worth, and why."""

from pathlib import Path
from typing import Annotated

import typer

from tagger.cli.grouped import grouped
from tagger.cli.options import (
    Config,
    Datasets,
    Recordings,
    Settings,
    Split,
    needs_extra,
    say,
)
from tagger.cli.scan_options import JsonObject

Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="best.pt of a run, an exported .onnx, or a model's name."
    ),
]
Page = Annotated[
    Path | None, typer.Option(metavar="FILE.html", help="Write a page with pictures.")
]
Study = Annotated[
    str,
    typer.Argument(
        metavar="compare|length|rare|transfer|bodies|features|distil",
        help="The question; docs/studies.md shows what each answers.",
    ),
]
Studied = Annotated[
    list[Path] | None, typer.Argument(metavar="RUN|MODEL|BODY...", help="What is studied.")
]
Seeds = Annotated[int, typer.Option(min=1, help="Runs of each body, for bodies.")]
Out = Annotated[Path, typer.Option(help="For table, JSON and picture.")]
LabelMap = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="DATA=MODEL", help="Which label of the data is which of the model."
    ),
]


@grouped
def evaluate(
    model: Model,
    dataset: Datasets = None,
    split: Split = "test",
    json: JsonObject = False,
    html: Page = None,
    *,
    recordings: Recordings,
    option: Settings = None,
) -> None:
    """Measure a checkpoint or a model on a split of a data set."""
    with needs_extra("`tagger evaluate`", "train"):
        from train.config.config import parse_overrides
        from train.evaluation.evaluate import evaluate_model, show_json, show_table, write_page
    overrides = {**recordings.choices(dataset), **parse_overrides(option or [])}
    places = {"data": recordings.data, "prepared": recordings.prepared}
    figures = evaluate_model(_file_of(model), overrides, split=split, say=say, **places)
    if html is not None:
        write_page(figures, html)
    typer.echo(show_json(figures) if json else show_table(figures))


def _file_of(model: Path) -> Path:
    """A file as it is; a single word that is none is a model's name, as in `--model`.

    Raises:
        ModelError: no model has this name.
    """
    from tagger.model.catalogue import CHECKPOINT, find_model

    is_word = model.parent == Path() and model.suffix.lower() not in {CHECKPOINT, ".onnx"}
    return find_model(str(model)) if is_word and not model.exists() else model


@grouped
def study(
    name: Study,
    paths: Studied = None,
    dataset: Datasets = None,
    split: Split = "valid",
    out: Out = Path("runs/study"),
    label: LabelMap = None,
    seeds: Seeds = 1,
    config: Config = None,
    *,
    recordings: Recordings,
    option: Settings = None,
) -> None:
    """Answer a question that takes several runs."""
    with needs_extra("`tagger study`", "train"):
        from train.config.config import parse_overrides
        from train.experiments.study import Question, run_study
    question = Question(
        paths=paths or [],
        overrides={**recordings.choices(dataset), **parse_overrides(option or [])},
        config_path=config,
        data=recordings.data,
        prepared=recordings.prepared,
        split=split,
        labels={
            override: str(other) for override, other in parse_overrides(label or []).items()
        },
        out=out,
        say=say,
        n_seeds=seeds,
    )
    typer.echo(run_study(name, question))
