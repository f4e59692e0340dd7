"""How `tagger --help` looks: the commands by what they are for, shown at once."""

import inspect
from collections.abc import Callable
from typing import Any

from typer.core import TyperGroup

LIBRARY, MACHINE, TRAINING = "Your library", "This machine", "A model of your own"
SECTIONS = (LIBRARY, MACHINE, TRAINING)

WHAT, LISTEN, WRITE, RUN, PAST, SHOW, OBJECTS = (
    "What to do",
    "How to listen",
    "How to write",
    "Where to run",
    "What is remembered",
    "What is shown",
    "Objects in a store",
)
"""Panels of a command's own help, for the options of the commands over files."""


def help_of(command: Callable[..., None]) -> str:
    """The docstring of a command as rich shows it: lines joined, brackets kept."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    # In rich's markup a word in brackets is a style: `[serve]` would not be shown.
    return "\n\n".join(" ".join(part.split()) for part in paragraphs).replace("[", r"\[")


class Root(TyperGroup):
    """The command without a name.

    Its help is plain text: rich's panels cost as much time as all the rest of the start, and
    this is the page that people see first. The commands' own help has them.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page without rich."""
        self.rich_markup_mode = None
        super().format_help(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, section by section, each with the first line of its help."""
        room = formatter.width - 6 - max(map(len, self.list_commands(ctx)))
        for section in SECTIONS:
            rows = [
                (name, command.get_short_help_str(room))
                for name, command in self.commands.items()
                if (getattr(command, "rich_help_panel", None) or LIBRARY) == section
            ]
            with formatter.section(section):
                formatter.write_dl(rows)
