"""`tagger models` and `tagger doctor`: what is there, and what would be used."""

from typing import Annotated

import typer


def models(
    json: Annotated[bool, typer.Option("--json", help="One JSON object a model.")] = False,
) -> None:
    """List the models that have a name, with their cards."""
    from tagger.model_cards import read_cards, show_cards

    cards = read_cards()
    if json:
        import json as json_module

        for card in cards:
            typer.echo(json_module.dumps(card.to_record(), ensure_ascii=False))
        return
    show_cards(cards)


def doctor(
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what is here, what auto would use, and why not more."""
    from tagger.doctor import examine, show

    findings = examine()
    if json:
        import json as json_module

        typer.echo(json_module.dumps(findings.to_record(), ensure_ascii=False))
        return
    show(findings)
