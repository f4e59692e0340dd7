"""One prediction as a table with bars."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tagger.genres.choose import NEVER, is_sure
from tagger.genres.rules import fold
from tagger.model.spec import ModelSpec
from tagger.scan.results import TrackResult
from tagger.text import sanitise, text_of

BAR_LEN = 30
SHOWN, SHOWN_OTHERS = 8, 3
"""Labels of a kind that are shown, sure or not; of genres, and of moods and the like."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


def prediction(
    result: TrackResult, spec: ModelSpec, *, threshold: float | None, everything: bool = False
) -> RenderableType:
    """The scores of one file, what would be written, and what it has now.

    Args:
        result: of that file.
        spec: of the model.
        threshold: one threshold for all labels instead of the model's own.
        everything: show all labels; otherwise what is sure, and the best of the rest.
    """
    length = "" if result.duration_s is None else f"  [dim]{_minutes(result.duration_s)}[/]"
    parts: list[RenderableType] = [
        _marked(f"[bold]{escape(sanitise(text_of(result.path)))}[/]{length}")
    ]
    if result.scores is not None:
        parts.append(_bars(result, spec, threshold=threshold, everything=everything))
    now = ", ".join(result.previous) or "no genre"
    # A scan keeps a genre unless it is told otherwise; a file without one gets these anyway.
    writes = "--policy replace would write" if result.previous else "would write"
    would = {
        "proposed": f"{writes}: [bold cyan]{escape(sanitise(', '.join(result.genres)))}[/]",
        "unchanged": "would change nothing: it has these genres already",
    }.get(result.status)
    reason = text_of(result.reason or "").removeprefix(f"{text_of(result.path)}: ")
    style = "red" if result.status == "failed" else "yellow"
    parts.append(_marked(would or f"[{style}]{result.status}[/]: {escape(sanitise(reason))}"))
    if result.status != "failed":
        parts.append(_marked(f"[dim]the file has: {escape(sanitise(now))}[/]"))
    return Group(*parts, "")


def _marked(markup: str) -> Text:
    """Text with styles; a name such as `:skull:` stays one."""
    return Text.from_markup(markup, emoji=False)


def _bars(
    result: TrackResult, spec: ModelSpec, *, threshold: float | None, everything: bool
) -> Table:
    """A row a label: genres, then each other kind that the model knows under its name."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_column(width=BAR_LEN)
    table.add_column(justify="right")
    table.add_column(style="dim")
    written = {fold(name) for name in result.genres}
    n_left_out = 0
    for kind, scores in {"": result.scores or {}, **(result.others or {})}.items():
        if kind:
            table.add_row(Text(kind, "dim italic"))
        sure = {
            label
            for label, score in scores.items()
            if is_sure(label, score, spec, threshold=threshold)
        }
        most = SHOWN_OTHERS if kind else SHOWN
        for rank, (label, score) in enumerate(scores.items()):
            if rank >= most and label not in sure and not everything:
                n_left_out += 1
                continue
            unsure = "" if label in sure else "dim"
            style = "bold cyan" if not kind and fold(label) in written else unsure
            note = "" if label in sure else _lacks(label, spec, threshold)
            table.add_row(
                Text(sanitise(label), style), Text(_bar(score), style), f"{score:.2f}", note
            )
    if n_left_out:
        table.add_row("", Text(f"{n_left_out} less sure; --all shows them", "dim"))
    return table


def _lacks(label: str, spec: ModelSpec, threshold: float | None) -> str:
    needed = spec.thresholds[label] if threshold is None else threshold
    return (
        "is never written" if threshold is None and needed >= NEVER else f"under {needed:.2f}"
    )


def _bar(score: float) -> str:
    eighths = round(score * BAR_LEN * 8)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8].strip())


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
