"""One prediction as a table with bars."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tagger.genre_rules import fold
from tagger.plain import text_of, visible
from tagger.scan import TrackResult
from tagger.spec import ModelSpec

BAR_LEN = 30
_EIGHTHS = " ▏▎▍▌▋▊▉"


def prediction(
    result: TrackResult, spec: ModelSpec, *, threshold: float | None
) -> RenderableType:
    """What was heard in one file, what would be written, and what it holds now."""
    length = "" if result.duration_s is None else f"  [dim]{_minutes(result.duration_s)}[/]"
    parts: list[RenderableType] = [
        _marked(f"[bold]{escape(visible(text_of(result.path)))}[/]{length}")
    ]
    if result.scores is not None:
        parts.append(_bars(result.scores, result.genres, spec, threshold=threshold))
    now = ", ".join(result.previous) or "no genre"
    would = {
        "proposed": f"would write: [bold cyan]{escape(visible(', '.join(result.genres)))}[/]",
        "unchanged": "would change nothing: it holds these genres already",
    }.get(result.status)
    reason = text_of(result.reason or "").removeprefix(f"{text_of(result.path)}: ")
    style = "red" if result.status == "failed" else "yellow"
    parts.append(_marked(would or f"[{style}]{result.status}[/]: {escape(visible(reason))}"))
    if result.status != "failed":
        parts.append(_marked(f"[dim]the file has: {escape(visible(now))}[/]"))
    return Group(*parts, "")


def _marked(markup: str) -> Text:
    """Text with styles; a name such as `:skull:` stays one."""
    return Text.from_markup(markup, emoji=False)


def _bars(
    scores: dict[str, float],
    genres: tuple[str, ...],
    spec: ModelSpec,
    *,
    threshold: float | None,
) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_column(width=BAR_LEN)
    table.add_column(justify="right")
    table.add_column(style="dim")
    written = {fold(genre) for genre in genres}
    for label, score in scores.items():
        needed = spec.thresholds[label] if threshold is None else threshold
        style = "bold cyan" if fold(label) in written else ("" if score >= needed else "dim")
        note = "" if score >= needed else f"under {needed:.2f}"
        table.add_row(
            Text(visible(label), style), Text(_bar(score), style), f"{score:.2f}", note
        )
    return table


def _bar(score: float) -> str:
    eighths = round(score * BAR_LEN * 8)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8].strip())


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
