"""Options that the commands for training, measuring and studying share."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None, typer.Option(help="A YAML file; the other options lie over it.")
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(help="A data set, as mtat or mtat:all; may be given more than once."),
]
Data = Annotated[Path, typer.Option(help="The folder that holds the data.")]
Metadata = Annotated[
    Path | None, typer.Option(help="The folder of a data set's tables, if elsewhere.")
]
Partial = Annotated[bool, typer.Option("--partial", help="Go on without missing clips.")]
Prepared = Annotated[Path, typer.Option(help="Where decoded recordings are kept.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Any field, as in fit.batch_size=16."),
]
