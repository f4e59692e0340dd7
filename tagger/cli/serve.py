"""`tagger serve`: the library and uploads over HTTP, on a page."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import EXIT_OK, stderr_console
from tagger.cli.options import needs_extra
from tagger.text import sanitise

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.service.options import ServeOptions


Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[FOLDER]", help="The library; none for uploads only."),
]
Host = Annotated[str | None, typer.Option(help="Address.", show_default="127.0.0.1")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port; 0: a free one.", show_default="8000")
]
Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="postgresql+psycopg://... or sqlite:///FILE."),
]
Objects = Annotated[
    str | None,
    typer.Option(metavar="URL|FOLDER", help="Of uploads: s3://BUCKET?endpoint=URL, ..."),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Of the service.", show_default="the user's data folder"
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=0, max=64, help="Processes that scan.", show_default="1")
]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="Who may ask: NAME SCOPES SECRET."),
]
Model = Annotated[str | None, typer.Option(help="Name or file.", show_default="default")]
Device = Annotated[
    str | None, typer.Option(metavar="auto|cpu|cuda|tensorrt", help="As for `scan`.")
]
State = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The journal.", show_default="the user's own"),
]


def serve(
    folder: Folder = None,
    host: Host = None,
    port: Port = None,
    database: Database = None,
    objects: Objects = None,
    data: Data = None,
    workers: Workers = None,
    token_file: TokenFile = None,
    model: Model = None,
    device: Device = None,
    state: State = None,
) -> None:
    """Show a library on a page: listen, correct, write, undo.

    Options are read from TAGGER_SERVE_... variables and the table [serve] of config.toml, too.
    Without FOLDER it takes uploads only. Ends with Ctrl+C.
    """
    console = stderr_console()
    gc.disable()  # until it listens: a tenth of the start would be spent on finding no garbage
    with needs_extra("`tagger serve`", "service"):
        from tagger.service.options import serve_options
        from tagger.service.serving import run_service
    from tagger.settings.config import load_settings

    given = {
        "folder": folder, "host": host, "port": port, "database": database, "objects": objects,
        "data": data, "workers": workers, "token_file": token_file, "model": model,
        "device": device, "state": state,
    }  # fmt: skip
    options = serve_options(given, configured=load_settings().serve)
    run_service(options, on_ready=lambda url: _say(console, options, url))
    raise typer.Exit(EXIT_OK)


def _say(console: "Console", options: "ServeOptions", url: str) -> None:
    shown = options.folder if options.folder is not None else "uploads only"
    text = sanitise(f"tagger serves {shown} at {url}  (documents: {url}/docs; Ctrl+C ends it)")
    console.print(text, markup=False, highlight=False, soft_wrap=True)
