"""How files are changed: options that `scan` and `apply` share, laid over the settings."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.options import one_of

if TYPE_CHECKING:
    from tagger.settings.config import Settings
    from tagger.writing.safe_write import WriteOptions

Id3Version = Annotated[
    str | None,
    typer.Option("--id3v2-version", metavar="keep|3|4", help="Of ID3 tags that are written."),
]
Separator = Annotated[
    str | None,
    typer.Option(
        "--id3v23-separator", metavar="TEXT", help="Joins genres in ID3v2.3.  [default: '; ']"
    ),
]
WavInfo = Annotated[
    bool, typer.Option("--wav-info", help="Add RIFF INFO with the genre to a WAV without it.")
]
Mp4Compat = Annotated[
    bool, typer.Option("--mp4-compat", help="Join several genres in one MP4 value.")
]

KeepMtime = Annotated[
    bool,
    typer.Option(
        "--keep-mtime", help="Leave the time of a file; media servers then miss the change."
    ),
]
Hardlinks = Annotated[
    str,
    typer.Option(
        "--hardlinks",
        metavar="skip|write",
        help="Files with several names: leave them, or part this name from the others.",
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
    """These options as settings of the command line, behind those of `--set`."""
    found = list(given or ())
    if id3v2_version is not None:
        version = one_of("--id3v2-version", id3v2_version, ("keep", "3", "4"))
        found.append(f"id3v2_version={version}")
    if id3v23_separator is not None:
        found.append(f"id3v23_separator={json.dumps(id3v23_separator)}")
    found += ["wav_info=true"] * wav_info + ["mp4_compat=true"] * mp4_compat
    return found


def writing_of(settings: "Settings", *, keep_mtime: bool, hardlinks: str) -> "WriteOptions":
    """How the settings and the options want files to be changed."""
    from tagger.scan import from_settings
    from tagger.writing.safe_write import HARDLINKS

    return from_settings.writing_of(
        settings,
        keep_mtime=keep_mtime,
        hardlinks=one_of("--hardlinks", hardlinks, HARDLINKS),
    )
