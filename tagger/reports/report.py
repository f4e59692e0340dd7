"""Results -> what people and programs read: JSON lines, CSV, text lines, a summary table."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from rich.markup import escape
from rich.table import Table

from tagger.errors import InputError
from tagger.genres.target_fields import GENRE
from tagger.model.spec import ModelSpec
from tagger.reports.html import HtmlReport
from tagger.scan.results import STATUSES, Status, TrackResult
from tagger.text import cell_text, json_text, sanitise, text_of

FIELDS = (
    "path", "status", "genres", "previous", "scores", "duration_s", "reason", "field", "second"
)  # fmt: skip
SECOND_COLUMNS = ("second_field", "second", "second_previous")
SEPARATOR = "; "
REPORT_SUFFIXES = (".csv", ".jsonl", ".html")

_STYLES = {
    "proposed": "cyan",
    "written": "green",
    "unchanged": "dim",
    "kept": "dim",
    "abstained": "yellow",
    "skipped": "yellow",
    "failed": "red",
}
QUIET_STATUSES: frozenset[Status] = frozenset({"unchanged", "kept", "abstained"})
"""Of these a line is printed only where every file has one."""


def to_record(result: TrackResult) -> dict[str, Any]:
    """The fields of one result as JSON types, in their fixed order.

    `others` stands behind them where the model has labels that are no genres.
    """
    return {
        "path": text_of(result.path),
        "status": result.status,
        "genres": list(result.genres),
        "previous": list(result.previous),
        "scores": result.scores,
        "duration_s": None if result.duration_s is None else round(result.duration_s, 3),
        "reason": None if result.reason is None else _reason(result),
        "field": result.field,
        "second": _second_record(result),
        **({} if result.others is None else {"others": result.others}),
    }


def _reason(result: TrackResult) -> str:
    """Why, without the name of the file, which stands beside it; "" if there is no reason."""
    return text_of(result.reason or "").removeprefix(f"{text_of(result.path)}: ")


def _second_record(result: TrackResult) -> dict[str, Any] | None:
    if result.second is None:
        return None
    return {
        "field": result.second.name,
        "values": list(result.second.values),
        "previous": list(result.second.previous),
    }


def to_json(result: TrackResult) -> str:
    """One JSON object on one line; file names keep their letters."""
    return json_text(to_record(result))


class Report(Protocol):
    """A file that takes results one by one.

    Attributes:
        takes_findings: it shows what an audit says of every file.
    """

    takes_findings: bool

    def add(self, result: TrackResult, *, finding: str = "") -> None:
        """Append one result; it is on its way to the disk when this returns."""


class _JsonLines:
    takes_findings = False

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def add(self, result: TrackResult, *, finding: str = "") -> None:  # noqa: ARG002
        self.file.write(to_json(result) + "\n")
        self.file.flush()


class _Csv:
    """One row a track: lists are joined, `score` is that of the best label."""

    takes_findings = False

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.writer = csv.writer(file, lineterminator="\n")
        self.writer.writerow(
            [*FIELDS[:4], "best_label", "score", "scores", *FIELDS[5:-1], *SECOND_COLUMNS]
        )

    def add(self, result: TrackResult, *, finding: str = "") -> None:  # noqa: ARG002
        record = to_record(result)
        # Scores are sorted, so the first one is what the file would get.
        best, score = next(iter((result.scores or {}).items()), ("", ""))
        self.writer.writerow(
            [
                cell_text(record["path"]),
                record["status"],
                cell_text(SEPARATOR.join(result.genres)),
                cell_text(SEPARATOR.join(result.previous)),
                cell_text(best),
                score,
                "" if result.scores is None else json_text(result.scores),
                record["duration_s"],
                cell_text(record["reason"] or ""),
                cell_text(result.field),
                *_second_cells(result),
            ]
        )
        self.file.flush()


def _second_cells(result: TrackResult) -> list[str]:
    if (second := result.second) is None:
        return [""] * len(SECOND_COLUMNS)
    lists = (SEPARATOR.join(second.values), SEPARATOR.join(second.previous))
    return [cell_text(name) for name in (second.name, *lists)]


@contextmanager
def open_report(
    path: Path, *, spec: ModelSpec | None = None, threshold: float | None = None
) -> Iterator[Report]:
    """Open a report for writing; its suffix says which kind it is.

    Args:
        path: the file.
        spec: of the model; the page names it and its thresholds.
        threshold: one threshold for all labels instead of the model's own.

    Raises:
        InputError: the suffix is unknown, or the file cannot be made.
    """
    suffix = path.suffix.lower()
    if suffix not in REPORT_SUFFIXES:
        suffixes = " or ".join(REPORT_SUFFIXES)
        raise InputError(f"{path}: a report ends in {suffixes}; choose one of them.")
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"{path}: the report cannot be written ({error.strerror}).") from error
    with file:
        if suffix == ".html":
            with HtmlReport(file, spec, threshold=threshold) as page:
                yield page
        else:
            yield _Csv(file) if suffix == ".csv" else _JsonLines(file)


def line_of(result: TrackResult, *, verbose: bool) -> str | None:
    """One line of rich markup for people, or None when there is nothing they must know."""
    if (parts := _parts(result, verbose=verbose)) is None:
        return None
    style = _STYLES[result.status]
    path, remark = map(escape, parts)
    return f"[{style}]{result.status:<9}[/] {path}  [{style}]{remark}[/]"


def plain_line_of(result: TrackResult, *, verbose: bool) -> str | None:
    """The same line without markup, for a file or a pipe; made in a tenth of the time."""
    if (parts := _parts(result, verbose=verbose)) is None:
        return None
    path, remark = parts
    return f"{result.status:<9} {path}  {remark}"


def _parts(result: TrackResult, *, verbose: bool) -> tuple[str, str] | None:
    """The path, and what is said of it, both harmless for a terminal."""
    if result.status in QUIET_STATUSES and not verbose:
        return None
    shown = _shown(result) if result.status in {"proposed", "written"} else ""
    nothing = "(no genre)" if result.status in {"proposed", "written"} else ""
    remark = text_of(shown) or _reason(result) or nothing
    path = text_of(result.path)
    if verbose and result.scores:
        best = ", ".join(f"{label} {score:.2f}" for label, score in _first(result.scores, 3))
        remark = f"{remark} [{best}]" if remark else f"[{best}]"
    return sanitise(path), sanitise(remark)


def _shown(result: TrackResult) -> str:
    """What is written; the second field is named, and the first unless it is the genre."""
    values = {"" if result.field == GENRE else f"{result.field}: ": result.genres}
    if result.second is not None:
        values[f"{result.second.name}: "] = result.second.values
    return "; ".join(f"{name}{', '.join(texts)}" for name, texts in values.items() if texts)


def _first(scores: dict[str, float], n: int) -> list[tuple[str, float]]:
    return list(scores.items())[:n]


class Tally:
    """What a scan has seen so far; its size does not grow with the library."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.genres: Counter[str] = Counter()
        self.audio_s = 0.0

    def add(self, result: TrackResult) -> None:
        """Count one result."""
        self.statuses[result.status] += 1
        self.audio_s += result.duration_s or 0.0
        if result.status in {"proposed", "written"}:
            self.genres.update(result.genres)

    def add_passed(self, counts: Mapping[str, int]) -> None:
        """Count files that became what they became before."""
        self.statuses.update(counts)

    @property
    def n_tracks(self) -> int:
        """Files that are done."""
        return sum(self.statuses.values())

    def table(self, *, elapsed_s: float, meanings: Mapping[Status, str] | None = None) -> Table:
        """The summary at the end of a scan.

        Args:
            elapsed_s: how long it took.
            meanings: what stands beside a status where it is not what a scan means by it.
        """
        told = {**_MEANING, **(meanings or {})}
        table = Table(title="Summary", title_justify="left", show_header=False)
        table.add_column(style="bold")
        table.add_column(justify="right")
        table.add_column(style="dim")
        for status in STATUSES:
            if count := self.statuses[status]:
                table.add_row(f"[{_STYLES[status]}]{status}[/]", str(count), told[status])
        rate = self.n_tracks / elapsed_s if elapsed_s > 0 else 0.0
        table.add_row("files", str(self.n_tracks), f"in {elapsed_s:.1f} s, {rate:.1f} a second")
        if self.genres:
            common = ", ".join(f"{genre} {n}" for genre, n in self.genres.most_common(8))
            table.add_row("genres", str(sum(self.genres.values())), escape(sanitise(common)))
        return table


_MEANING: dict[Status, str] = {
    "proposed": "would be written",
    "written": "changed on disk",
    "unchanged": "have these genres already",
    "kept": "have a genre, left as it is",
    "abstained": "not sure enough, left as they are",
    "skipped": "left alone on purpose",
    "failed": "could not be read or written",
}
