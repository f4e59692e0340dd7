"""A scan of objects on the command line: `tagger scan s3://bucket/prefix --results DEST`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.help import OBJECTS
from tagger.errors import InputError

if TYPE_CHECKING:
    from tagger.cluster.run import ObjectScan

Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="local|auto|ray://HOST:PORT",
        help="Where Ray runs.",
        show_default="local, started for this scan",
        rich_help_panel=OBJECTS,
    ),
]
ResultsOption = Annotated[
    str | None,
    typer.Option(
        "--results",
        metavar="DEST",
        help="Where rows go: a folder or s3:// for Parquet, or postgresql://.",
        rich_help_panel=OBJECTS,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the results that are there: what has a row is passed.",
        rich_help_panel=OBJECTS,
    ),
]
Actors = Annotated[
    int | None,
    typer.Option(
        "--actors",
        min=1,
        help="Processes that hold a model.",
        show_default="one a core of the cluster",
        rich_help_panel=OBJECTS,
    ),
]
PartLen = Annotated[
    int,
    typer.Option(
        "--part-size",
        min=1,
        max=100_000,
        metavar="N",
        help="Objects whose rows make one part of the results.",
        rich_help_panel=OBJECTS,
    ),
]
MaxObject = Annotated[
    int,
    typer.Option(
        "--max-object",
        min=1,
        metavar="MiB",
        help="The largest object that is copied to a temporary file.",
        rich_help_panel=OBJECTS,
    ),
]
UnsafeOverwrite = Annotated[
    bool,
    typer.Option(
        "--unsafe-overwrite",
        help="Write also where the store knows no conditional put.",
        rich_help_panel=OBJECTS,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """A scan of objects, as it was typed. A group of options."""

    cluster: Cluster = None
    results: ResultsOption = None
    resume: Resume = False
    actors: Actors = None
    part_size: PartLen = 256
    max_object: MaxObject = 2048
    unsafe_overwrite: UnsafeOverwrite = False

    def are_asked(self, paths: Sequence[object]) -> bool:
        """Whether the scan is one of objects: a URL, or options that only such a scan has."""
        given = (self.cluster, self.results, self.actors, self.resume, self.unsafe_overwrite)
        return any("://" in str(one) for one in paths) or any(given)

    def source(self, paths: Sequence[object]) -> str:
        """The one place that is scanned.

        Raises:
            InputError: there are several, or nobody said where results go.
        """
        if len(paths) != 1:
            raise InputError("a scan of objects takes one URL or folder at a time.")
        if self.results is None:
            raise InputError(
                f"{paths[0]}: say where the results go: --results FOLDER, --results"
                " s3://BUCKET/PREFIX or --results postgresql://HOST/DATABASE."
            )
        return str(paths[0])

    def asked(self, **others: object) -> "ObjectScan":
        """The same for `tagger.cluster.run`.

        Args:
            others: further fields of `ObjectScan`.

        Raises:
            MissingExtraError: what it needs is not installed.
        """
        from tagger.cluster.run import ObjectScan

        given: dict[str, object] = {
            "cluster": self.cluster or "local",
            "n_actors": self.actors,
            "part_len": self.part_size,
            "max_len": self.max_object << 20,
            "resume": self.resume,
            **others,
        }
        return ObjectScan(**given)  # type: ignore[arg-type]
