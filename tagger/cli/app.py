"""The command line's root: which commands there are, and what an error becomes.

The composition root is this module with those of the commands beside it. Of these only
`train`, `evaluate` and `models_add` import `train` and `export`. Heavy imports live inside the
commands, so that `tagger --help` is instant.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from tagger.cli.bench import bench, engine
from tagger.cli.config import config
from tagger.cli.console import EXIT_INTERRUPTED, EXIT_NOT_STARTED, EXIT_SOME_FAILED
from tagger.cli.evaluate import evaluate, study
from tagger.cli.formats import formats
from tagger.cli.help import LIBRARY, MACHINE, TRAINING, Root, help_of
from tagger.cli.learn import learn
from tagger.cli.models import doctor, models
from tagger.cli.predict import predict
from tagger.cli.review import apply, audit
from tagger.cli.scan import scan
from tagger.cli.serve import serve
from tagger.cli.similar import duplicates, similar
from tagger.cli.train import export, prepare, train
from tagger.cli.undo import runs, undo
from tagger.cli.watch import watch
from tagger.errors import InputError, StoppedError, TaggerError
from tagger.text import sanitise

app = typer.Typer(
    name="tagger",
    cls=Root,
    help="Listens to music and writes what it hears into the files.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    LIBRARY: (
        scan,
        watch,
        predict,
        audit,
        apply,
        learn,
        similar,
        duplicates,
        runs,
        undo,
        serve,
    ),
    MACHINE: (formats, doctor, bench, engine),
    TRAINING: (train, prepare, evaluate, study, export),
}
for _section, _commands in COMMANDS.items():
    for _command in _commands:
        app.command(rich_help_panel=_section, help=help_of(_command))(_command)
app.add_typer(config, rich_help_panel=LIBRARY)
app.add_typer(models, rich_help_panel=MACHINE)


def _version(is_asked: bool) -> None:
    if is_asked:
        from tagger.system.version import __version__

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


def _check_options(arguments: Sequence[str]) -> None:
    """Refuse what the parser would print as it stands: a file's name taken for an option."""
    for argument in arguments:
        if argument == "--":
            return
        if argument.startswith("-") and sanitise(argument) != argument:
            raise InputError(
                f"{argument}: there is no such option; put -- in front of file names."
            )


def main() -> None:
    """Run the command line and exit: no traceback for what the user can mend."""
    try:
        _check_options(sys.argv[1:])
        app()
    except TaggerError as error:
        lines = str(error).split("\n")  # a path in it may hold whatever a file system allows
        typer.echo("tagger: " + "\n".join(map(sanitise, lines)), err=True)
        is_begun = isinstance(error, StoppedError)
        sys.exit(EXIT_SOME_FAILED if is_begun else EXIT_NOT_STARTED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # `tagger scan ... | head` has read enough
        # Python would complain of the pipe once more when it flushes at its exit.
        sys.stderr.close()
        sys.exit(EXIT_INTERRUPTED)
