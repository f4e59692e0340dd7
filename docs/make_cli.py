"""Writes `docs/cli.md` from the program's own help: `python docs/make_cli.py`.

A test compares the two, so that the page is what the program says. Read are the signatures of
the commands: how typer builds its parser differs from version to version.
"""

import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from tagger.cli.app import app

PAGE = Path(__file__).with_name("cli.md")
HEAD = """# Every command and option

Made by `python docs/make_cli.py` from the program's own help: `tagger COMMAND --help`.
"""
OTHER = "Options"


class Parameter(NamedTuple):
    """An option or argument of a command: its typer description, type, name and default."""

    info: Any
    kind: Any
    name: str
    default: Any

    @property
    def options(self) -> tuple[str, ...]:
        """How it is typed; empty for an argument."""
        if isinstance(self.info, typer.models.ArgumentInfo):
            return ()
        # Inside Annotated the first name stands where typer keeps a default otherwise.
        given = (self.info.default, *(self.info.param_decls or ()))
        names = tuple(text for text in given if isinstance(text, str) and text.startswith("-"))
        return names or (f"--{self.name.replace('_', '-')}",)

    @property
    def value(self) -> str:
        """What stands for its value; empty for a switch."""
        if self.kind is bool:
            return ""
        words = {int: "N", float: "X", Path: "PATH", str: "TEXT"}
        return str(self.info.metavar or words.get(self.kind, "VALUE"))

    @property
    def panel(self) -> str:
        """The group in which it is shown."""
        return self.info.rich_help_panel or OTHER


def commands(group: typer.Typer = app, above: str = "tagger") -> Iterator[tuple[str, Any]]:
    """Each command with its whole name, groups of commands opened."""
    for command in group.registered_commands:
        if command.callback is not None:
            yield f"{above} {command.name or command.callback.__name__}", command.callback
    for below in group.registered_groups:
        name = below.name or below.typer_instance.info.name
        yield from commands(below.typer_instance, f"{above} {name}")


def parameters(command: Callable[..., Any]) -> list[Parameter]:
    """What a command takes, without what its help hides."""
    hints = typing.get_type_hints(command, include_extras=True)
    given = inspect.signature(command).parameters
    rows = []
    for name, hint in hints.items():
        info = next(
            (option for option in getattr(hint, "__metadata__", ()) if hasattr(option, "help")),
            None,
        )
        if info is not None and not info.hidden:
            rows.append(Parameter(info, _kind(hint.__origin__), name, given[name].default))
    return rows


def _kind(hint: Any) -> Any:
    """The type of one value: `Path` of `list[Path] | None`."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return _kind(next(arg for arg in typing.get_args(hint) if arg is not type(None)))
    return _kind(typing.get_args(hint)[0]) if typing.get_origin(hint) is list else hint


def page() -> str:
    """The whole page."""
    return "\n".join(
        [HEAD, *(part for name, command in commands() for part in _command(name, command))]
    )


def _command(name: str, command: Callable[..., Any]) -> Iterator[str]:
    listed = parameters(command)
    arguments = [row for row in listed if not row.options]
    usage = " ".join([name, *(_argument(argument) for argument in arguments)])
    yield f"## {name}\n\n`{usage} [OPTIONS]`\n\n{inspect.getdoc(command) or ''}\n"
    for panel in dict.fromkeys(row.panel for row in listed if row.options):
        yield f"| {panel} | |\n|---|---|"
        rows = [_row(row) for row in listed if row.options and row.panel == panel]
        yield "\n".join(rows) + "\n"


def _argument(one: Parameter) -> str:
    name = str(one.info.metavar or one.name.upper())
    is_needed = one.default is inspect.Parameter.empty or name.startswith("[")
    return name if is_needed else f"[{name}]"


def _row(one: Parameter) -> str:
    """`--name VALUE`, what it does, and its default where there is one to tell."""
    value = f" {one.value}" if one.value else ""
    names = ", ".join(f"`{name}{value}`" for name in one.options)
    text = " ".join((one.info.help or "").split())
    default = one.default
    if isinstance(one.info.show_default, str):
        text += f" Default: {one.info.show_default}."
    elif default not in (None, inspect.Parameter.empty) and one.kind is not bool:
        text += f" Default: `{default}`."
    return (
        "| " + f"{names} | {text.strip()}".replace("|", "\\|").replace("\\| ", "| ", 1) + " |"
    )


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
