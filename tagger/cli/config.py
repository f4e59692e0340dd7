"""`tagger config`: the owner's settings, shown, found and begun."""

from typing import Annotated

import typer

from tagger.cli.scan_options import JsonObject, Set
from tagger.errors import InputError
from tagger.text import json_text, sanitise

config = typer.Typer(
    name="config",
    help="Your settings: the names of genres, which are written.",
    no_args_is_help=True,
)


@config.command()
def show(setting: Set = None, json: JsonObject = False) -> None:
    """Show the settings in force, as TOML, each with the place it comes from."""
    from tagger.settings.config import load_settings
    from tagger.settings.show import as_record, as_toml

    settings = load_settings(setting or ())
    for notice in settings.notices:
        typer.echo(sanitise(f"{notice}."), err=True)
    if json:
        typer.echo(json_text(as_record(settings)))
        return
    typer.echo(as_toml(settings), nl=False)


@config.command()
def path() -> None:
    """Print where the settings' file is, or would be."""
    from tagger.settings.config import config_path

    file = config_path()
    typer.echo(sanitise(str(file)))
    if not file.exists():
        typer.echo("It does not exist yet; `tagger config init` makes it.", err=True)


@config.command()
def init(
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that is there already.")
    ] = False,
) -> None:
    """Write a file of settings in which everything is a comment, to be edited."""
    from tagger.settings.config import EXAMPLE, config_path

    file = config_path()
    if file.exists() and not force:
        raise InputError(f"{file}: it is there already; edit it, or add --force to replace it.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file}: cannot be written ({error.strerror}).") from error
    typer.echo(sanitise(str(file)))
