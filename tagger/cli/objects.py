"""A scan of objects on the command line: `tagger scan s3://bucket/prefix --results DEST`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.help import OBJECTS
from tagger.cli.options import needs_extra
from tagger.cli.walk import Exclude, Files, Limit
from tagger.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.api import Tagger
    from tagger.cli.device import Where
    from tagger.cli.state import Past
    from tagger.scan.options import ScanOptions

Places = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Files and folders, or the URL of a bucket."),
]
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
class Sources:
    """What is scanned, as it was typed. A group of options."""

    paths: Places
    limit: Limit = None
    exclude: Exclude = None

    def files(self) -> Files:
        """The same as files and folders."""
        paths = [Path(path) for path in self.paths]
        return Files(paths=paths, limit=self.limit, exclude=self.exclude)


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

    def are_asked(self, sources: Sources) -> bool:
        """Whether the scan is one of objects: a URL, or options that only such a scan has."""
        given = (self.cluster, self.results, self.actors, self.resume, self.unsafe_overwrite)
        return any("://" in path for path in sources.paths) or any(given)

    def check(self, sources: Sources, *, past: "Past", where: "Where", report: object) -> None:
        """Refuse what such a scan has not, before anything is opened.

        Raises:
            InputError: there are several paths, nobody said where results go, or an option is
                one of a scan of files.
        """
        if len(sources.paths) != 1:
            raise InputError("a scan of objects takes one URL or folder at a time.")
        if self.results is None:
            raise InputError(self._without_results(sources.paths[0]))
        if past.state is not None or past.no_state or report is not None:
            raise InputError(
                "--state, --no-state and --report are of a scan of files: of one of objects all"
                " that is remembered and reported lies in --results."
            )
        if where.device not in {"auto", "cpu"}:
            raise InputError(
                f"--device {where.device}: objects are scored on CPUs; leave it out."
            )

    def _without_results(self, path: str) -> str:
        """What is said where nobody said where results go; it names what asked for them."""
        where = (
            "say where the results go: --results FOLDER, --results s3://BUCKET/PREFIX or"
            " --results postgresql://HOST/DATABASE"
        )
        if "://" in path:
            return f"{path}: {where}."
        given = {
            "--resume": self.resume,
            "--cluster": self.cluster,
            "--actors": self.actors,
            "--unsafe-overwrite": self.unsafe_overwrite,
        }
        asked = next(option for option, value in given.items() if value)
        plain = (
            "leave it out for a scan of files, which remembers by itself what it has heard"
            if asked == "--resume"
            else "leave it out for a scan of files"
        )
        return f"{asked} is of a scan of objects: {where}; or {plain}."

    def scan(
        self,
        tagger: "Tagger",
        sources: Sources,
        options: "ScanOptions",
        *,
        console: "Console",
        quiet: bool,
        **others: object,
    ) -> int:
        """Scan the objects of a place; returns the exit code.

        Args:
            tagger: gives the model and the settings.
            sources: what is scanned.
            options: what is decided.
            console: for progress and problems.
            quiet: no progress and no summary.
            others: further fields of `ObjectScan`.

        Raises:
            MissingExtraError: what it needs is not installed.
            StartError, StoppedError: as for `tagger.cluster.run.scanning`.
        """
        with needs_extra("a scan of objects", "cluster"):
            from tagger.cli.scan_objects import scan_objects
            from tagger.cluster.run import ObjectScan
        given: dict[str, object] = {
            "cluster": self.cluster or "local",
            "n_actors": self.actors,
            "part_len": self.part_size,
            "max_len": self.max_object << 20,
            "resume": self.resume,
            "unsafe_overwrite": self.unsafe_overwrite,
            "limit": sources.limit,
            "exclude": sources.exclude or (),
            **others,
        }
        asked = ObjectScan(**given)  # type: ignore[arg-type]
        (source,), results = sources.paths, self.results or ""
        return scan_objects(
            tagger, source, options, asked, results=results, console=console, quiet=quiet
        )
