"""The command line's root: which commands there are, and what an error becomes.

The composition root: the only module that imports `train` and `export`, inside the commands
that need them. Heavy imports live inside the commands, so that `tagger --help` is instant.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tagger.cli_bench import bench, engine
from tagger.cli_models import doctor, models
from tagger.cli_scan import EXIT_INTERRUPTED, EXIT_NOT_STARTED, one_of, predict, scan
from tagger.errors import InputError, MissingExtraError, TaggerError

app = typer.Typer(
    name="tagger",
    help="Listens to music and writes what it hears into the files.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(scan)
app.command()(predict)
app.command()(models)
app.command()(doctor)
app.command()(bench)
app.command()(engine)


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
    config: Annotated[
        Path | None, typer.Option(help="A YAML file; the other options lie over it.")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="What to learn from; may be given more than once.")
    ] = None,
    data: Annotated[Path, typer.Option(help="The folder that holds the datasets.")] = Path(
        "data"
    ),
    features: Annotated[str | None, typer.Option(help="Front end.  [default: mel]")] = None,
    body: Annotated[str | None, typer.Option(help="Architecture.  [default: cnn-lstm]")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random choice.")] = None,
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/run"),
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="Any field, as in fit.batch_size=16."
        ),
    ] = None,
) -> None:
    """Fit a tagger: OUT/best.pt is what `tagger export` turns into a model."""
    try:
        from train.run import parse_overrides, run_training
    except ModuleNotFoundError as error:
        raise _extra(error) from error
    overrides = {
        "datasets": dataset or None,
        "features": features,
        "body": body,
        "fit.epochs": epochs,
        "seed": seed,
        **parse_overrides(option or []),
    }
    run_training(config, overrides, data=data, out=out, say=_say)


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
        typer.echo(f"tagger: {error}", err=True)
        sys.exit(EXIT_NOT_STARTED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # `tagger scan ... | head` has read enough
        sys.stderr.close()
        sys.exit(EXIT_INTERRUPTED)
