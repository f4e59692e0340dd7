"""What was learned, as tables for people and as records for programs."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.genres.choose import NEVER
from tagger.scan.results import TrackResult
from tagger.text import sanitise, text_of

if TYPE_CHECKING:
    from tagger.learning.learn import LabelRow
    from tagger.learning.run import Lesson
    from tagger.learning.suspicions import Suspicion
    from tagger.learning.vocabulary import LeftOut
    from tagger.state.corrections import Correction

SHOWN = 20
_LEGEND = (
    "AP: average precision. right: of the tracks that would get it, those that have it. found:"
    " of those that have it, those that would get it. from: the least score that is written."
)
_NUMBERS = frozenset({
    "tracks", "artists", "AP", "chance", "right", "found", "from", "certain"
})  # fmt: skip


def show_lesson(console: Console, lesson: "Lesson", *, limit: int | None = SHOWN) -> None:
    """Print what was learned, what was not, and which tags look wrong.

    Args:
        console: where.
        lesson: what came of `tagger learn`.
        limit: rows of what is not learned, or looks wrong; None for all.
    """
    learned = lesson.learned
    _labels(console, learned.rows)
    if learned.left_out:
        _left_out(console, learned.left_out, limit)
    if learned.suspicions:
        _suspicions(console, learned.suspicions, limit)
    for line in _summary(lesson):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def lesson_record(lesson: "Lesson") -> dict[str, Any]:
    """The same as JSON types."""
    learned = lesson.learned
    return {
        "model": text_of(lesson.written.path),
        "labels": [_row_record(row) for row in learned.rows],
        "left_out": [asdict(label) for label in learned.left_out],
        "suspicions": [
            {
                **asdict(suspicion),
                "path": text_of(suspicion.path),
                "genres": list(suspicion.genres),
            }
            for suspicion in learned.suspicions
        ],
        "figures": dict(learned.figures),
        "parity": lesson.written.parity,
    }


def suspicion_results(
    suspicions: Iterable["Suspicion"], *, field: str
) -> Iterator[TrackResult]:
    """Tags that look wrong as rows of a report that `tagger apply` takes.

    Args:
        suspicions: what looks wrong.
        field: the tag that was learned.
    """
    for suspicion in suspicions:
        yield TrackResult(
            path=suspicion.path,
            status="proposed",
            genres=(suspicion.suggested,),
            previous=suspicion.genres,
            scores={suspicion.suggested: round(suspicion.score, 4)},
            reason=f"disagrees: {suspicion.suggested} {suspicion.score:.2f}, and"
            f" {suspicion.own_score:.2f} for {', '.join(suspicion.genres)}",
            field=field,
        )


def correction_record(correction: "Correction") -> dict[str, Any]:
    """A decision of the owner as JSON types."""
    return {**asdict(correction), "path": text_of(correction.path)}


def show_corrections(console: Console, corrections: Sequence["Correction"]) -> None:
    """Print what was decided about which file."""
    table = _table("number", "by", "is", "is not", "file")
    for correction in corrections:
        cells = (
            str(correction.id),
            correction.origin,
            ", ".join(correction.genres),
            ", ".join(correction.denied),
        )
        table.add_row(*(Text(sanitise(text)) for text in (*cells, text_of(correction.path))))
    console.print(table)


def _row_record(row: "LabelRow") -> dict[str, Any]:
    """NaN has no place in JSON."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in asdict(row).items()
    }


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        justify = "right" if column in _NUMBERS else "left"
        overflow = "fold" if column in {"file", "because"} else "ellipsis"
        table.add_column(column, justify=justify, overflow=overflow)  # type: ignore[arg-type]
    return table


def _labels(console: Console, rows: Sequence["LabelRow"]) -> None:
    console.print(
        Text.assemble(
            (f"Labels ({len(rows)})", "bold"),
            ("   measured on artists that were held out", "dim"),
        )
    )
    names = ("label", "tracks", "artists", "AP", "chance", "right", "found", "from")
    table = _table(*names, "taken for")
    for row in rows:
        confused = ", ".join(f"{label} {share:.0%}" for label, share in row.confused_with)
        table.add_row(
            Text(sanitise(row.label), "cyan"),
            str(row.n_tracks),
            str(row.n_artists),
            _precision_of(row),
            f"{row.prior:.2f}",
            "" if math.isnan(row.precision) else f"{row.precision:.0%}",
            f"{row.recall:.0%}",
            "never" if row.threshold >= NEVER else f"{row.threshold:.2f}",
            Text(sanitise(confused), "dim"),
        )
    console.print(table)
    console.print(f"[dim]{_LEGEND}[/]", soft_wrap=True)
    console.print()


def _precision_of(row: "LabelRow") -> str:
    if row.interval is None:
        return f"{row.average_precision:.2f}"
    low, high = row.interval.low, row.interval.high
    return f"{row.average_precision:.2f} ({low:.2f}-{high:.2f})"


def _left_out(console: Console, left_out: Sequence["LeftOut"], limit: int | None) -> None:
    console.print(Text(f"Not learned ({len(left_out)})", "bold"))
    table = _table("label", "tracks", "because")
    for label in left_out[:limit]:
        table.add_row(
            Text(sanitise(label.label)), str(label.n_tracks), Text(sanitise(label.reason))
        )
    _end(console, table, len(left_out), limit)


def _suspicions(console: Console, suspicions: Sequence["Suspicion"], limit: int | None) -> None:
    console.print(
        Text.assemble(
            (f"Tags that look wrong ({len(suspicions)})", "bold"),
            ("   the most certain first", "dim"),
        )
    )
    table = _table("certain", "sounds like", "file says", "file")
    for suspicion in suspicions[:limit]:
        table.add_row(
            f"{suspicion.certainty:.2f}",
            Text(sanitise(f"{suspicion.suggested} {suspicion.score:.2f}"), "cyan"),
            Text(
                sanitise(f"{', '.join(suspicion.genres)} {suspicion.own_score:.2f}"), "yellow"
            ),
            Text(sanitise(text_of(suspicion.path))),
        )
    _end(console, table, len(suspicions), limit)


def _end(console: Console, table: Table, n_rows: int, limit: int | None) -> None:
    console.print(table)
    if limit is not None and n_rows > limit:
        console.print(f"[dim]and {n_rows - limit} more; --all shows them[/]")
    console.print()


def _summary(lesson: "Lesson") -> Iterator[str]:
    figures: Mapping[str, float] = lesson.learned.figures
    rows = lesson.learned.rows
    yield (
        f"{len(rows)} label{'' if len(rows) == 1 else 's'} learned from"
        f" {figures['n_tracks']:.0f} tracks by {figures['n_artists']:.0f} artists: mean average"
        f" precision"
        f" {figures['macro_average_precision']:.2f} ({figures['macro_prior']:.2f} is chance)."
    )
    # A model that writes nothing is said to do so: a scan with it would look broken.
    unsure = [row.label for row in rows if row.threshold >= NEVER]
    if len(unsure) == len(rows):
        yield (
            "None of them is right often enough to be written: a scan shows their scores, and"
            " proposes nothing. More tracks, or clearer labels, may help."
        )
    else:
        yield (
            f"Of artists that it does not know, {figures['share_of_tracks_written']:.0%} of"
            f" tracks would get a label, and {figures['written_right']:.0%} of these labels"
            " are right."
        )
    if 0 < len(unsure) < len(rows):
        yield f"Not right often enough to be written: {sanitise(', '.join(unsure))}."
    name = lesson.written.spec.name
    yield f"Written to {text_of(lesson.written.path)}: `tagger scan --model {name}` uses it."
