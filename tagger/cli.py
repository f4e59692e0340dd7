"""The command line's root: which commands there are, and what an error becomes.

The composition root: the only module that imports `train` and `export`, inside the commands
that need them. Heavy imports live inside the commands, so that `tagger --help` is instant.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tagger.cli_bench import bench, engine
from tagger.cli_config import config
from tagger.cli_desk import apply, audit
from tagger.cli_models import doctor, models
from tagger.cli_options import Config, Data, Datasets, Metadata, Partial, Prepared, Settings
from tagger.cli_predict import predict
from tagger.cli_scan import EXIT_INTERRUPTED, EXIT_NOT_STARTED, one_of, scan
from tagger.errors import InputError, MissingExtraError, TaggerError
from tagger.plain import visible

app = typer.Typer(
    name="tagger",
    help="Listens to music and writes what it hears into the files.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(scan)
app.command()(predict)
app.command()(audit)
app.command()(apply)
app.command()(models)
app.command()(doctor)
app.command()(bench)
app.command()(engine)
app.add_typer(config)


def _version(wanted: bool) -> None:
    if wanted:
        from tagger import __version__

        typer.echo(f"tagger {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command()
def train(
    config: Config = None,
    dataset: Datasets = None,
    data: Data = Path("data"),
    features: Annotated[str | None, typer.Option(help="Front end.  [default: mel]")] = None,
    body: Annotated[str | None, typer.Option(help="Architecture.  [default: cnn-lstm]")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random choice.")] = None,
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/run"),
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Fine-tune: keep this checkpoint's body, learn a new head."
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with an interrupted run.")
    ] = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same weights twice.")
    ] = False,
    gpu_memory_fraction: Annotated[
        float | None, typer.Option(min=0.01, max=1.0, help="Of the GPU's memory, at most.")
    ] = None,
    metadata: Metadata = None,
    partial: Partial = False,
    prepared: Prepared = Path("prepared"),
    option: Settings = None,
) -> None:
    """Fit a tagger: OUT/best.pt is what `tagger export` turns into a model."""
    try:
        from train.run import parse_overrides, resume_training, run_training
    except ModuleNotFoundError as error:
        raise _extra(error) from error
    overrides = {
        "datasets": dataset or None,
        "features": features,
        "body": body,
        "fit.epochs": epochs,
        "fit.deterministic": deterministic or None,
        "fit.gpu_memory_fraction": gpu_memory_fraction,
        "metadata": str(metadata) if metadata else None,
        "partial": partial or None,
        "seed": seed,
        **parse_overrides(option or []),
    }
    if resume is not None:
        resume_training(resume, overrides, say=_say)
        return
    run_training(
        config,
        overrides,
        data=data,
        out=out,
        say=_say,
        start_from=start_from,
        prepared=prepared,
    )


@app.command()
def prepare(
    dataset: Annotated[
        str, typer.Option(help="A data set of recordings, as mtat or fma:small.")
    ],
    data: Data = Path("data"),
    config: Config = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Also write spectrograms as PNG into this folder.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Decoding threads.  [default: one a core]")
    ] = None,
    metadata: Metadata = None,
    partial: Partial = False,
    prepared: Prepared = Path("prepared"),
    option: Settings = None,
) -> None:
    """Decode a data set once, so that training reads at the speed of memory."""
    try:
        from train.load import prepare_dataset
        from train.run import parse_overrides
    except ModuleNotFoundError as error:
        raise _extra(error) from error
    overrides = {
        "metadata": str(metadata) if metadata else None,
        "partial": partial or None,
        **parse_overrides(option or []),
    }
    prepare_dataset(
        dataset,
        overrides,
        config_path=config,
        data=data,
        prepared=prepared,
        pictures=pictures,
        n_jobs=jobs,
        say=_say,
    )


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="best.pt of a run, or an exported .onnx.")],
    dataset: Datasets = None,
    data: Data = Path("data"),
    split: Annotated[str, typer.Option(metavar="train|valid|test")] = "test",
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
    try:
        from train.evaluate import evaluate_model, show_json, show_table, write_page
        from train.run import parse_overrides
    except ModuleNotFoundError as error:
        raise _extra(error) from error
    overrides = {
        "datasets": dataset or None,
        "metadata": str(metadata) if metadata else None,
        "partial": partial or None,
        **parse_overrides(option or []),
    }
    places = {"data": data, "prepared": prepared}
    found = evaluate_model(model, overrides, split=split, say=_say, **places)
    if html is not None:
        write_page(found, html)
    typer.echo(show_json(found) if json else show_table(found))


@app.command()
def study(
    name: Annotated[str, typer.Argument(metavar="compare|length|rare|transfer|features")],
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="RUN|MODEL...", help="What is studied.")
    ] = None,
    dataset: Datasets = None,
    data: Data = Path("data"),
    split: Annotated[str, typer.Option(metavar="train|valid|test")] = "valid",
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
    """Answer a question that takes several runs, with a table and a picture."""
    try:
        from train.run import parse_overrides
        from train.study import Question, run_study
    except ModuleNotFoundError as error:
        raise _extra(error) from error
    overrides = {
        "datasets": dataset or None,
        "metadata": str(metadata) if metadata else None,
        "partial": partial or None,
        **parse_overrides(option or []),
    }
    question = Question(
        paths=paths or [],
        overrides=overrides,
        config_path=config,
        data=data,
        prepared=prepared,
        split=split,
        labels={one: str(other) for one, other in parse_overrides(label or []).items()},
        out=out,
        say=_say,
    )
    typer.echo(run_study(name, question))


@app.command()
def export(
    source: Annotated[Path, typer.Argument(help="best.pt of a run; with --check any .onnx.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="MODEL.onnx", help="What to make.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name in the metadata.")] = None,
    precision: Annotated[
        str, typer.Option(metavar="fp32|fp16|int8", help="Of the network's weights.")
    ] = "fp32",
    calibration: Annotated[
        Path | None, typer.Option(help="Folder of real music that sets the ranges of int8.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write the parity table there.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say what stands in the way on CUDA and TensorRT.")
    ] = False,
) -> None:
    """Turn a checkpoint into one .onnx file, after checking that it answers the same."""
    try:
        from export.run import ExportOptions, check_readiness, export_checkpoint
    except ModuleNotFoundError as error:
        raise _extra(error) from error
    from tagger.spec import PRECISIONS

    made = source
    if output is not None:
        options = ExportOptions(
            name=name,
            precision=one_of("--precision", precision, PRECISIONS),
            calibration=calibration,
            report=report,
        )
        made = export_checkpoint(source, output, options, say=_say)
    elif not check:
        raise InputError("--output MODEL.onnx is missing: say what to make, or use --check.")
    if check and check_readiness(made, say=typer.echo):
        raise typer.Exit(1)


def _extra(error: ModuleNotFoundError) -> MissingExtraError:
    return MissingExtraError(
        f"training and export need packages that are not installed ({error.name} is missing):"
        " pip install 'tagger-music[train]' brings them."
    )


def _say(line: str) -> None:
    typer.echo(line, err=True)


def main() -> None:
    """Run the command line and exit: no traceback for what the user can mend."""
    try:
        app()
    except TaggerError as error:
        lines = str(error).split("\n")  # a path in it may hold whatever a file system allows
        typer.echo("tagger: " + "\n".join(map(visible, lines)), err=True)
        sys.exit(EXIT_NOT_STARTED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # `tagger scan ... | head` has read enough
        sys.stderr.close()
        sys.exit(EXIT_INTERRUPTED)
