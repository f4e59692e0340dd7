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

    console = Console()
    notes = list(dict.fromkeys(note for container in containers for note in _notes(container)))
    console.print(_table(containers, notes))
    console.print()
    for number, note in enumerate(notes, start=1):
        console.print(f"({number}) {note}", highlight=False, markup=False)


def _notes(container: "Format") -> list[str]:
    several = container.several and f"several genres: {container.several}"
    return [part.rstrip(".") for part in (several, container.note) if part]


def _table(containers: "list[Format]", notes: list[str]) -> "Table":
    """A row a container; what is said of many of them stands below, once."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("container", "files", "decoded by", "tags read", "tags written"):
        table.add_column(title, overflow="fold")
    table.add_column("notes", no_wrap=True)
    for container in containers:
        table.add_row(
            container.container,
            " ".join(container.suffixes),
            ", ".join(container.decoders) or "nobody",
            ", ".join(container.reads) or "none",
            container.writes or "none",
            " ".join(f"({notes.index(note) + 1})" for note in _notes(container)),
        )
    return table
