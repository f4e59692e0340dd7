"""An edited CSV report -> genres in files: each row is written, or gets its reason."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tagger.errors import InputError, TagError, TaggerError, TrackError, UnsupportedTagError
from tagger.genres.target_fields import GENRE, SecondField, asked_of, second_of
from tagger.journal.run import Writer, WriteRequest, new_run, write_unrecorded
from tagger.reports.report import SEPARATOR
from tagger.review.report_rows import Row
from tagger.scan.results import Status, TrackResult
from tagger.scan.write_results import HOLDS_THEM
from tagger.state.store import Store
from tagger.tags import TagInfo, read_tags
from tagger.tags.fields import field_named
from tagger.text import cell_text, from_cell, paths_of, sanitise
from tagger.writing.options import WriteOptions
from tagger.writing.refusals import why_skipped

_PARTED = re.compile(f"[{SEPARATOR.strip()}\r\n]")
NOT_EDITED = "it was not edited"
"""Why a row is `unchanged` whose genres are those that its report found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """What is done with the rows.

    Attributes:
        write: change files; otherwise only say what would be written.
        remove: an emptied cell removes the genre; otherwise such a row is left alone.
        writing: how files are changed.
        report: the file that the rows come from, for `tagger runs`; None if there is none.
    """

    write: bool = True
    remove: bool = False
    report: Path | None = None
    writing: WriteOptions = field(default_factory=WriteOptions)


@dataclass(frozen=True, slots=True)
class RowValues:
    """What the cells of a row ask for.

    Attributes:
        field: the tag that `genres` and `previous` are about.
        genres: what it shall hold.
        previous: what it held when the report was made.
        second: the same of a second field, if the row names one.
    """

    field: str
    genres: tuple[str, ...]
    previous: tuple[str, ...]
    second: SecondField | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields."""
        return (self.field,) if self.second is None else (self.field, self.second.name)


def apply_rows(
    rows: Iterable[Row], options: ApplyOptions, *, writer: Writer = write_unrecorded
) -> Iterator[TrackResult]:
    """Write what stands in the rows.

    Args:
        rows: as `read_rows` gives them.
        options: what to do with them.
        writer: what changes files; a `JournalledRun` has one whose changes can be undone.

    Yields:
        One result a row, in their order; never an exception for a single row.
    """
    for row in rows:
        yield _apply(row, options, writer)


def apply_in_run(
    store: Store, rows: Iterable[Row], options: ApplyOptions
) -> Iterator[TrackResult]:
    """Write what stands in the rows, in a run of its own that can be undone."""
    with new_run(store, "apply", [] if options.report is None else [options.report]) as run:
        yield from apply_rows(rows, options, writer=run.write)


def _apply(row: Row, options: ApplyOptions, writer: Writer) -> TrackResult:
    path = Path(row.cells.get("path", "?"))
    try:
        if row.problem is not None:
            raise TagError(row.problem)
        path = _existing(row.cells["path"])
        asked_for = _values_of(row.cells)
        info = read_tags(path, style=options.writing.style, fields=asked_for.fields)
        status, reason = _decide(path, info, asked_for, options)
        if status == "proposed" and options.write:
            genres, others = asked_of(asked_for.field, asked_for.genres, asked_for.second)
            if genres is not None and genres == _spelled_out(info, GENRE):
                # A report shows fewer letters than a file may have: what was not edited is not
                # rewritten.
                genres = None if info.is_consistent else info.genres
            (outcome,) = writer([WriteRequest(path, genres, options.writing, info, others)])
            if isinstance(outcome, TrackError):
                raise outcome
            status = "written" if outcome else "unchanged"
    except UnsupportedTagError as error:
        return TrackResult(path=path, status="skipped", reason=_placed(row, error))
    except (TrackError, InputError) as error:
        return TrackResult(path=path, status="failed", reason=_placed(row, error))
    now = info.values(asked_for.field)
    done = status in {"proposed", "written"}
    second = second_of(info, asked_for.second.name if asked_for.second else None)
    return TrackResult(
        path=path,
        status=status,
        genres=asked_for.genres if done else now,
        previous=now,
        reason=reason,
        field=asked_for.field,
        second=replace(second, values=asked_for.second.values)
        if done and second and asked_for.second
        else second,
    )


def _values_of(cells: Mapping[str, str]) -> RowValues:
    """What a row asks for.

    Raises:
        InputError: it names a field that cannot be one.
    """
    field = field_named(from_cell(cells.get("field", "")).strip() or GENRE).name
    genres, previous = (_genres(cells[name]) for name in ("genres", "previous"))
    second = None
    if name := from_cell(cells.get("second_field", "")).strip():
        lists = (_genres(cells.get(column, "")) for column in ("second", "second_previous"))
        second = SecondField(field_named(name).name, *lists)
        if second.name == field:
            raise InputError(f"both fields of the row are {field!r}")
    return RowValues(field, genres, previous, second)


def _decide(
    path: Path, info: TagInfo, asked_for: RowValues, options: ApplyOptions
) -> tuple[Status, str | None]:
    """(status, reason) of a row whose file was found; `proposed` is to be written."""
    second = asked_for.second
    asked = {asked_for.field: asked_for.genres} | (
        {second.name: second.values} if second else {}
    )
    was = {asked_for.field: asked_for.previous} | (
        {second.name: second.previous} if second else {}
    )
    now = {name: _spelled_out(info, name) for name in asked}
    if asked == was:
        return "unchanged", NOT_EDITED
    if asked == now and (info.is_consistent or GENRE not in asked):
        return "unchanged", HOLDS_THEM
    # Between report and file somebody else has decided: nobody is overruled unseen.
    if now not in (was, asked):
        present = ", ".join(info.values(asked_for.field)) or "no genre"
        raise TagError(f"{path}: it was changed since the report: it now has {present}")
    if not options.remove and any(was[name] and not asked[name] for name in asked):
        return "skipped", "its cell is empty; --remove would remove its genre"
    if (why := why_skipped(path, info, options.writing)) is not None:
        return "skipped", why
    return "proposed", None


def _existing(cell: str) -> Path:
    for path in paths_of(cell):
        try:
            path.lstat()
        except (OSError, ValueError):
            continue
        return path
    where = "" if Path(cell).is_absolute() else f", seen from {Path.cwd()}"
    raise TagError(f"{sanitise(cell)}: there is no such file{where}")


def _spelled_out(info: TagInfo, name: str) -> tuple[str, ...]:
    """What a report could tell of what a field holds now."""
    return _genres(cell_text(SEPARATOR.join(info.values(name))))


def _genres(cell: str) -> tuple[str, ...]:
    """The genres of a cell, which `; ` joins; a spreadsheet's cell may have lines."""
    parts = _PARTED.split(from_cell(cell))
    return tuple(part.strip() for part in parts if part.strip())


def _placed(row: Row, error: TaggerError) -> str:
    return f"line {row.line}: {error}"
