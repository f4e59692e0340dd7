"""How files are changed: options that `scan` and `apply` share, laid over the settings."""

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.help import WRITE
from tagger.cli.options import one_of
from tagger.text import sanitise

if TYPE_CHECKING:
    from tagger.settings.config import Settings
    from tagger.writing.safe_write import WriteOptions

# Settings of the same names; as options they are read for one more version.
Id3Version = Annotated[str | None, typer.Option("--id3v2-version", hidden=True)]
Separator = Annotated[str | None, typer.Option("--id3v23-separator", hidden=True)]
WavInfo = Annotated[bool, typer.Option("--wav-info", hidden=True)]
Mp4Compat = Annotated[bool, typer.Option("--mp4-compat", hidden=True)]

KeepMtime = Annotated[
    bool,
    typer.Option(
        "--keep-mtime",
        help="Keep modification times; media servers then miss the change.",
        rich_help_panel=WRITE,
    ),
]
Hardlinks = Annotated[
    str,
    typer.Option(
        "--hardlinks",
        metavar="skip|write",
        help="Files with hard links: leave them, or break the link and write this name.",
        rich_help_panel=WRITE,
    ),
]


def writing_settings(
    given: Sequence[str] | None,
    *,
    id3v2_version: str | None,
    id3v23_separator: str | None,
    wav_info: bool,
    mp4_compat: bool,
) -> list[str]:
    """These options as settings of the command line, behind those of `--set`.

    Each of them is told once what it is called now.
    """
    renamed = []
    if id3v2_version is not None:
        version = one_of("--id3v2-version", id3v2_version, ("keep", "3", "4"))
        renamed.append(f"id3v2_version={version}")
    if id3v23_separator is not None:
        renamed.append(f"id3v23_separator={json.dumps(id3v23_separator)}")
    renamed += ["wav_info=true"] * wav_info + ["mp4_compat=true"] * mp4_compat
    for setting in renamed:
        option = "--" + setting.partition("=")[0].replace("_", "-")
        said = f"{option} is a setting now: write --set {shlex.quote(setting)}"
        typer.echo(sanitise(f"{said}; the next version no longer takes it."), err=True)
    return [*(given or ()), *renamed]


def writing_of(settings: "Settings", *, keep_mtime: bool, hardlinks: str) -> "WriteOptions":
    """How the settings and the options want files to be changed."""
    from tagger.scan import from_settings
    from tagger.writing.safe_write import HARDLINKS

    return from_settings.writing_of(
        settings,
        keep_mtime=keep_mtime,
        hardlinks=one_of("--hardlinks", hardlinks, HARDLINKS),
    )
