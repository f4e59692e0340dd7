"""Options that the commands for training, measuring and studying share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from tagger.errors import InputError, MissingExtraError
from tagger.text import sanitise

T = TypeVar("T", bound=str)

Config = Annotated[
    Path | None, typer.Option(help="A YAML file; the other options override it.")
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(help="A data set, as mtat or mtat:all; may be given more than once."),
]
Data = Annotated[Path, typer.Option(help="The folder that holds the data.")]
Metadata = Annotated[
    Path | None, typer.Option(help="The folder of a data set's tables, if elsewhere.")
]
Partial = Annotated[bool, typer.Option("--partial", help="Continue without missing clips.")]
Prepared = Annotated[Path, typer.Option(help="Where decoded recordings are kept.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Any field, as in fit.batch_size=16."),
]
Split = Annotated[
    str, typer.Option(metavar="train|valid|test", help="Which clips of the data set.")
]


def one_of(option: str, value: str, allowed: Sequence[T]) -> T:
    """The known value that `value` is.

    Raises:
        InputError: it is none of them.
    """
    for name in allowed:
        if name == value:
            return name
    raise InputError(f"{option} {value}: choose one of {', '.join(allowed)}.")


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Around imports of what not everybody installs: says how to install what is missing.

    Args:
        what: needs it, as a sentence begins.
        extra: brings it.

    Raises:
        MissingExtraError: a package of others is missing; one of our own is a defect.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("tagger"):
            raise
        raise MissingExtraError(
            f"{what} needs more packages ({error.name} is missing): pip install"
            f" 'tagger-music[{extra}]' brings them."
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """Where recordings come from, as it was typed. A group of options."""

    data: Data = Path("data")
    metadata: Metadata = None
    partial: Partial = False
    prepared: Prepared = Path("prepared")

    def choices(self, datasets: Sequence[str] | None = None) -> dict[str, Any]:
        """The fields of the configuration that say it; None is no choice."""
        return {
            "datasets": list(datasets) if datasets else None,
            "metadata": str(self.metadata) if self.metadata else None,
            "partial": self.partial or None,
        }


def say(line: str) -> None:
    """Progress and problems: to stderr."""
    typer.echo("\n".join(map(sanitise, line.split("\n"))), err=True)
