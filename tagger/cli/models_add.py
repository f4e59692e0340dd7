"""`tagger models add`: a public model becomes one that can be named."""

from pathlib import Path
from typing import Annotated

import typer

from tagger.cli.options import say
from tagger.text import sanitise

Name = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="musicnn, msd-vgg, ...; or a file.")
]
Origin = Annotated[
    Path | None,
    typer.Option("--from", metavar="PATH", help="Your copy of the published file."),
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch it from its published address.")
]
LabelThreshold = Annotated[
    float,
    typer.Option(min=0.01, max=1.0, help="Accept each of its labels from this score on."),
]
Called = Annotated[
    str | None, typer.Option("--name", help="What a file becomes.", show_default="its own")
]
Vocabulary = Annotated[
    str | None,
    typer.Option(metavar="msd|mtat|jamendo", help="The tags of a file of weights."),
]
Metadata = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="Classes of a network.", show_default="beside it"),
]
Backbone = Annotated[
    Path | None,
    typer.Option(metavar="FILE.onnx", help="The network whose embedding a head takes."),
]
AcceptLicence = Annotated[
    bool,
    typer.Option("--accept-licence", help="You accept that it forbids commercial use."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a model of the same name.")]


def add(
    name: Name,
    origin: Origin = None,
    download: Download = False,
    threshold: LabelThreshold = 0.3,
    called: Called = None,
    vocabulary: Vocabulary = None,
    metadata: Metadata = None,
    backbone: Backbone = None,
    accept_licence: AcceptLicence = False,
    force: Force = False,
) -> None:
    """Make a public model one of yours: checked against the original, with labels and licence.

    Its weights are read from your copy: the installed package, the published file, or a file
    of weights. Nothing is downloaded without --download.
    """
    from export.public.add import AddOptions, add_public
    from export.public.add_file import add_file
    from export.public.registry import source_of_file

    file = Path(name)
    source = source_of_file(file.name)
    if source is not None and file.is_file():
        name, origin = source.name, file
    options = AddOptions(
        origin=origin,
        download=download,
        name=called,
        vocabulary=vocabulary,
        threshold=threshold,
        force=force,
        metadata=metadata,
        backbone=backbone,
        accepts_licence=accept_licence,
    )
    if source is None and (file.suffix or file.parent != Path()):
        made = [add_file(file, options, say=say)]
    else:
        made = add_public(name, options, say=say)
    for path in made:
        typer.echo(sanitise(str(path)))
