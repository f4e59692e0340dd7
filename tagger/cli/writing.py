"""How files are changed: options that `scan` and `apply` share, laid over the settings."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.help import WRITE
from tagger.cli.options import one_of
from tagger.text import sanitise

if TYPE_CHECKING:
    from tagger.settings.config import Settings
    from tagger.writing.options import WriteOptions

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How files are changed, as it was typed. A group of options."""

    keep_mtime: KeepMtime = False
    hardlinks: Hardlinks = "skip"
    id3v2_version: Id3Version = None
    id3v23_separator: Separator = None
    wav_info: WavInfo = False
    mp4_compat: Mp4Compat = False

    def settings(self, given: Sequence[str] | None) -> "Settings":
        """The owner's settings, under `--set` and those of these options that are settings.

        Each of them is told once what it is called now.
        """
        from tagger.settings.config import load_settings

        renamed = self._renamed()
        for setting in renamed:
            option = "--" + setting.partition("=")[0].replace("_", "-")
            now = f"{option} is a setting now: write --set {shlex.quote(setting)}"
            typer.echo(sanitise(f"{now}; the next version no longer takes it."), err=True)
        return load_settings([*(given or ()), *renamed])

    def options(self, settings: "Settings") -> "WriteOptions":
        """How the settings and the options want files to be changed.

        Raises:
            InputError: there is no such way to treat hard links.
        """
        from tagger.scan import from_settings
        from tagger.writing.options import HARDLINKS

        return from_settings.writing_of(
            settings,
            keep_mtime=self.keep_mtime,
            hardlinks=one_of("--hardlinks", self.hardlinks, HARDLINKS),
        )

    def _renamed(self) -> list[str]:
        """The options that are settings, as `--set` takes them."""
        renamed = []
        if self.id3v2_version is not None:
            version = one_of("--id3v2-version", self.id3v2_version, ("keep", "3", "4"))
            renamed.append(f"id3v2_version={version}")
        if self.id3v23_separator is not None:
            renamed.append(f"id3v23_separator={json.dumps(self.id3v23_separator)}")
        renamed += ["wav_info=true"] * self.wav_info + ["mp4_compat=true"] * self.mp4_compat
        return renamed
