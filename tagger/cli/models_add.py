"""`tagger models add`: a public model becomes one that can be named."""

from pathlib import Path
from typing import Annotated

import typer

from tagger.cli.options import say
from tagger.text import sanitise


def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="musicnn, msd-vgg, ...; or a file.")
    ],
    origin: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="Your copy of the published file."),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch it from its published address.")
    ] = False,
    threshold: Annotated[
        float,
        typer.Option(min=0.01, max=1.0, help="Accept each of its labels from this score on."),
    ] = 0.3,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a model of the same name.")
    ] = False,
) -> None:
    """Make a public model one of yours: checked against the original, with labels and licence.

    Its weights are read from your copy: the installed package, or the published file. Nothing
    is downloaded without --download.
    """
    from export.public.add import AddOptions, add_public

    options = AddOptions(origin=origin, download=download, threshold=threshold, force=force)
    for path in add_public(name, options, say=say):
        typer.echo(sanitise(str(path)))
