"""`tagger formats`: which containers can be listened to, read and written."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from tagger.diagnostics.formats import Format


def formats(
    json: Annotated[bool, typer.Option("--json", help="One JSON object a container.")] = False,
) -> None:
    """List the containers: who decodes them, which tags they have."""
    from tagger.diagnostics.formats import formats as all_formats

    containers = all_formats()
    if json:
        from tagger.text import json_text

        for container in containers:
            typer.echo(json_text(container.to_record()))
        return
    from rich.console import Console

    Console().print(_table(containers))


def _table(containers: "list[Format]") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("container", "files", "decoded by", "tags read", "tags written"):
        table.add_column(title, overflow="fold")
    table.add_column("several genres, notes", overflow="fold")
    for container in containers:
        notes = "; ".join(
            part.rstrip(".") for part in (container.several, container.note) if part
        )
        table.add_row(
            container.container,
            " ".join(container.suffixes),
            ", ".join(container.decoders) or "nobody",
            ", ".join(container.reads) or "none",
            container.writes or "none",
            notes,
        )
    return table
