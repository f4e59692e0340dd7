"""What an audit found, as tables for people."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.review.findings import TO_MEND, Audit, Audited, Variant
from tagger.text import counted, sanitise, text_of

SHOWN = 20
_TITLES = {
    "disagrees": ("Disagrees with the model", "the most certain first"),
    "empty": ("No genre", "the model's genres would be written"),
    "numeric": ("A number instead of a genre", ""),
    "placeholder": ("A placeholder", ""),
}


def show_audit(console: Console, audit: Audit, *, limit: int | None) -> None:
    """Print all sections that have something in them, then the summary.

    Args:
        console: where.
        audit: what was found.
        limit: rows a section; None for all.
    """
    for finding, (title, note) in _TITLES.items():
        rows = [file for file in audit.files if file.finding == finding]
        if rows:
            _files(console, f"{title} ({len(rows)})", note, rows, limit)
    if failed := [file for file in audit.files if file.finding == "failed"]:
        _failed(console, failed, limit)
    if audit.variants:
        _variants(console, audit.variants, limit)
    if audit.unknown:
        _unknown(console, audit.unknown, limit)
    _summary(console, audit.files)


def _table(console: Console, title: str, note: str, *columns: str) -> Table:
    console.print(Text.assemble((title, "bold"), ("   " + note if note else "", "dim")))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        justify = "right" if column in {"certain", "files"} else "left"
        # A path that is cut off cannot be copied.
        overflow = "fold" if column in {"file", "reason"} else "ellipsis"
        table.add_column(column, justify=justify, overflow=overflow)  # type: ignore[arg-type]
    return table


def _files(
    console: Console, title: str, note: str, rows: Sequence[Audited], limit: int | None
) -> None:
    table = _table(console, title, note, "certain", "model says", "file says", "file")
    for row in rows[:limit]:
        predicted = (
            f"{row.predicted} {row.predicted_score:.2f}" if row.predicted else "nothing sure"
        )
        table.add_row(
            f"{row.certainty:.2f}" if row.predicted else "",
            Text(sanitise(predicted), "cyan" if row.predicted else "dim"),
            Text(sanitise(", ".join(row.result.previous)), "yellow"),
            Text(sanitise(text_of(row.result.path))),
        )
    _end(console, table, len(rows), limit)


def _failed(console: Console, rows: Sequence[Audited], limit: int | None) -> None:
    table = _table(console, f"Could not be read ({len(rows)})", "", "file", "reason")
    for row in rows[:limit]:
        path = text_of(row.result.path)
        reason = text_of(row.result.reason or "").removeprefix(f"{path}: ")
        table.add_row(Text(sanitise(path)), Text(sanitise(reason)))
    _end(console, table, len(rows), limit)


def _variants(console: Console, variants: Sequence[Variant], limit: int | None) -> None:
    title = f"Spelled in several ways ({len(variants)})"
    table = _table(console, title, "", "keep", "spellings")
    for variant in variants[:limit]:
        spellings = ", ".join(f"{sanitise(name)} {count}" for name, count in variant.spellings)
        table.add_row(Text(sanitise(variant.suggested), "cyan"), Text(spellings))
    _end(console, table, len(variants), limit)


def _unknown(console: Console, unknown: Counter[str], limit: int | None) -> None:
    title = f"Genres that the model does not know ({len(unknown)})"
    note = "[aliases] or [tree] of the settings can say what they are"
    table = _table(console, title, note, "files", "genre")
    for genre, count in unknown.most_common(limit):
        table.add_row(str(count), Text(sanitise(genre)))
    _end(console, table, len(unknown), limit)


def _end(console: Console, table: Table, n_rows: int, limit: int | None) -> None:
    console.print(table)
    if limit is not None and n_rows > limit:
        console.print(f"[dim]and {n_rows - limit} more; --all shows them[/]")
    console.print()


def _summary(console: Console, files: Sequence[Audited]) -> None:
    counts = Counter(file.finding for file in files)
    summary = ", ".join(f"{finding} {count}" for finding, count in counts.most_common())
    n_to_mend = sum(counts[finding] for finding in TO_MEND)
    listed = counted(len(files), "file", "files")
    console.print(f"{listed}, {n_to_mend or 'none'} to correct: {summary}", highlight=False)
