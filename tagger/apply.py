"""An edited CSV report -> genres in files: each row is written, or gets its reason."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tagger.config_values import nearest
from tagger.errors import InputError, TagError, TrackError, UnsupportedTagError
from tagger.plain import cell_text, from_cell, paths_of, visible
from tagger.report import SEPARATOR
from tagger.safewrite import WriteOptions, why_skipped, write_genres
from tagger.scan import Status, TrackResult
from tagger.tags import TagInfo, read_tags

NEEDED = ("path", "genres", "previous")
KNOWN = (*NEEDED, "status", "best_label", "score", "scores", "duration_s", "reason")

Write = Callable[[Path, Sequence[str], WriteOptions, TagInfo], bool]
"""Gives a file these genres if it still says what was read; True if it was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """What is done with the rows.

    Attributes:
        write: change files; otherwise only say what would be written.
        remove: an emptied cell removes the genre; otherwise such a row is left alone.
        writing: how files are changed.
    """

    write: bool = True
    remove: bool = False
    writing: WriteOptions = field(default_factory=WriteOptions)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a report.

    Attributes:
        line: where it ends in the file, counted from 1.
        cells: column to text.
        problem: why it cannot be used, or None.
    """

    line: int
    cells: Mapping[str, str]
    problem: str | None = None


def read_rows(path: Path, *, on_note: Callable[[str], None]) -> Iterator[Row]:
    """The rows of a report, one by one; commas, semicolons or tabs part the cells.

    Args:
        path: the file, UTF-8 (with or without a mark) or UTF-16 with one.
        on_note: called with a sentence for what is odd but harmless.

    Raises:
        InputError: it cannot be read, or is no report; raised before the first row.
    """
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16)
    except OSError as error:
        raise InputError(f"{path}: the report cannot be read ({error.strerror}).") from error
    encoding = "utf-16" if start[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    head = start.decode(encoding, errors="replace").partition("\n")[0].strip()
    delimiter = max(",;\t", key=head.count)
    names = next(csv.reader([head], delimiter=delimiter), [])
    _check_header(path, names, on_note)
    return _rows(path, encoding, delimiter, names)


def _check_header(path: Path, names: Sequence[str], on_note: Callable[[str], None]) -> None:
    for needed in NEEDED:
        if needed not in names:
            near = nearest(needed, names) if names else ""
            raise InputError(
                f"{path}: there is no column {visible(repr(needed))}{visible(near)}; give a CSV"
                " report of `tagger scan` or `tagger audit`, with its first line."
            )
    if foreign := [name for name in names if name not in KNOWN]:
        on_note(f"{path}: the columns {visible(', '.join(foreign))} are not used.")


def _rows(path: Path, encoding: str, delimiter: str, names: Sequence[str]) -> Iterator[Row]:
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        next(reader)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, UnicodeError) as error:
                yield Row(reader.line_num, {}, f"it cannot be read ({error})")
                if isinstance(error, UnicodeError):  # a torn UTF-16 file has no next row
                    return
                continue
            if cells:
                yield _row(reader.line_num, cells, names)


def _row(line: int, cells: Sequence[str], names: Sequence[str]) -> Row:
    found = dict(zip(names, cells, strict=False))
    problem = None
    if len(cells) != len(names):
        problem = (
            f"it has {len(cells)} cells and not {len(names)}; put quotes around a cell that"
            " holds the separator"
        )
    elif any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell):
        problem = "it is not UTF-8; save the table as 'CSV UTF-8'"
    return Row(line, found, problem)


def write_one(
    path: Path, genres: Sequence[str], options: WriteOptions, expected: TagInfo
) -> bool:
    """The one place that writes for `apply`."""
    return write_genres(path, genres, options=options, expected=expected)


def apply_rows(
    rows: Iterable[Row], options: ApplyOptions, *, write: Write = write_one
) -> Iterator[TrackResult]:
    """Write what stands in the rows.

    Args:
        rows: as `read_rows` gives them.
        options: what to do with them.
        write: how a file is changed.

    Yields:
        One result a row, in their order; never an exception for a single row.
    """
    for row in rows:
        yield _apply(row, options, write)


def _apply(row: Row, options: ApplyOptions, write: Write) -> TrackResult:
    path = Path(row.cells.get("path", "?"))
    try:
        if row.problem is not None:
            raise TagError(row.problem)
        path = _existing(row.cells["path"])
        wanted, before = (_genres(row.cells[name]) for name in ("genres", "previous"))
        info = read_tags(path, style=options.writing.style)
        status, reason = _decide(path, info, wanted, before, options)
        if status == "proposed" and options.write:
            changed = write(path, wanted, options.writing, info)
            status = "written" if changed else "unchanged"
    except UnsupportedTagError as error:
        return TrackResult(path=path, status="skipped", reason=_placed(row, error))
    except TrackError as error:
        return TrackResult(path=path, status="failed", reason=_placed(row, error))
    genres = wanted if status in {"proposed", "written"} else info.genres
    return TrackResult(
        path=path,
        status=status,
        genres=genres,
        previous=info.genres,
        reason=reason,
    )


def _decide(
    path: Path,
    info: TagInfo,
    wanted: tuple[str, ...],
    before: tuple[str, ...],
    options: ApplyOptions,
) -> tuple[Status, str | None]:
    """(status, reason) of a row whose file was found; `proposed` is to be written."""
    now = _genres(cell_text(SEPARATOR.join(info.genres)))  # what the report could tell of it
    if wanted == before:
        return "unchanged", "nothing was edited"
    if wanted == now:
        return "unchanged", "it holds these genres already"
    if now != before:
        said = ", ".join(info.genres) or "no genre"
        raise TagError(f"{path}: it was changed since the report: it now has {said}")
    if not wanted and not options.remove:
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
    raise TagError(f"{visible(cell)}: there is no such file{where}")


def _genres(cell: str) -> tuple[str, ...]:
    """The genres of a cell, which `; ` joins."""
    return tuple(
        part.strip() for part in from_cell(cell).split(SEPARATOR.strip()) if part.strip()
    )


def _placed(row: Row, error: TrackError) -> str:
    return f"line {row.line}: {error}"
