"""Options in groups: what typer sees, and what the command gets."""

import inspect
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from tagger.cli.grouped import grouped

Colour = Annotated[str, typer.Option("--colour", help="Which.")]


@dataclass(frozen=True, kw_only=True)
class Paint:
    """A group."""

    colour: Colour = "red"
    coats: int = 1


@grouped
def paint(wall: Annotated[str, typer.Argument()], what: Paint, *, dry: bool = False) -> None:
    """Paint a wall."""
    typer.echo(f"{wall} {what} {dry}")


def test_fields_of_a_group_stand_in_its_place():
    """In the signature, which parser and documents read, and in order."""
    shown = inspect.signature(paint).parameters
    assert list(shown) == ["wall", "colour", "coats", "dry"]
    assert shown["colour"].annotation is Colour
    assert (shown["coats"].default, shown["wall"].default) == (1, inspect.Parameter.empty)
    assert paint.__doc__ == "Paint a wall."


def test_the_command_gets_one_object():
    """With what was typed, and defaults for the rest."""
    app = typer.Typer()
    app.command()(paint)
    done = CliRunner().invoke(app, ["north", "--colour", "blue", "--dry"])
    assert done.output.strip() == f"north {Paint(colour='blue')} True"
