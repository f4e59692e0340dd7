"""Options of `scan`, several of which other commands over files have as well."""

from pathlib import Path
from typing import Annotated

import typer

from tagger.cli.help import LISTEN, RUN, SHOW, WHAT

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
