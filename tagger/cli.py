"""The command line's root: which commands there are, and what an error becomes.

The composition root: the only module that imports `train` and `export`, inside the commands
that need them. Heavy imports live inside the commands, so that `tagger --help` is instant.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tagger.cli_config import config
from tagger.cli_desk import apply, audit
from tagger.cli_models import doctor, models
from tagger.cli_predict import predict
from tagger.cli_scan import EXIT_INTERRUPTED, EXIT_NOT_STARTED, scan
from tagger.errors import MissingExtraError, TaggerError
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
    checkpoint: Annotated[Path, typer.Argument(help="best.pt of a run.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL.onnx")],
    name: Annotated[str | None, typer.Option(help="Name in the metadata.")] = None,
) -> None:
    """Turn a checkpoint into one .onnx file, after checking that it answers the same."""
    try:
        from export.run import export_checkpoint
    except ModuleNotFoundError as error:
        raise _extra(error) from error
    export_checkpoint(checkpoint, output, name=name, say=_say)


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
