"""Options of `scan`, several of which other commands over files have as well."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.help import LISTEN, RUN, SHOW, WHAT
from tagger.cli.options import one_of

if TYPE_CHECKING:
    from tagger.scan.options import ScanOptions
    from tagger.scan.records import ListenOptions

Full = Annotated[
    bool, typer.Option("--full", help="Listen to all of each track.", rich_help_panel=LISTEN)
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        help="Decoding threads.",
        show_default="one a core",
        rich_help_panel=RUN,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        min=0.0,
        max=1.0,
        help="Accept a label from this score on.",
        show_default="the model's",
        rich_help_panel=WHAT,
    ),
]
Top = Annotated[
    int | None,
    typer.Option(
        "--top",
        min=1,
        help="The most genres that a track gets.",
        show_default="3",
        rich_help_panel=WHAT,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting, as in `tagger config show`.",
        rich_help_panel=WHAT,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON object a track on stdout.", rich_help_panel=SHOW),
]
JsonObject = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
PolicyChoice = Annotated[
    str,
    typer.Option(
        "--policy",
        metavar="fill|append|replace",
        help="What to do with genres that a file already has.",
        rich_help_panel=WHAT,
    ),
]
WriteTags = Annotated[
    bool,
    typer.Option(
        "--write-tags",
        help="Change the files; without it nothing is written.",
        rich_help_panel=WHAT,
    ),
]
ScoreAll = Annotated[
    bool,
    typer.Option(
        "--score-all",
        help="Listen also to tracks that keep their genre.",
        rich_help_panel=LISTEN,
    ),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        "--time-limit",
        min=1.0,
        metavar="S",
        help="Give up a file that yields no audio for so long, in seconds.",
        rich_help_panel=LISTEN,
    ),
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv|.jsonl|.html",
        help="Write all results there.",
        rich_help_panel=SHOW,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show failures only.", rich_help_panel=SHOW)
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="A line for each file, with its scores.",
        rich_help_panel=SHOW,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class What:
    """What a scan does, as it was typed. A group of options."""

    write_tags: WriteTags = False
    policy: PolicyChoice = "fill"
    top: Top = None
    threshold: Threshold = None
    setting: Set = None

    def options(self) -> "ScanOptions":
        """The same for `Tagger.scan`.

        Raises:
            InputError: there is no such policy.
        """
        from tagger.genres.choose import POLICIES
        from tagger.scan.options import ScanOptions

        return ScanOptions(
            write=self.write_tags,
            policy=one_of("--policy", self.policy, POLICIES),
            top=self.top,
            threshold=self.threshold,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """How tracks are listened to, as it was typed. A group of options."""

    full: Full = False
    score_all: ScoreAll = False
    time_limit: TimeLimit = 60.0

    def options(self) -> "ListenOptions":
        """The same for `Tagger.scan`, but for `score_all`."""
        from tagger.scan.records import ListenOptions

        return ListenOptions(full=self.full, limit_s=self.time_limit)
