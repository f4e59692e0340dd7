"""`tagger models` and `tagger doctor`: what is there, and what would be used."""

from typing import Annotated

import typer

from tagger.cli.help import help_of
from tagger.cli.models_add import add
from tagger.cli.models_compare import compare
from tagger.text import json_text

models = typer.Typer(
    name="models",
    help="List, add and compare models.",
    invoke_without_command=True,
)
models.command(help=help_of(add))(add)
models.command(help=help_of(compare))(compare)


@models.callback()
def list_models(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a model.")] = False,
) -> None:
    """List, add and compare models."""
    if context.invoked_subcommand is not None:
        return
    from tagger.model.cards import read_cards, show_cards

    cards = read_cards()
    if json:
        for card in cards:
            typer.echo(json_text(card.to_record()))
        return
    show_cards(cards)


def doctor(
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what is installed and what auto would use."""
    from tagger.diagnostics.doctor import examine, show

    findings = examine()
    if json:
        typer.echo(json_text(findings.to_record()))
        return
    show(findings)
